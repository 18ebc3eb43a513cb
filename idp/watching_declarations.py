"""The settings of guessers and of events to administrators; `idp/declarations.py` makes one list of all."""

from idp.environment import NETWORKS, RATE, SWITCH, Section, Setting, integer

_DAY, _YEAR = 86_400, 31_536_000

GUESSERS = Section(
    "Guessers",
    (
        Setting(
            "GUESSER_BLOCKING",
            SWITCH,
            "on",
            "Whether addresses and networks that keep giving wrong secrets are put on the blacklist for a while.",
        ),
        Setting(
            "GUESSER_RATE",
            RATE,
            "50/3600",
            "Wrong secrets of an address (IPv6 by /64), over all doors, that block it; one at the administration "
            "counts for five.",
        ),
        Setting(
            "GUESSER_BLOCK", integer(10, _YEAR), "900", "Seconds of the first block; each further one is twice as long."
        ),
        Setting("GUESSER_LONGEST_BLOCK", integer(10, _YEAR), "604800", "Seconds of the longest block."),
        Setting(
            "GUESSER_NETWORK_RATE",
            RATE,
            "200/3600",
            "The same for a network, /24 of IPv4 or /48 of IPv6.",
        ),
        Setting(
            "GUESSER_NETWORK_ADDRESSES",
            integer(2, 64),
            "5",
            "Addresses of a network that must have failed before the whole of it is blocked.",
        ),
        Setting(
            "GUESSER_EXEMPT",
            NETWORKS,
            "",
            "Networks that are never blocked by themselves; nor are loopback, `TRUSTED_PROXIES` and `ADMIN_NETWORKS`.",
        ),
        Setting(
            "GUESSER_RETENTION",
            integer(_DAY, 10 * _YEAR),
            "2592000",
            "Seconds a guesser is remembered after its last failure.",
        ),
        Setting(
            "ATTACKED_ACCOUNT_ADDRESSES",
            integer(2, 256),
            "20",
            "Addresses that fail with one account within the seconds of `GUESSER_RATE` and so raise an alert.",
        ),
    ),
)

EVENTS = Section(
    "Events to administrators",
    (
        Setting(
            "EVENT_DIGEST", integer(0, 3600), "60", "Seconds in which further events of a kind become one message."
        ),
        Setting(
            "EVENT_PATIENCE", integer(60, _YEAR), "86400", "Seconds a webhook is tried before a message is given up."
        ),
        Setting("EVENT_TIMEOUT", integer(1, 60), "10", "Seconds a webhook has to answer, connecting included."),
        Setting(
            "EVENT_RETENTION", integer(3600, 10 * _YEAR), "2592000", "Seconds events and what became of them are kept."
        ),
        Setting(
            "EVENT_PRIVATE_TARGETS",
            SWITCH,
            "off",
            "Whether webhooks may go to addresses of this machine and of private networks.",
        ),
        Setting("EVENT_HTTP_TARGETS", SWITCH, "off", "Whether webhooks may go over http."),
        Setting(
            "WATCH_INTERVAL",
            integer(1, 3600),
            "30",
            "Seconds between two looks at mail, homeserver and background jobs.",
        ),
        Setting(
            "MAIL_STUCK_AFTER", integer(10, _YEAR), "900", "Seconds after which a mail that still waits is told of."
        ),
        Setting(
            "HOMESERVER_SILENT_AFTER",
            integer(10, _YEAR),
            "120",
            "Seconds for which the homeserver must not have answered before it is told of.",
        ),
        Setting(
            "JOB_FAILING_AFTER",
            integer(1, _YEAR),
            "60",
            "Seconds for which a background job must fail before it is told of.",
        ),
    ),
)

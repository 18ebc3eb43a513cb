"""The settings of rendezvous sessions; `idp/declarations.py` makes one list of all."""

from idp.environment import RATE, Section, Setting, choice, integer

RENDEZVOUS = Section(
    "QR login",
    (
        Setting(
            "RENDEZVOUS_MODE",
            choice("open", "authenticated", "off"),
            "open",
            "Who may create a rendezvous session: everybody, or who is signed in; off: 404 at its paths. An "
            "administrator may choose otherwise.",
        ),
        Setting("RENDEZVOUS_LIFETIME", integer(120, 300), "300", "Seconds a rendezvous session lives."),
        Setting("RENDEZVOUS_MOST", integer(1, 10_000_000), "100000", "Live rendezvous sessions of everybody."),
        Setting("RENDEZVOUS_PER_ADDRESS", integer(1, 100_000), "100", "Live rendezvous sessions per client address."),
        Setting("RENDEZVOUS_PER_USER", integer(1, 100_000), "10", "Live rendezvous sessions per account."),
        Setting("RENDEZVOUS_CREATE_RATE", RATE, "60/60", "Rendezvous sessions made per address."),
        Setting("RENDEZVOUS_WRITE_RATE", RATE, "60/60", "Writes per rendezvous session."),
        Setting("RENDEZVOUS_READ_RATE", RATE, "100/10", "Reads per rendezvous session; clients poll every second."),
    ),
)

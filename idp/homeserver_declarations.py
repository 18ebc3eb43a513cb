"""The settings of a Synapse that delegates to this server; `idp/declarations.py` makes one list of all."""

from idp.environment import OPTIONAL_URL, TEXT, Section, Setting, integer

HOMESERVER = Section(
    "A Synapse behind this server",
    (
        Setting(
            "MATRIX_HOMESERVER_URL",
            OPTIONAL_URL,
            "",
            "Where this server reaches a Synapse that delegates to it; see `docs/synapse.md`.",
        ),
        Setting(
            "MATRIX_HOMESERVER_SECRET",
            TEXT,
            "",
            "`matrix_authentication_service.secret` of that Synapse.",
            secret=True,
        ),
        Setting(
            "MATRIX_HOMESERVER_PUBLIC_URL",
            OPTIONAL_URL,
            "",
            "Where Matrix clients reach that Synapse, through the reverse proxy.",
            shown_default="`MATRIX_HOMESERVER_URL`",
        ),
        Setting(
            "MATRIX_HOMESERVER_SYNC_INTERVAL",
            integer(600, 31_536_000),
            "86400",
            "Seconds between two comparisons of an account's devices with that Synapse.",
        ),
    ),
)

"""The settings of log, figures and health; `idp/declarations.py` makes one list of all."""

from idp.environment import SWITCH, TEXT, Section, Setting, integer

FIGURES = Section(
    "Log, figures, health",
    (
        Setting(
            "REQUEST_LOG",
            SWITCH,
            "on",
            "Whether each request and each socket leaves a line in the log; `LOG_LEVEL` above INFO silences them too.",
        ),
        Setting("METRICS_TOKEN", TEXT, "", "Lets a scraper that is not on loopback read `/metrics`.", secret=True),
        Setting(
            "READY_MAIL_AGE",
            integer(0, 31_536_000),
            "14400",
            "Seconds the oldest waiting mail may have before `/readyz` says 503; 0: mails do not count there.",
        ),
    ),
)

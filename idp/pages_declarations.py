"""The settings of the sign-in pages; the rest is in `idp/declarations.py`, which makes one list of all."""

from idp.environment import RATE, SWITCH, Section, Setting, choice, integer

_YEAR = 31_536_000

SIGN_IN_PAGES = Section(
    "Sign-in pages",
    (
        Setting("BROWSER_IDLE", integer(300, _YEAR), "1209600", "Seconds without use that end a browser's sign-in."),
        Setting(
            "BROWSER_LIFETIME", integer(300, 10 * _YEAR), "7776000", "Seconds after which a browser signs in anew."
        ),
        Setting(
            "RECENT_SIGN_IN",
            integer(60, 86_400),
            "900",
            "Seconds for which a proof of who one is counts where much is at stake; then it is asked for again.",
        ),
        Setting(
            "ADMIN_REQUIRE_2FA",
            choice("auto", "on", "off"),
            "auto",
            "Whether administrators must have a second factor; `auto`: with https.",
        ),
        Setting("REQUIRE_2FA", SWITCH, "off", "Whether everybody who signs in with a browser must have one."),
        Setting("SIGN_IN_RATE", RATE, "5/30", "Failed sign-ins per account and client address."),
        Setting("SIGN_IN_ADDRESS_RATE", RATE, "60/60", "Failed sign-ins per client address."),
        Setting("SIGN_UP_RATE", RATE, "3/60", "New accounts per client address."),
        Setting("PAGE_MAIL_RATE", RATE, "3/10800", "Mails that the pages send to one mail address."),
        Setting("PAGE_CODE_LIFETIME", integer(60, 86_400), "480", "Seconds a mailed code for signing in is good."),
        Setting(
            "NEW_DEVICE_MAILS",
            SWITCH,
            "on",
            "Whether people hear by mail of each new device of their account, at whichever door.",
        ),
        Setting("NEW_DEVICE_MAIL_RATE", RATE, "20/3600", "Mails about new devices per account."),
        Setting(
            "PAGE_LINK_LIFETIME",
            integer(300, 604_800),
            "3600",
            "Seconds a mailed link for a new password, or a code that confirms an address, is good.",
        ),
    ),
)

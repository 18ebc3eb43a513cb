"""The settings of OAuth and device login; `idp/declarations.py` makes one list of all."""

from idp.environment import HOSTS, RATE, SWITCH, Section, Setting, integer

_YEAR = 31_536_000

OAUTH = Section(
    "OAuth and device login",
    (
        Setting("OAUTH", SWITCH, "on", "Whether programs may sign people in over OAuth 2.0; off: 404 at its paths."),
        Setting(
            "OAUTH_CLIENT_HOSTS",
            HOSTS,
            "",
            "Hosts whose programs, with those of the hosts below, may register and sign people in.",
            "all that are not blocked",
        ),
        Setting("OAUTH_ACCESS_LIFETIME", integer(30, 86_400), "300", "Seconds of an access token."),
        Setting("OAUTH_REFRESH_IDLE", integer(0, 10 * _YEAR), "0", "Seconds a refresh token lives; 0: always."),
        Setting("OAUTH_CODE_LIFETIME", integer(10, 600), "60", "Seconds of an authorization code."),
        Setting("OAUTH_ID_TOKEN_LIFETIME", integer(60, 86_400), "3600", "Seconds of an ID token."),
        Setting("OAUTH_DEVICE_GRANT", SWITCH, "on", "Whether a device may be signed in by typing its code elsewhere."),
        Setting("DEVICE_CODE_LIFETIME", integer(60, 3600), "1200", "Seconds a device code and its user code live."),
        Setting("DEVICE_CODE_INTERVAL", integer(1, 60), "5", "Least seconds between two polls of a device."),
        Setting(
            "DEVICE_CODE_LINK",
            SWITCH,
            "on",
            "Whether a device gets a link that holds its user code, for QR codes; the decision is asked for anyway.",
        ),
        Setting("OAUTH_CLIENT_RETENTION", integer(3600, 10 * _YEAR), "2592000", "Seconds an unused program is kept."),
        Setting("OAUTH_REGISTRATION_RATE", RATE, "10/100", "Registrations of programs per address."),
        Setting("OAUTH_AUTHORIZE_RATE", RATE, "60/60", "Authorization requests per address."),
        Setting("OAUTH_FAILURE_RATE", RATE, "60/60", "Failed calls of the token endpoint per address."),
        Setting("DEVICE_CODE_RATE", RATE, "60/60", "Device codes per address."),
        Setting("DEVICE_CODE_UNDECIDED", integer(1, 100_000), "50", "Undecided device codes per address."),
        Setting("USER_CODE_RATE", RATE, "10/600", "Wrong user codes per account."),
        Setting("USER_CODE_ADDRESS_RATE", RATE, "20/600", "Wrong user codes per address."),
        Setting(
            "USER_CODE_BRAKE", RATE, "1000/3600", "Wrong user codes of everybody, after which new ones are longer."
        ),
    ),
)

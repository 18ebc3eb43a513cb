"""The settings of the doors; the rest is in `idp/declarations.py`, which makes one list of all."""

from idp.environment import HOSTS, RATE, SERVER_NAME, SWITCH, TEXT, Section, Setting, choice, integer

_YEAR = 31_536_000

SESSION_DOOR = Section(
    "Session door",
    (
        Setting("SESSION_CHALLENGE_LIFETIME", integer(10, 3600), "120", "Seconds a challenge may be answered."),
        Setting(
            "SESSION_TOKEN_IDLE",
            integer(0, 100 * _YEAR),
            "15552000",
            "Seconds without use after which a token dies; 0: never.",
        ),
        Setting(
            "SESSION_TOKEN_LIFETIME",
            integer(0, 100 * _YEAR),
            "0",
            "Seconds after which a token dies; 0: never.",
        ),
        Setting("SESSION_TOKEN_IN_URL", SWITCH, "on", "Whether `?access_token=` is accepted."),
        Setting("SESSION_CHALLENGE_RATE", RATE, "600/60", "Challenges per address."),
        Setting("SESSION_FAILURE_RATE", RATE, "300/60", "Failed submits per address."),
    ),
)

MATRIX_DOOR = Section(
    "Matrix door",
    (
        Setting(
            "MATRIX_SERVER_NAME",
            SERVER_NAME,
            "",
            "The part after `:` in `@name:server`.",
            "host of `PUBLIC_URL`",
        ),
        Setting("MATRIX_LEGACY_LOGIN", SWITCH, "on", "Login with a password over `/login`; off: 404 there."),
        Setting("MATRIX_GUESTS", SWITCH, "off", "Whether guests may register."),
        Setting(
            "MATRIX_ACCESS_LIFETIME", integer(30, 86_400), "300", "Seconds of an access token that can be refreshed."
        ),
        Setting("MATRIX_REFRESH_IDLE", integer(0, 10 * _YEAR), "7776000", "Seconds a refresh token lives; 0: always."),
        Setting("MATRIX_REFRESH_GRACE", integer(0, 3600), "60", "Seconds after which a spent refresh token is theft."),
        Setting("MATRIX_LOGIN_TOKEN_LIFETIME", integer(5, 3600), "120", "Seconds of a login token."),
        Setting("MATRIX_GET_LOGIN_TOKEN", SWITCH, "on", "Whether a session may ask for a login token."),
        Setting("MATRIX_SSO", SWITCH, "on", "Whether clients may send people to the sign-in page (`m.login.sso`)."),
        Setting("MATRIX_SSO_HOSTS", HOSTS, "", "Hosts to which `m.login.sso` leads back over https without asking."),
        Setting(
            "MATRIX_UIA_LIFETIME",
            integer(60, 86_400),
            "3600",
            "Seconds of an interactive-auth session since its last use.",
        ),
        Setting("MATRIX_UIA_MAIL_LIFETIME", integer(60, 604_800), "172800", "The same once a mail was sent for it."),
        Setting("MATRIX_MAIL_TOKEN_LIFETIME", integer(60, 86_400), "3600", "Seconds a link in a mail is good."),
        Setting("MATRIX_NEXT_LINK_HOSTS", HOSTS, "", "Hosts a `next_link` may lead to.", "host of `PUBLIC_URL`"),
        Setting("MATRIX_DEVICE_LIMIT", integer(0, 100_000), "0", "Devices an account may have; 0: any number."),
        Setting(
            "MATRIX_DEVICE_IDLE",
            integer(0, 10 * _YEAR),
            "0",
            "Seconds after which an unused device is removed; 0: never.",
        ),
        Setting("MATRIX_LOGIN_RATE", RATE, "10/100", "Failed logins per address."),
        Setting("MATRIX_REGISTRATION_RATE", RATE, "3/60", "Registrations per address."),
        Setting("MATRIX_VALIDITY_RATE", RATE, "5/50", "Questions whether a registration token is good, per address."),
        Setting("MATRIX_LOGIN_TOKEN_RATE", RATE, "1/60", "Login tokens per account."),
        Setting("MATRIX_REFRESH_RATE", RATE, "10/50", "Refreshes per device."),
        Setting(
            "SYNAPSE_PEPPER",
            TEXT,
            "",
            "`password_config.pepper` of the Synapse whose accounts were imported; needed until all have signed in.",
            secret=True,
        ),
    ),
)

OTP_DOOR = Section(
    "E-mail code door",
    (
        Setting("OTP_CODE_DIGITS", integer(6, 10), "6", "Digits of a code."),
        Setting("OTP_CODE_LIFETIME", integer(60, 86_400), "600", "Seconds a code is good."),
        Setting(
            "OTP_TOKEN_MAX_AGE",
            integer(300, 2 * _YEAR),
            "86400",
            "Longest life of a code-login token, seconds.",
        ),
        Setting(
            "OTP_REMEMBERED_PASSWORD",
            choice("optional", "required"),
            "optional",
            "Whether a remembered login asks for the password again.",
        ),
        Setting(
            "OTP_COMPARE_FAMILIES",
            SWITCH,
            "off",
            "Whether a remembered login outlives an update: then only the kind of browser and system must be the same.",
        ),
        Setting("OTP_ACCESS_LIFETIME", integer(30, 86_400), "300", "Seconds of the access token that a sign-in gives."),
        Setting("OTP_MAIL_LIMIT", RATE, "5/900", "Mails with a code per account; `RATE_LIMIT_SCALE` leaves it alone."),
        Setting("OTP_ADDRESS_MAIL_RATE", RATE, "20/3600", "Mails with a code per client address."),
        Setting("OTP_PASSWORD_RATE", RATE, "10/900", "Wrong passwords per mail address and client address."),
        Setting("OTP_ADDRESS_RATE", RATE, "60/60", "Wrong passwords per client address."),
        Setting(
            "OTP_WRONG_CODE_RATE", RATE, "15/3600", "Wrong codes per account, after which no mail goes for an hour."
        ),
        Setting("OTP_SOCKETS_PER_ADDRESS", integer(1, 100_000), "50", "Open sockets per client address."),
    ),
)

OPENPGP_DOOR = Section(
    "Laverna door",
    (
        Setting(
            "OPENPGP_SESSION_TOKEN_LIFETIME",
            integer(30, 3600),
            "480",
            "Seconds a session token may be signed and sent.",
        ),
        Setting("OPENPGP_TOKEN_LIFETIME", integer(60, _YEAR), "86400", "Seconds of an auth token."),
        Setting("OPENPGP_BODY_LIMIT", integer(16_384, 1_048_576), "102400", "Bytes of a request with a key."),
        Setting("OPENPGP_DIRECTORY_RATE", RATE, "60/60", "Look-ups of people per address."),
        Setting("OPENPGP_CHALLENGE_RATE", RATE, "30/60", "Session tokens per address."),
        Setting("OPENPGP_FAILURE_RATE", RATE, "10/60", "Failed sign-ins per user and address."),
        Setting("OPENPGP_REGISTRATION_RATE", RATE, "3/60", "Registrations per address."),
        Setting(
            "OPENPGP_HIDE_USERS", SWITCH, "off", "Whether session tokens are given for names that do not exist too."
        ),
        Setting(
            "OPENPGP_GPG",
            TEXT,
            "",
            "The gpg program, for RSA keys below 2048 or above 4096 bits.",
            "`gpg` of the `PATH`",
        ),
        Setting("OPENPGP_VERIFIERS_AT_ONCE", integer(0, 64), "0", "gpg processes at once.", "number of cores"),
        Setting(
            "SIGNALING_CONTACTS_ONLY",
            SWITCH,
            "off",
            "Whether people reach only those an invitation connects them with.",
        ),
        Setting(
            "SIGNALING_INVITE_LIFETIME", integer(0, 10 * _YEAR), "2592000", "Seconds an invitation waits; 0: always."
        ),
        Setting("SIGNALING_INVITE_RATE", RATE, "20/60", "Invitations per sender."),
        Setting("SIGNALING_OFFERS_RATE", RATE, "30/60", "Calls of `requestOffers` per sender."),
        Setting("SIGNALING_PENDING_INVITES", integer(1, 100_000), "100", "Invitations that wait for one person."),
        Setting("SIGNALING_SOCKETS_PER_USER", integer(1, 10_000), "20", "Open sockets per account."),
        Setting("SIGNALING_SOCKETS_PER_ADDRESS", integer(1, 100_000), "100", "Open sockets per client address."),
        Setting("SIGNALING_EVENT_BYTES", integer(4096, 1_000_000), "262144", "Bytes of one event."),
    ),
)

OTHER_DOORS = Section(
    "For doors that are not open in this release: checked at start, without effect",
    (
        Setting("DEMO", SWITCH, "off", "Serves the demonstration pages under `/demo/`."),
        Setting("ALLOWED_ORIGINS", HOSTS, "", "Browser origins that may open sockets with a cookie."),
    ),
)

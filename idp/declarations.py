"""Every setting, declared once: name, kind, default, meaning. docs/settings.md is made from this file.

`python manage.py settings_page` prints the page; a test fails when page and declarations differ.
"""

from idp.door_declarations import MATRIX_DOOR, OPENPGP_DOOR, OTHER_DOORS, OTP_DOOR, SESSION_DOOR
from idp.environment import (
    BASE_URL,
    HOSTS,
    NETWORKS,
    POSITIVE,
    RATE,
    RELATIVE_PATH,
    SWITCH,
    TEXT,
    WORDS,
    Section,
    Setting,
    choice,
    integer,
)
from idp.figures_declarations import FIGURES
from idp.homeserver_declarations import HOMESERVER
from idp.oauth_declarations import OAUTH
from idp.pages_declarations import SIGN_IN_PAGES
from idp.rendezvous_declarations import RENDEZVOUS
from idp.watching_declarations import EVENTS, GUESSERS

PUBLIC_URL_DEFAULT = "http://localhost:8000"
_YEAR = 31_536_000

SERVER = Section(
    "The server",
    (
        Setting("HOST", TEXT, "127.0.0.1", "Address to listen on."),
        Setting("PORT", integer(1, 65535), "8000", "Port to listen on."),
        Setting(
            "SERVER",
            choice("daphne", "uvicorn"),
            "daphne",
            "Which server carries the application; several processes need uvicorn. The application is the same.",
        ),
        Setting(
            "WORKERS",
            integer(1, 64),
            "1",
            "Processes. More than one is refused without `REDIS_URL` or with `SERVER=daphne`; with SQLite it warns.",
        ),
        Setting(
            "PUBLIC_URL",
            BASE_URL,
            PUBLIC_URL_DEFAULT,
            "The base URL people and clients see. With https, cookies are secure and HSTS is sent.",
        ),
        Setting(
            "ALLOWED_HOSTS",
            HOSTS,
            "",
            "Host names under which pages may be asked for.",
            shown_default="host of `PUBLIC_URL`, localhost, 127.0.0.1, [::1]",
        ),
        Setting(
            "SECRET_KEY",
            TEXT,
            "",
            "Key of all signatures; at least 32 characters.",
            shown_default="made once, kept in `VAR_DIR/secret_key`, mode 0600",
            secret=True,
        ),
        Setting(
            "SECRET_KEY_FALLBACKS",
            WORDS,
            "",
            "Older keys, with commas between, that still verify what they signed.",
            secret=True,
        ),
        Setting("DEBUG", SWITCH, "off", "Development only: refused unless `HOST` is a loopback address."),
        Setting(
            "VAR_DIR",
            TEXT,
            "var",
            "Folder of the embedded defaults: database, key, mails; relative to the folder of `manage.py`.",
        ),
        Setting(
            "TRUSTED_PROXIES",
            NETWORKS,
            "",
            "Networks whose `X-Forwarded-For` is believed; the client is then its right-most entry outside them.",
        ),
        Setting("HTTP_THREADS", integer(1, 256), "16", "Threads that answer HTTP requests, per process."),
        Setting("SOCKET_THREADS", integer(1, 256), "4", "Threads that work for websockets and hot routes."),
        Setting("QUEUE_LENGTH", integer(1, 100_000), "1024", "Requests that may wait for a thread; more get 503."),
        Setting("LOG_LEVEL", choice("DEBUG", "INFO", "WARNING", "ERROR"), "INFO", "Least severity that is logged."),
    ),
)

STORES = Section(
    "Database and Redis",
    (
        Setting(
            "DATABASE_URL",
            TEXT,
            "",
            "`sqlite:///relative/path`, `sqlite:////absolute/path` or `postgres://user:password@host:5432/name`.",
            shown_default="`sqlite:///VAR_DIR/idp.sqlite3`",
            secret=True,
        ),
        Setting(
            "SQLITE_SYNCHRONOUS",
            choice("NORMAL", "FULL"),
            "NORMAL",
            "`FULL` also survives a power cut without losing the last moments; it writes slower.",
        ),
        Setting(
            "DATABASE_TIMEOUT",
            integer(1, 60),
            "5",
            "Seconds a lock or a statement is waited for; for a Postgres connection at most 1.8 of them.",
        ),
        Setting("DATABASE_POOL", integer(1, 256), "16", "Postgres connections per process at the most."),
        Setting(
            "REDIS_URL",
            TEXT,
            "",
            "`redis://host:6379/0`: cache, rate limits and channel layer of several processes.",
            shown_default="unset: in-process layers",
            secret=True,
        ),
    ),
)

PEOPLE = Section(
    "Accounts and administration",
    (
        Setting(
            "REGISTRATION",
            choice("open", "token", "closed"),
            "open",
            "Who may make an account where a person asks for one. For a Session key's first login the lists decide.",
        ),
        Setting(
            "REGISTRATION_EMAIL",
            choice("off", "optional", "required"),
            "off",
            "Whether a new account of a person proves an e-mail address first.",
        ),
        Setting(
            "TERMS_FILE",
            TEXT,
            "",
            "JSON file of the documents a new account accepts, as `policies` in the Matrix specification.",
        ),
        Setting(
            "HIDE_ADDRESSES",
            SWITCH,
            "on",
            "A request for a mail is answered alike whether or not the address belongs to somebody.",
        ),
        Setting(
            "PASSWORD_FAILURE_RATE",
            RATE,
            "5/100",
            "Wrong passwords per account; once used up the wait doubles with each further one, to 15 minutes.",
        ),
        Setting("PASSWORD_MIN_LENGTH", integer(8, 128), "8", "Least characters of a new password."),
        Setting("ADMIN_PATH", RELATIVE_PATH, "admin/", "Where the administration lives."),
        Setting("ADMIN_NETWORKS", NETWORKS, "", "Networks that may open the administration.", shown_default="all"),
        Setting("ADMIN_LOGIN_RATE", RATE, "5/900", "Wrong administrator passwords per address and per account."),
        Setting("ADMIN_IDLE", integer(60, 86_400), "1800", "Seconds without a click that end an admin session."),
        Setting("ADMIN_LIFETIME", integer(300, 604_800), "43200", "Seconds after which an admin session ends."),
    ),
)

LIMITS = Section(
    "Limits",
    (
        Setting(
            "RATE_LIMIT_SCALE",
            POSITIVE,
            "1",
            "Multiplies the allowances per address, account, device and socket (a large office, load tests).",
        ),
        Setting("BODY_LIMIT", integer(1024, 16_777_216), "65536", "Bytes of a request body on API paths."),
        Setting(
            "ADMIN_BODY_LIMIT",
            integer(65_536, 268_435_456),
            "33554432",
            "Bytes of a request body in the admin.",
        ),
        Setting("HEAD_TIMEOUT", integer(1, 300), "10", "Seconds for the head of a request to arrive."),
        Setting("BODY_TIMEOUT", integer(1, 600), "30", "Seconds for the body of a request to arrive."),
        Setting("KEEP_ALIVE", integer(1, 600), "60", "Seconds an idle connection stays open."),
        Setting("PASSWORD_HASHERS_AT_ONCE", integer(0, 256), "0", "Password hashes at once; 0: one per processor."),
    ),
)

RETENTION = Section(
    "Keeping and forgetting",
    (
        Setting(
            "TOKEN_CACHE",
            choice("on", "off"),
            "on",
            "Whether a token just looked up is remembered for at most a second where clients ask very often.",
        ),
        Setting(
            "TOKEN_TOUCH_INTERVAL",
            integer(1, 86_400),
            "300",
            "Seconds between two writes of a token's last use.",
        ),
        Setting("TOKEN_RETENTION", integer(120, 10 * _YEAR), "604800", "Seconds a dead token is kept."),
        Setting("CHALLENGE_RETENTION", integer(0, _YEAR), "3600", "Seconds an expired challenge is kept."),
        Setting("AUDIT_RETENTION", integer(3600, 100 * _YEAR), "7776000", "Seconds an audit event is kept."),
        Setting("MAIL_LIFETIME", integer(60, _YEAR), "259200", "Seconds a mail without an end of its own is tried."),
        Setting(
            "MAIL_FILE_RETENTION",
            integer(0, 100 * _YEAR),
            "2592000",
            "Seconds a mail that was written to a file stays there; 0: for ever.",
        ),
        Setting("PURGE_INTERVAL", integer(60, 604_800), "3600", "Seconds between two purges by the server itself."),
    ),
)

MAIL = Section(
    "Mail",
    (
        Setting(
            "EMAIL_URL",
            TEXT,
            "",
            "Any mail backend of Django as a URL, such as `smtp+tls://user:password@host:587`.",
            shown_default="`filemail:///VAR_DIR/mail`: one file a mail",
            secret=True,
        ),
        Setting("EMAIL_FROM", TEXT, "", "Sender of mails.", shown_default="idp@ and the host of `PUBLIC_URL`"),
        Setting("MAIL_RATE", RATE, "3/300", "Mails that strangers can cause, per client address and per mail address."),
    ),
)

SECTIONS = (
    SERVER,
    STORES,
    PEOPLE,
    SIGN_IN_PAGES,
    MAIL,
    LIMITS,
    GUESSERS,
    EVENTS,
    FIGURES,
    RETENTION,
    SESSION_DOOR,
    MATRIX_DOOR,
    OTP_DOOR,
    OPENPGP_DOOR,
    OAUTH,
    RENDEZVOUS,
    HOMESERVER,
    OTHER_DOORS,
)

"""Django settings, in the order a reader asks: what the operator said, then what follows from it.

What an operator may set is declared in `idp/declarations.py`; this file only turns it into Django's terms.
"""

import sys
from datetime import UTC, datetime
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Any

from idp import secret_key, stores, terms
from idp.declarations import PUBLIC_URL_DEFAULT
from idp.declared import BASE_DIR
from idp.declared import values as _declared
from idp.door_settings import *  # noqa: F403  # one list for Django, several files for people
from idp.environment import Rate, UnknownValue
from idp.figures_settings import *  # noqa: F403  # likewise
from idp.homeserver_settings import *  # noqa: F403  # likewise
from idp.oauth_settings import *  # noqa: F403  # likewise
from idp.pages_settings import *  # noqa: F403  # likewise
from idp.rendezvous_settings import *  # noqa: F403  # likewise
from idp.unsafe import refuse_unsafe
from idp.watching_settings import *  # noqa: F403  # likewise

# --- What the operator said ---------------------------------------------------------------------

try:
    refuse_unsafe(_declared)
    VAR_DIR: Path = (BASE_DIR / _declared["VAR_DIR"]).resolve()
    SECRET_KEY_IS_OWN = not _declared["SECRET_KEY"]  # kept in VAR_DIR; `rotatekeys` may change it while we run
    SECRET_KEYS_GIVEN: list[str] = _declared["SECRET_KEY_FALLBACKS"]
    _old_keys = secret_key.own_fallbacks(VAR_DIR / secret_key.FALLBACKS_NAME) if SECRET_KEY_IS_OWN else []
    SECRET_KEY: str = _declared["SECRET_KEY"] or secret_key.own_secret_key(VAR_DIR / secret_key.NAME)
    DATABASES = {
        "default": stores.database(
            _declared["DATABASE_URL"] or f"sqlite:///{VAR_DIR}/idp.sqlite3",
            folder=BASE_DIR,
            timeout=_declared["DATABASE_TIMEOUT"],
            synchronous=_declared["SQLITE_SYNCHRONOUS"],
            pool_size=_declared["DATABASE_POOL"],
        )
    }
    _email = stores.email(_declared["EMAIL_URL"] or f"filemail:///{VAR_DIR}/mail", folder=BASE_DIR)
    _terms = terms.read(_declared["TERMS_FILE"], folder=BASE_DIR)
    REDIS_URL: str = stores.redis_url(_declared["REDIS_URL"])
except UnknownValue as unknown:
    sys.exit(f"Latchkey cannot start: {unknown}")

HOST: str = _declared["HOST"]
PORT: int = _declared["PORT"]
SERVER: str = _declared["SERVER"]
WORKERS: int = _declared["WORKERS"]
PUBLIC_URL: str = _declared["PUBLIC_URL"]
PUBLIC_URL_IS_SET = PUBLIC_URL != PUBLIC_URL_DEFAULT
PUBLIC_HOST = stores.host_of(PUBLIC_URL)
PUBLIC_IS_HTTPS = PUBLIC_URL.startswith("https://")
ALLOWED_HOSTS: list[str] = _declared["ALLOWED_HOSTS"] or [PUBLIC_HOST, "localhost", "127.0.0.1", "[::1]"]
SECRET_KEY_FALLBACKS: list[str] = [*SECRET_KEYS_GIVEN, *secret_key.in_force(_old_keys, datetime.now(UTC))]
DEBUG: bool = _declared["DEBUG"]
TRUSTED_PROXIES: list[IPv4Network | IPv6Network] = _declared["TRUSTED_PROXIES"]
HTTP_THREADS: int = _declared["HTTP_THREADS"]
SOCKET_THREADS: int = _declared["SOCKET_THREADS"]
QUEUE_LENGTH: int = _declared["QUEUE_LENGTH"]

globals().update(_email)  # EMAIL_BACKEND and what that backend needs
DEFAULT_FROM_EMAIL = SERVER_EMAIL = _declared["EMAIL_FROM"] or f"idp@{PUBLIC_HOST}"
MAIL_RATE: Rate = _declared["MAIL_RATE"]

REGISTRATION: str = _declared["REGISTRATION"]
REGISTRATION_EMAIL: str = _declared["REGISTRATION_EMAIL"]
TERMS: dict[str, Any] = _terms
HIDE_ADDRESSES: bool = _declared["HIDE_ADDRESSES"]
PASSWORD_FAILURE_RATE: Rate = _declared["PASSWORD_FAILURE_RATE"]
PASSWORD_MIN_LENGTH: int = _declared["PASSWORD_MIN_LENGTH"]
PASSWORD_HASHERS_AT_ONCE: int = _declared["PASSWORD_HASHERS_AT_ONCE"]
ADMIN_PATH: str = _declared["ADMIN_PATH"]
ADMIN_NETWORKS: list[IPv4Network | IPv6Network] = _declared["ADMIN_NETWORKS"]
ADMIN_LOGIN_RATE: Rate = _declared["ADMIN_LOGIN_RATE"]
ADMIN_IDLE: int = _declared["ADMIN_IDLE"]
ADMIN_LIFETIME: int = _declared["ADMIN_LIFETIME"]
ADMIN_REQUIRE_2FA = {"on": True, "off": False, "auto": PUBLIC_IS_HTTPS}[_declared["ADMIN_REQUIRE_2FA"]]
DEMO: bool = _declared["DEMO"]
ALLOWED_ORIGINS: list[str] = _declared["ALLOWED_ORIGINS"]

RATE_LIMIT_SCALE: float = _declared["RATE_LIMIT_SCALE"]
BODY_LIMIT: int = _declared["BODY_LIMIT"]
ADMIN_BODY_LIMIT: int = _declared["ADMIN_BODY_LIMIT"]
HEAD_TIMEOUT: int = _declared["HEAD_TIMEOUT"]
BODY_TIMEOUT: int = _declared["BODY_TIMEOUT"]
KEEP_ALIVE: int = _declared["KEEP_ALIVE"]

TOKEN_CACHE = _declared["TOKEN_CACHE"] == "on"
TOKEN_TOUCH_INTERVAL: int = _declared["TOKEN_TOUCH_INTERVAL"]
TOKEN_RETENTION: int = _declared["TOKEN_RETENTION"]
CHALLENGE_RETENTION: int = _declared["CHALLENGE_RETENTION"]
AUDIT_RETENTION: int = _declared["AUDIT_RETENTION"]
MAIL_LIFETIME: int = _declared["MAIL_LIFETIME"]
MAIL_FILE_RETENTION: int = _declared["MAIL_FILE_RETENTION"]
PURGE_INTERVAL: int = _declared["PURGE_INTERVAL"]

# --- Applications and URLs ----------------------------------------------------------------------

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "channels",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "accounts",
    "accounts.api",
    "accounts.matrix",
    "accounts.pages",
    "challenges.session",
    "challenges.otp",
    "challenges.openpgp",
    "devicelogin.oauth",
    "devicelogin.oauth.pages",
    "devicelogin.rendezvous",
    "devicelogin.rendezvous.demo",
    "idp",
]
ROOT_URLCONF = "idp.urls"
ASGI_APPLICATION = "idp.asgi.application"
APPEND_SLASH = False  # no API path may redirect: a POST would lose its body

# The list of people's pages and the admin. API paths are answered without any of it (idp/bridge.py).
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "idp.page_headers.PageHeadersMiddleware",
    "idp.page_language.PageLanguageMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "accounts.browser.cookies.PageSessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "accounts.staff.StaffSessionMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [VAR_DIR / "templates", BASE_DIR / "idp" / "templates"],  # an operator's own pages and mails first
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "accounts.browser.context.page",
            ]
        },
    }
]

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": [],
    "UNAUTHENTICATED_USER": None,
    "DEFAULT_SCHEMA_CLASS": "accounts.api.described.DoorSchema",
}
SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Latchkey",
    "DESCRIPTION": "One account, opened by the programs people already use. Each tag is a door.",
    "VERSION": "1",
    "PREPROCESSING_HOOKS": ["idp.openapi.one_path_a_route"],
    "POSTPROCESSING_HOOKS": ["idp.openapi.add_hot_routes", "idp.openapi.tag_by_door"],
    "APPEND_COMPONENTS": {"securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}}},
}

# --- Accounts -----------------------------------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["accounts.staff.StaffPasswordBackend"]
PASSWORD_HASHERS = [
    "accounts.hashers.Argon2id",
    # Not Django's Argon2 class too: one algorithm name means one class, and ours verifies any Argon2 hash.
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2SHA1PasswordHasher",
    "django.contrib.auth.hashers.ScryptPasswordHasher",
    "accounts.hashers.SynapseBcrypt",
]
AUTH_PASSWORD_VALIDATORS = [{"NAME": "accounts.passwords.PolicyValidator"}]
ACCOUNT_USER_MODEL_EMAIL_FIELD = None  # addresses live in django-allauth's EmailAddress rows only
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_UNIQUE_EMAIL = True
LOGIN_URL = f"/{ADMIN_PATH}login/"
LOGIN_REDIRECT_URL = f"/{ADMIN_PATH}"

# --- Cookies and headers of pages (R47, R52) ----------------------------------------------------

SESSION_COOKIE_AGE = ADMIN_IDLE
SESSION_SAVE_EVERY_REQUEST = True  # the idle limit counts from the last click
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = PUBLIC_IS_HTTPS
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_NAME = "__Host-session" if PUBLIC_IS_HTTPS else "session"
CSRF_COOKIE_NAME = "__Host-csrf" if PUBLIC_IS_HTTPS else "csrf"
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
SECURE_HSTS_SECONDS = 31_536_000 if PUBLIC_IS_HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = False  # the operator's other hosts are not ours
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

# --- Layers -------------------------------------------------------------------------------------

CACHES = {"default": stores.cache(REDIS_URL)}
CHANNEL_LAYERS = {"default": stores.channel_layer(REDIS_URL)}

# --- The rest -----------------------------------------------------------------------------------

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATA_UPLOAD_MAX_NUMBER_FIELDS = 100  # R41; the admin's bulk actions name their rows in a filter instead
DATA_UPLOAD_MAX_MEMORY_SIZE = _declared["ADMIN_BODY_LIMIT"]  # the bridge bounds bodies before Django reads them
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "idp" / "static"]
WHITENOISE_USE_FINDERS = True  # one command starts the server: no collectstatic
TEST_RUNNER = "django.test.runner.DiscoverRunner"
SILENCED_SYSTEM_CHECKS = [
    "security.W005",  # HSTS for sub-domains: other hosts of the operator's domain are not ours to bind
    "security.W021",  # HSTS preload: likewise
    "security.W008",  # no redirect to https: the reverse proxy does it, API clients must not be redirected
]

UNFOLD = {
    "SITE_TITLE": "Latchkey",
    "SITE_HEADER": "Latchkey",
    "SITE_SUBHEADER": "Administration",
    "SITE_URL": "/",
    "SITE_SYMBOL": "key_vertical",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": f"{STATIC_URL}accounts/icon.svg"}],
    "STYLES": [f"{STATIC_URL}accounts/admin.css"],
    "SCRIPTS": [f"{STATIC_URL}accounts/admin.js"],
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "DASHBOARD_CALLBACK": "accounts.admin.index.dashboard",
    "COLORS": {
        "primary": {
            "50": "oklch(98.4% .014 180.7)",
            "100": "oklch(95.3% .051 180.8)",
            "200": "oklch(91% .096 180.4)",
            "300": "oklch(85.5% .138 181)",
            "400": "oklch(77.7% .152 181.9)",
            "500": "oklch(70.4% .14 182.5)",
            "600": "oklch(51.1% .096 186.4)",
            "700": "oklch(45% .085 187)",
            "800": "oklch(38.6% .063 188.4)",
            "900": "oklch(32% .052 188)",
            "950": "oklch(27.7% .046 192.5)",
        }
    },
    "SIDEBAR": {"navigation": "accounts.admin.sidebar.navigation"},
}

LOGGING = stores.logging(_declared["LOG_LEVEL"])
CSRF_FAILURE_VIEW = "idp.views.csrf_failure"

"""The settings of the sign-in pages in Django's terms; `idp/settings.py` takes them over."""

from typing import Any

from idp.declared import values as _declared
from idp.environment import Rate

_IS_HTTPS = str(_declared["PUBLIC_URL"]).startswith("https://")

BROWSER_IDLE: int = _declared["BROWSER_IDLE"]
BROWSER_LIFETIME: int = _declared["BROWSER_LIFETIME"]
RECENT_SIGN_IN: int = _declared["RECENT_SIGN_IN"]
REQUIRE_2FA: bool = _declared["REQUIRE_2FA"]
SIGN_IN_RATE: Rate = _declared["SIGN_IN_RATE"]
SIGN_IN_ADDRESS_RATE: Rate = _declared["SIGN_IN_ADDRESS_RATE"]
SIGN_UP_RATE: Rate = _declared["SIGN_UP_RATE"]
PAGE_MAIL_RATE: Rate = _declared["PAGE_MAIL_RATE"]
PAGE_CODE_LIFETIME: int = _declared["PAGE_CODE_LIFETIME"]
NEW_DEVICE_MAILS: bool = _declared["NEW_DEVICE_MAILS"]
NEW_DEVICE_MAIL_RATE: Rate = _declared["NEW_DEVICE_MAIL_RATE"]
PAGE_LINK_LIFETIME: int = _declared["PAGE_LINK_LIFETIME"]

SESSION_ENGINE = "accounts.browser.store"
BROWSER_COOKIE_NAME = "__Host-browser" if _IS_HTTPS else "browser"
KNOWN_BROWSER_COOKIE_NAME = "__Host-known-browser" if _IS_HTTPS else "known-browser"

MFA_ADAPTER = "accounts.mfa_adapter.MFAAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn"]
MFA_TOTP_TOLERANCE = 1  # telephones' clocks go wrong
SOCIALACCOUNT_ADAPTER = "accounts.pages.upstream_adapter.UpstreamAdapter"
SOCIALACCOUNT_STORE_TOKENS = False
SOCIALACCOUNT_OPENID_CONNECT_URL_PREFIX = "upstream"
SOCIALACCOUNT_REQUESTS_TIMEOUT = 10
SOCIALACCOUNT_PROVIDERS: dict[str, Any] = {"openid_connect": {"OAUTH_PKCE_ENABLED": True}}

MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"  # no cookie of its own
LANGUAGES = [("en", "English"), ("de", "Deutsch")]

"""Login over the sign-in page: a client sends a person there and gets a login token back (matrix.md §6, "SSO").

Nothing is kept between the steps: where to go stands in the page's own URL, and is looked at again in each of them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote_plus, urlencode, urlsplit

from django.conf import settings
from django.db import transaction
from django.utils.encoding import iri_to_uri

from accounts import audit, policy, subjects, throttle, upstream_providers, users
from accounts.browser import Browser
from accounts.errors import Reason, Refusal
from accounts.matrix import fallback, interactive, login_tokens, sessions, stages
from accounts.models import Challenge

PAGE = "/account/sso/"
OWN = "own"  # this site among the identity providers
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*")
_NO_TARGET = frozenset(
    {"javascript", "data", "vbscript", "file", "blob", "about", "filesystem", "view-source", "ws", "wss", "mailto"}
)
_LONGEST = 2048  # characters, also when encoded
_PROVIDER_ID = re.compile(r"[0-9A-Za-z._~-]{1,255}")


@dataclass(frozen=True, slots=True)
class Target:
    """A `redirectUrl` that may be followed, in ASCII."""

    url: str

    @property
    def host(self) -> str:
        """What a person is told: the host, or the scheme of an app."""
        parts = urlsplit(self.url)
        return (parts.hostname or "") if parts.scheme in {"http", "https"} else parts.scheme

    @property
    def is_trusted(self) -> bool:
        """Whether the operator lets tokens go there without asking the person."""
        return self.url.startswith("https://") and self.host in settings.MATRIX_SSO_HOSTS

    def with_token(self, token: str) -> str:
        """The URL with `loginToken` in its query, after what is there; one that was planted goes."""
        rest, mark, fragment = self.url.partition("#")
        path, _, query = rest.partition("?")
        kept = [part for part in query.split("&") if part and unquote_plus(part.partition("=")[0]) != "loginToken"]
        return f"{path}?{'&'.join([*kept, urlencode({'loginToken': token})])}{mark}{fragment}"


def is_on() -> bool:
    """Whether the sign-in page is a way to log in."""
    return bool(settings.MATRIX_SSO and settings.MATRIX_LEGACY_LOGIN)


def providers() -> list[dict[str, str]]:
    """`identity_providers` of GET login: other sites, and this one first; nothing where there is only this one."""
    others = [row for row in upstream_providers.listed() if _PROVIDER_ID.fullmatch(row.provider_id)]
    shown = [{"id": row.provider_id, "name": row.name} for row in others if row.provider_id != OWN]
    return [{"id": OWN, "name": settings.PUBLIC_HOST}, *shown] if shown else []


def knows(provider_id: str) -> bool:
    """Whether a provider of this id is offered."""
    return provider_id == OWN or provider_name(provider_id) != ""


def provider_name(provider_id: str) -> str:
    """What another site is called; "" for an unknown one and for this site."""
    found = {row.provider_id: row.name for row in upstream_providers.listed()} if provider_id else {}
    return found.get(provider_id, "") if provider_id != OWN else ""


def target(url: str) -> Target:
    """Where the person wants to go; FIELD_INVALID for what no browser should be sent to.

    What browsers read otherwise than this parser is refused: backslashes, blanks, control characters, user info.
    """
    wrong = Refusal(Reason.FIELD_INVALID, field="redirectUrl")
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise wrong from None
    if not url.isprintable() or set(url) & set(" \\<>\"'`") or len(urlencode({"": url})) > _LONGEST:
        raise wrong
    if not _SCHEME.fullmatch(parts.scheme) or parts.scheme in _NO_TARGET or "@" in parts.netloc:
        raise wrong
    if not parts.netloc.isascii() or not url.lower().startswith(f"{parts.scheme}:"):
        raise wrong
    if parts.scheme in {"http", "https"} and not (parts.hostname and url[len(parts.scheme) :].startswith("://")):
        raise wrong
    return Target(iri_to_uri(url))


def page_for(wanted: Target, *, action: str, provider_id: str) -> str:
    """The URL of the page that asks; it is on this site even where a homeserver's host leads here."""
    query = {"redirectUrl": wanted.url}
    query |= {"action": "register"} if action == "register" else {}
    query |= {"provider": provider_id} if provider_id and provider_id != OWN else {}
    return f"{settings.PUBLIC_URL}{PAGE}?{urlencode(query)}"


def issue(who: Browser, wanted: Target) -> str:
    """A login token for the person at this browser, dead when the browser signs out.

    RATE_LIMITED, NOT_ADMITTED, ACCOUNT_…, CREDENTIAL_WRONG (the password was changed meanwhile).
    """
    throttle.hit(throttle.Limit("matrix-sso", 30, 60), str(who.user_id))
    with transaction.atomic():
        policy.hold()
        user = users.hold(who.user)
        policy.admit(sessions.FLOW, subjects.of_account(user, ip=who.ip))
        token = login_tokens.issue(user, issuer=who, ip=who.ip)
        facts = {"to": wanted.host}
        audit.record("login-token", flow=sessions.FLOW, actor=user, subject=user.username, ip=who.ip, facts=facts)
    return token


def wish(session: str, who: Browser) -> str:
    """What a session of interactive auth wants to do, in English words; CHALLENGE_INVALID unless it is this person's
    and the page can prove it."""
    return fallback.wish_of(_stage_of(session, who))


def confirm(session: str, who: Browser) -> None:
    """Completes the stage `m.login.sso` (section 5, §14); CHALLENGE_INVALID as `wish`."""
    row = _stage_of(session, who)
    interactive.complete_in_browser(session, stages.SSO, True)
    facts: Mapping[str, str] = {"call": row.binding.rpartition(" ")[0]}
    audit.record(
        "stage-confirmed", flow=sessions.FLOW, actor=who.user, subject=who.username, ip=who.ip, facts=dict(facts)
    )


def _stage_of(session: str, who: Browser) -> Challenge:
    row = interactive.challenge_of(session)
    if row.user_id != who.user_id or not any(stages.SSO in flow for flow in row.facts["flows"]):
        raise Refusal(Reason.CHALLENGE_INVALID, field="session")
    return row

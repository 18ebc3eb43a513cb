"""The authorization request: read, approved or refused (matrix-oauth.md §4; R21, R22). No HTTP here.

A page reads the parameters, sees to it that somebody is signed in and asks; what it then sends the browser away with
comes from here. A request can be kept while somebody signs in: `as_facts`, `from_facts`.
"""

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from django.conf import settings
from django.db import transaction

from accounts import audit, homeserver, ledger, minting, policy, subjects, throttle, users
from accounts.browser.who import Browser
from accounts.errors import Reason, Refusal
from accounts.models import User
from devicelogin.oauth import clients, discovery, hosts, redirects, scopes
from devicelogin.oauth.clients import FLOW, Program
from devicelogin.oauth.protocol import CODE_GRANT
from devicelogin.oauth.redirects import Redirect

_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_PROMPTS = frozenset({"none", "login", "create", "consent", "select_account"})
_LONGEST = 2048  # characters of state and nonce


class PageError(Exception):
    """What a person has to be told, because there is nowhere safe to send the browser: a page with status 400."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


class RedirectError(Exception):
    """What the program has to be told: `redirect` carries `error`, `error_description`, `state` and `iss`."""

    def __init__(self, error: str, redirect: Redirect) -> None:
        super().__init__(error)
        self.error, self.redirect = error, redirect


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """A request that may be shown to somebody. `max_age` in seconds, None when it was not sent."""

    client_id: str
    redirect_uri: str
    scope: str
    state: str
    nonce: str
    code_challenge: str
    response_mode: str
    prompt: tuple[str, ...]
    login_hint: str
    max_age: int | None
    ui_locales: str
    client_name: str
    client_uri: str
    client_host: str
    device_id: str

    @property
    def scopes(self) -> tuple[str, ...]:
        """The words of the scope."""
        return tuple(self.scope.split())

    @property
    def redirect_host(self) -> str:
        """Where the browser will go: the host, or the scheme of a program's own."""
        scheme = self.redirect_uri.partition(":")[0]
        return hosts.of(self.redirect_uri) if scheme in {"https", "http"} else scheme

    @property
    def hinted_name(self) -> str:
        """The name or address to fill in when somebody signs in."""
        name = self.login_hint.removeprefix("mxid:")
        if name.startswith("@") and name.endswith(f":{settings.MATRIX_SERVER_NAME}"):
            return name[1:].rpartition(f":{settings.MATRIX_SERVER_NAME}")[0]
        return "" if name.startswith("@") else name

    def as_facts(self) -> dict[str, Any]:
        """A form that JSON keeps."""
        return asdict(self)


def from_facts(facts: Mapping[str, Any]) -> AuthorizationRequest:
    """Undoes `as_facts`."""
    return AuthorizationRequest(**{**facts, "prompt": tuple(facts["prompt"])})


def take(ip: str) -> None:
    """One more authorization request of this address; RATE_LIMITED."""
    throttle.hit(throttle.Limit.of("oauth-authorize", settings.OAUTH_AUTHORIZE_RATE), throttle.address_key(ip))


def read(parameters: Mapping[str, Sequence[str]]) -> AuthorizationRequest:
    """The request of a browser; PageError or RedirectError."""
    program, redirect_uri = _safe_ground(parameters)
    sent = {name: values[0] for name, values in parameters.items() if values and values[0]}
    state = sent.get("state", "") if len(parameters.get("state", ())) == 1 else ""
    mode = sent.get("response_mode", redirects.QUERY)
    repeated = any(len(values) > 1 for values in parameters.values())

    def refused(error: str, text: str) -> RedirectError:
        safe = mode if mode in redirects.MODES else redirects.QUERY
        return RedirectError(error, _error(safe, redirect_uri, state, error, text))

    if repeated:
        raise refused("invalid_request", "A parameter was sent twice")
    if mode not in redirects.MODES:
        raise refused("invalid_request", "Unknown response_mode")
    fault = _fault(sent, program)
    if fault is not None:
        raise refused(*fault)
    try:
        scope = scopes.parse(sent.get("scope", ""), longest_device_id=longest_device_id())
    except Refusal:
        raise refused("invalid_scope", "Missing, unknown or contradictory scope") from None
    return AuthorizationRequest(
        client_id=program.client_id,
        redirect_uri=redirect_uri,
        scope=str(scope),
        state=state,
        nonce=sent.get("nonce", ""),
        code_challenge=sent["code_challenge"],
        response_mode=mode,
        prompt=tuple(sent.get("prompt", "").split()),
        login_hint=sent.get("login_hint", "")[:320],
        max_age=int(sent["max_age"]) if "max_age" in sent else None,
        ui_locales=sent.get("ui_locales", "")[:200],
        client_name=program.name,
        client_uri=program.uri,
        client_host=program.host,
        device_id=scope.device_id,
    )


def approve(request: AuthorizationRequest, *, user: User, browser: Browser, ip: str, user_agent: str) -> Redirect:
    """Sends the browser back with a code that is good once, for this program, redirect, challenge and sign-in.

    Somebody who may not grant what is asked for, or whom the lists refuse, goes back with `access_denied`.
    """
    code = minting.code(minting.AUTHORIZATION_CODE)
    scope = scopes.parse(request.scope, longest_device_id=longest_device_id())
    try:
        with transaction.atomic():
            policy.hold()
            current = users.hold(user)
            policy.admit(FLOW, subjects.of_account(current, ip=ip))
            if scope.for_administrators and not current.is_staff:
                raise Refusal(Reason.FORBIDDEN, field="scope")
            clients.note_use(clients.require(request.client_id))
            ledger.open(
                code,
                flow=FLOW,
                purpose=ledger.AUTHORIZATION_CODE,
                lifetime=settings.OAUTH_CODE_LIFETIME,
                binding=request.client_id,
                user=current,
                facts=_facts(request, browser, user_agent),
                ip=ip,
            )
            _note(request, "consent-given", current, ip)
    except Refusal as refusal:
        told, name, by = audit.REFUSED, user.username, {"client": request.client_id}
        audit.record("consent-given", outcome=told, reason=refusal.reason, flow=FLOW, subject=name, ip=ip, facts=by)
        return refuse(request, "access_denied", "This account cannot grant that")
    return redirects.make(request.response_mode, request.redirect_uri, {"code": code, **_common(request.state)})


def _facts(request: AuthorizationRequest, browser: Browser, user_agent: str) -> dict[str, Any]:
    """What a code is bound to, and what its session will be told of the sign-in."""
    return {
        "redirect_uri": request.redirect_uri,
        "code_challenge": request.code_challenge,
        "nonce": request.nonce,
        "scope": request.scope,
        "browser": browser.token_id,
        "auth_time": int(browser.authenticated_at.timestamp()),
        "amr": " ".join(browser.amr),
        "family": uuid.uuid4().hex,
        "user_agent": user_agent[:512],
    }


def deny(request: AuthorizationRequest, *, user: User | None = None, ip: str = "") -> Redirect:
    """Sends the browser back with the person's no."""
    _note(request, "consent-refused", user, ip)
    return refuse(request, "access_denied", "The person declined")


def refuse(request: AuthorizationRequest, error: str, text: str = "") -> Redirect:
    """Sends the browser back with an error, such as `login_required` or `consent_required` for `prompt=none`."""
    return _error(request.response_mode, request.redirect_uri, request.state, error, text)


def longest_device_id() -> int:
    """Characters a device id may have: Synapse takes fewer (one-origin.md §3)."""
    return 255 if homeserver.is_on() else 512


def _safe_ground(parameters: Mapping[str, Sequence[str]]) -> tuple[Program, str]:
    """The program and a redirect URI that it registered; PageError otherwise."""
    if any("\0" in value for values in parameters.values() for value in values):
        raise PageError("The link that led here is damaged.")
    client_ids, uris = parameters.get("client_id", ()), parameters.get("redirect_uri", ())
    if len(client_ids) != 1 or not client_ids[0]:
        raise PageError("The link that led here does not say which program sent you.")
    program = clients.find(client_ids[0])
    if program is None:
        raise PageError("The program that sent you is not known here. Start again from the program.")
    if len(uris) != 1 or not redirects.is_registered(uris[0], program.redirect_uris):
        raise PageError("The program wants you sent somewhere it did not register. Nothing was passed on.")
    return program, uris[0]


def _fault(sent: Mapping[str, str], program: Program) -> tuple[str, str] | None:
    """What is wrong with a request, as (error, description)."""
    for name in ("request", "request_uri"):
        if name in sent:
            return f"{name}_not_supported", f"{name} is not read here"
    if "response_type" not in sent:
        return "invalid_request", "Missing: response_type"
    if sent["response_type"] != "code":
        return "unsupported_response_type", "Only code is served"
    if not program.check_grant_type(CODE_GRANT) or "code" not in program.metadata["response_types"]:
        return "unauthorized_client", "The client did not register the authorization code grant"
    if sent.get("code_challenge_method") != "S256" or not _CHALLENGE.fullmatch(sent.get("code_challenge", "")):
        return "invalid_request", "PKCE with S256 is required"
    return _lesser_fault(sent)


def _lesser_fault(sent: Mapping[str, str]) -> tuple[str, str] | None:
    """The same of the parameters that may be absent."""
    if max(len(sent.get("state", "")), len(sent.get("nonce", ""))) > _LONGEST:
        return "invalid_request", "state or nonce is too long"
    prompts = set(sent.get("prompt", "").split())
    if not prompts <= _PROMPTS or ("none" in prompts and len(prompts) > 1):
        return "invalid_request", "Unknown or contradictory prompt"
    if not re.fullmatch(r"\d{1,9}|", sent.get("max_age", "")):
        return "invalid_request", "max_age is no number of seconds"
    return None


def _error(mode: str, uri: str, state: str, error: str, text: str) -> Redirect:
    said = {"error": error} | ({"error_description": text} if text else {})
    return redirects.make(mode, uri, {**said, **_common(state)})


def _common(state: str) -> dict[str, str]:
    """What every answer carries (RFC 9207)."""
    return ({"state": state} if state else {}) | {"iss": discovery.issuer()}


def _note(request: AuthorizationRequest, event: str, user: User | None, ip: str) -> None:
    facts = {"client": request.client_id, "host": request.client_host, "scope": request.scope}
    audit.record(event, flow=FLOW, actor=user, subject=user.username if user else "", ip=ip, facts=facts)

"""The token endpoint: Authlib's grants carry the order of checks, our ledger and token store the state.

A grant of Authlib validates (client, grant type, code, redirect, PKCE verifier, device credential) and then answers.
The answers are ours: what it would do in several steps, issue, save, delete, is one transaction here. Where the classes
say another error than RFC 6749 or RFC 8628, or leave a case out, the hook beside it says so.
"""

from collections.abc import Mapping
from typing import Any

from authlib.oauth2.rfc6749 import AuthorizationServer, OAuth2Error
from authlib.oauth2.rfc6749 import errors as authlib_errors
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant, RefreshTokenGrant
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oauth2.rfc8628 import DeviceCodeGrant
from authlib.oauth2.rfc8628 import errors as device_errors
from django.conf import settings

from accounts import clock, ledger, minting, throttle, tokens
from accounts.errors import Reason, Refusal
from accounts.models import Challenge, Token
from devicelogin.oauth import clients, device_grants, sessions
from devicelogin.oauth.clients import FLOW, Program
from devicelogin.oauth.device_grants import Asked
from devicelogin.oauth.protocol import DEVICE_GRANT, REFRESH_GRANT, Issued, required
from devicelogin.oauth.requests import FormRequest

_METHODS = ["client_secret_basic", "client_secret_post", "none"]

_REFUSALS: Mapping[type[OAuth2Error], tuple[Reason, str]] = {
    authlib_errors.InvalidClientError: (Reason.CREDENTIAL_WRONG, ""),
    authlib_errors.UnauthorizedClientError: (Reason.FORBIDDEN, "grant_type"),
    authlib_errors.UnsupportedGrantTypeError: (Reason.FIELD_INVALID, "grant_type"),
    authlib_errors.InvalidScopeError: (Reason.FIELD_INVALID, "scope"),
    authlib_errors.InvalidGrantError: (Reason.CHALLENGE_INVALID, ""),
    authlib_errors.AccessDeniedError: (Reason.CHALLENGE_INVALID, "access_denied"),
    device_errors.AuthorizationPendingError: (Reason.CHALLENGE_INVALID, "authorization_pending"),
    device_errors.SlowDownError: (Reason.CHALLENGE_INVALID, "slow_down"),
    device_errors.ExpiredTokenError: (Reason.CHALLENGE_INVALID, "expired_token"),
}


class _CodeGrant(AuthorizationCodeGrant):
    """`authorization_code`; of a code everything it is bound to is compared (R16)."""

    TOKEN_ENDPOINT_AUTH_METHODS = _METHODS

    def query_authorization_code(self, code: str, client: Program) -> Any:
        """The live code of this program. One that was used ends its session, if that is long ago (R23)."""
        required(self.request.form, "redirect_uri")
        row = _code(code)
        if row is None or row.binding != client.client_id:
            return None
        if row.used_at is not None:
            sessions.code_came_again(row, ip=self.request.ip)
            return None
        return _CodeView(row) if row.expires_at > clock.now() else None

    def create_token_response(self) -> tuple[int, Any, Any]:
        """Uses the code up and opens the session, in one transaction."""
        issued = sessions.redeem_code(self.request.authorization_code.row, self.request.client, ip=self.request.ip)
        return 200, issued, ()


class _CodeView:
    """A code as Authlib asks about it."""

    code_challenge_method = "S256"

    def __init__(self, row: Challenge) -> None:
        self.row = row
        self.code_challenge = row.facts["code_challenge"]

    def get_redirect_uri(self) -> str:
        """Where the browser went; required, and compared as an exact string (R22)."""
        return str(self.row.facts["redirect_uri"])


class _Refresh(RefreshTokenGrant):
    """`refresh_token`; what is spent and what was lost is the token store's business (`tokens.rotate`)."""

    TOKEN_ENDPOINT_AUTH_METHODS = _METHODS

    def authenticate_refresh_token(self, refresh_token: str) -> Any:
        """Who bears it, spent or not; None for one that is none of ours."""
        if not minting.is_genuine(refresh_token, minting.REFRESH):
            return None
        kind = Token.Kind.REFRESH
        bearer = tokens.check(refresh_token, flow=FLOW, kind=kind, ip=self.request.ip, confirms=False)
        return _RefreshView(bearer) if bearer is not None else None

    def create_token_response(self) -> tuple[int, Any, Any]:
        """The next pair."""
        secret, bearer = self.request.form["refresh_token"], self.request.refresh_token.bearer
        issued = sessions.refresh(secret, bearer, ip=self.request.ip)
        clients.note_use(self.request.client)
        return 200, issued, ()


class _RefreshView:
    """A refresh token as Authlib asks about it."""

    def __init__(self, bearer: tokens.Bearer) -> None:
        self.bearer = bearer

    def check_client(self, client: Program) -> bool:
        """Whether it was issued to this program."""
        return self.bearer.client == client.client_id

    def get_scope(self) -> str:
        """What was granted."""
        return self.bearer.scope


class _Device(DeviceCodeGrant):
    """The device grant. Authlib would call an unknown code a malformed request, and another program's code the
    program's fault: both are `invalid_grant` (RFC 6749 §5.2)."""

    TOKEN_ENDPOINT_AUTH_METHODS = _METHODS

    def authenticate_token_endpoint_client(self) -> Any:
        """Known before the code is looked up."""
        self.request.client = super().authenticate_token_endpoint_client()
        return self.request.client

    def query_device_credential(self, device_code: str) -> Any:
        """The grant of this program; used already means invalid."""
        grant = device_grants.look_up(device_code, client_id=self.request.client.client_id)
        if grant.used_at is not None:
            sessions.grant_came_again(grant, ip=self.request.ip)
            raise authlib_errors.InvalidGrantError()
        return _DeviceView(grant, device_code)

    def query_user_grant(self, user_code: "_DeviceView") -> tuple[Any, bool] | None:
        """The decision: (whose, whether it was a yes); None while there is none."""
        grant = user_code.grant
        return (grant.user_id, grant.decision == device_grants.APPROVED) if grant.decision else None

    def should_slow_down(self, credential: "_DeviceView") -> bool:
        """Whether the poll came too soon; then all later ones have to wait longer."""
        if not device_grants.is_hasty(credential.secret, credential.grant.interval):
            return False
        device_grants.slow_down(credential.secret, credential.grant)
        return True

    def create_token_response(self) -> tuple[int, Any, Any]:
        """Uses the grant up and opens the session, in one transaction."""
        issued = sessions.redeem_grant(self.request.credential.grant, self.request.client, ip=self.request.ip)
        return 200, issued, ()


class _DeviceView:
    """A device grant as Authlib asks about it."""

    def __init__(self, grant: Asked, secret: str) -> None:
        self.grant, self.secret = grant, secret

    def get_client_id(self) -> str:
        """Whose it is."""
        return self.grant.client_id

    def is_expired(self) -> bool:
        """Whether its time is over."""
        return self.grant.expires_at <= clock.now()

    def get_user_code(self) -> "_DeviceView":
        """What the decision is looked up by: the row is read already."""
        return self


class _S256(CodeChallenge):
    """PKCE with S256 alone, for every program (R21)."""

    DEFAULT_CODE_CHALLENGE_METHOD = "S256"
    SUPPORTED_CODE_CHALLENGE_METHOD = ["S256"]  # noqa: RUF012  # Authlib's attribute


class _Server(AuthorizationServer):
    """Authlib's server over our registrations."""

    def query_client(self, client_id: str) -> Program | None:
        """The program of this id."""
        return clients.find(client_id) if "\0" not in client_id else None

    def authenticate_client(self, request: FormRequest, methods: list[str], endpoint: str = "token") -> Program:
        """Who calls; of two ids, in the header and the form, one would be a lie."""
        found: Program = super().authenticate_client(request, methods, endpoint)
        if request.payload.client_id not in {None, found.client_id}:
            raise authlib_errors.InvalidClientError()
        return found

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Nobody listens."""


def _made() -> _Server:
    server = _Server()
    server.register_grant(_CodeGrant, [_S256(required=True)])
    server.register_grant(_Refresh)
    server.register_grant(_Device)
    return server


_server = _made()


def token(form: Mapping[str, str], *, authorization: str, ip: str, only_devices: bool = False) -> Issued:
    """Tokens for a grant (RFC 6749 §4.1.3, §6; RFC 8628 §3.4), or the refusal.

    Failures use up an allowance of the address. When it is used up a refresh is told to come later and nothing that
    means "logged out" (matrix-oauth.md §5).
    """
    grant_type = required(form, "grant_type")
    if not authorization:
        required(form, "client_id")
    if only_devices and grant_type != DEVICE_GRANT:
        raise Refusal(Reason.FIELD_INVALID, field="grant_type")
    limit, address = throttle.Limit.of("oauth-failure", settings.OAUTH_FAILURE_RATE), throttle.address_key(ip)
    try:
        throttle.peek(limit, address)
    except Refusal as refusal:
        if grant_type == REFRESH_GRANT:
            raise Refusal(Reason.OVERLOADED, retry_after=refusal.retry_after, detail="failures") from None
        raise
    try:
        return _granted(FormRequest(form, authorization=authorization, ip=ip))
    except Refusal as refusal:
        if _is_failure(refusal):
            _count(limit, address)
        raise


def authenticated(form: Mapping[str, str], *, authorization: str, public: bool = True) -> Program:
    """The program that calls another endpoint; CREDENTIAL_WRONG."""
    methods = _METHODS if public else _METHODS[:2]
    try:
        found: Program = _server.authenticate_client(FormRequest(form, authorization=authorization), methods)
    except OAuth2Error as error:
        raise _as_refusal(error) from None
    return found


def _granted(request: FormRequest) -> Issued:
    try:
        grant = _server.get_token_grant(request)
        grant.validate_token_request()
        issued: Issued = grant.create_token_response()[1]
        return issued
    except OAuth2Error as error:
        raise _as_refusal(error) from None


def _as_refusal(error: OAuth2Error) -> Refusal:
    """What Authlib says, in the house's words. What it calls an invalid request lacks a parameter, or has a bad one."""
    reason, field = _REFUSALS.get(type(error), (Reason.FIELD_INVALID, "a parameter is missing or malformed"))
    return Refusal(reason, field=field, detail=type(error).__name__)


def _is_failure(refusal: Refusal) -> bool:
    """Whether somebody may be guessing: a grant or secret that is none. Waiting is no failure (RFC 8628 §3.5)."""
    waiting = {"authorization_pending", "slow_down", "access_denied", "expired_token"}
    wrong = {Reason.CHALLENGE_INVALID, Reason.CREDENTIAL_WRONG, Reason.TOKEN_UNKNOWN}
    return refusal.reason in wrong and refusal.field not in waiting


def _count(limit: throttle.Limit, address: str) -> None:
    try:
        throttle.hit(limit, address)
    except Refusal:
        return


def _code(text: str) -> Challenge | None:
    """The row of an authorization code, used and expired ones included."""
    if not minting.is_code(text, minting.AUTHORIZATION_CODE):
        return None
    rows = Challenge.objects.filter(digest=tokens.digest(text), flow=FLOW, purpose=ledger.AUTHORIZATION_CODE)
    return rows.first()

"""Sessions of Matrix clients: who bears a token, opening, refreshing and ending one (matrix.md §4, §8, §9)."""

from dataclasses import dataclass, replace

from django.conf import settings
from django.db import transaction

from accounts import audit, devices, emails, homeserver, mail, minting, policy, subjects, throttle, tokens, users
from accounts.errors import Reason, Refusal
from accounts.matrix import accounts_named, identifiers
from accounts.matrix.messages import Wish
from accounts.models import Device, Flow, Token, User

FLOW = Flow.MATRIX
FLOWS = (Flow.MATRIX, Flow.DEVICELOGIN)  # whose tokens open this door: its own, and OAuth's within their scope
_API = frozenset({"urn:matrix:client:api:*", "urn:matrix:org.matrix.msc2967.client:api:*"})
GUEST = "guest"  # the scope of a guest's tokens


@dataclass(frozen=True, slots=True)
class Issued:
    """The tokens of a session as a client gets them; milliseconds, None where the client asked for no refresh."""

    access_token: str
    refresh_token: str | None = None
    expires_in_ms: int | None = None

    @property
    def digest(self) -> str:
        """The stored form of the access token, in hex."""
        return tokens.digest(self.access_token).hex()

    def render(self) -> dict[str, str | int]:
        """The members of an answer; absent where there is nothing to say."""
        members = {
            "access_token": self.access_token,
            "refresh_token": self.refresh_token,
            "expires_in_ms": self.expires_in_ms,
        }
        return {key: value for key, value in members.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Opened:
    """A session just opened."""

    user_id: str
    device_id: str
    issued: Issued


def bearer(secret: str, *, ip: str, guests: bool = False) -> tokens.Bearer:
    """Who bears an access token.

    TOKEN_UNKNOWN, TOKEN_EXPIRED (log in again, keep the keys), ACCOUNT_LOCKED; NOT_ADMITTED for an address that the
    lists refuse; FORBIDDEN for guests where they may not go.
    """
    if not minting.is_genuine(secret, minting.ACCESS):
        raise Refusal(Reason.TOKEN_UNKNOWN)
    found = tokens.check_any(secret, ip=ip)
    if found is None:
        raise Refusal(Reason.TOKEN_EXPIRED if tokens.has_lapsed(secret, flows=FLOWS) else Reason.TOKEN_UNKNOWN)
    if found.flow not in FLOWS or (is_oauth(found) and not opens_matrix(found.scope)):
        raise Refusal(Reason.TOKEN_UNKNOWN)
    if found.locked:
        raise Refusal(Reason.ACCOUNT_LOCKED)
    admit(found, ip=ip)
    if found.device_pk is None:  # every session here is a device's
        raise Refusal(Reason.TOKEN_UNKNOWN)
    if found.scope == GUEST and not guests:
        raise Refusal(Reason.FORBIDDEN, field="guest")
    return found


def is_oauth(bearer: tokens.Bearer) -> bool:
    """Whether the session was opened over OAuth: what needs a proof is done on the account page then."""
    return bearer.flow == Flow.DEVICELOGIN


def opens_matrix(scope: str) -> bool:
    """Whether an OAuth scope holds the client-server API, in its stable or unstable spelling (matrix-oauth.md §3)."""
    return not _API.isdisjoint(scope.split())


def require_own_page(bearer: tokens.Bearer | None) -> None:
    """FORBIDDEN, naming the account page, for a session that was opened over OAuth (matrix-oauth.md §7)."""
    if bearer is not None and is_oauth(bearer):
        raise Refusal(Reason.FORBIDDEN, field="oauth", detail=f"{settings.PUBLIC_URL}/account/")


def admit(found: tokens.Bearer, *, ip: str) -> None:
    """What the lists say of a live session: 401 for one that is denied, 403 for an address (R49, one-origin.md §4)."""
    decision = policy.decide(found.flow, subjects.of_bearer(found, ip=ip))
    if decision.admitted:
        return
    if decision.rule is not None and decision.rule.field == "ip":
        raise Refusal(Reason.NOT_ADMITTED, detail=decision.cause)
    # Whoever is struck off and put back again keeps the keys: the session itself is not ended here.
    raise Refusal(Reason.TOKEN_EXPIRED, detail=decision.cause)


def open_session(user: User, wish: Wish, *, ip: str, user_agent: str, amr: str, scope: str = "") -> Opened:
    """A new session on the wished device. A known device keeps its name and loses its older tokens (section 4).

    FORBIDDEN with field device_id when the account has as many devices as it may; as `users.hold` for what happened
    to the account since it was read.
    """
    with transaction.atomic():
        policy.hold()
        users.hold(user)
        policy.admit(FLOW, subjects.of_account(user, ip=ip))  # a ban may have come meanwhile
        device = _device(user, wish, ip=ip, user_agent=user_agent)
        if wish.device_id:  # else nothing was ever issued for it
            tokens.revoke(Token.objects.filter(device=device), reason="logged in again")
        issued = issue(user, device, refresh=wish.refresh, amr=amr, scope=scope)
        audit.record("login", flow=FLOW, subject=user.username, ip=ip, facts={"device": device.device_id, "amr": amr})
    return Opened(accounts_named.user_id(user.username), device.device_id, issued)


def with_device_id(wish: Wish) -> Wish:
    """The wish with an id for its device: a homeserver hears of the device before the session is opened."""
    if wish.device_id or not homeserver.is_on():
        return wish
    return replace(wish, device_id=identifiers.new_device_id())


def confirm(user: User, device: Device) -> None:
    """Tells a homeserver of a session that was just opened, before its tokens go out; if it cannot be told, the
    tokens end and the refusal is UNAVAILABLE. For registration, whose account did not exist before."""
    try:
        with homeserver.preparing(user, device.device_id, device.display_name, is_new=True):
            pass
    except Refusal:
        tokens.revoke(Token.objects.filter(device=device), reason="homeserver not told")
        raise


def end_repeats(device: Device, *, first: str) -> None:
    """Ends what earlier repeats of an answer issued for the device; the family of the `first` token stays."""
    kept = Token.objects.filter(digest=bytes.fromhex(first)).values("family")
    tokens.revoke(Token.objects.filter(device=device).exclude(family__in=kept), reason="asked for again")


def issue(user: User, device: Device, *, refresh: bool, amr: str, scope: str = "") -> Issued:
    """Tokens for a device, in the caller's transaction. The access token comes first: `tokens` tells older by id."""
    lifetime = settings.MATRIX_ACCESS_LIFETIME if refresh else None
    access = tokens.Minted(minting.mint(minting.ACCESS, user.username), lifetime)
    made = tokens.issue(access, user=user, flow=FLOW, device=device, amr=amr, scope=scope)
    if not refresh:
        return Issued(access.secret)
    renewal = _refresh_token(user.username)
    kind = Token.Kind.REFRESH
    tokens.issue(renewal, user=user, flow=FLOW, kind=kind, device=device, amr=amr, scope=scope, family=made.family)
    return Issued(access.secret, renewal.secret, settings.MATRIX_ACCESS_LIFETIME * 1000)


def refresh(secret: str, *, ip: str) -> Issued:
    """A new pair for a refresh token, as section 8 says; TOKEN_UNKNOWN, TOKEN_EXPIRED, ACCOUNT_LOCKED, RATE_LIMITED."""
    if not minting.is_genuine(secret, minting.REFRESH):
        raise Refusal(Reason.TOKEN_UNKNOWN)
    kind = Token.Kind.REFRESH
    found = tokens.check(secret, flow=FLOW, kind=kind, ip=ip, confirms=False)
    if found is None or found.device_pk is None:
        raise Refusal(
            Reason.TOKEN_EXPIRED if tokens.has_lapsed(secret, flows=(FLOW,), kind=kind) else Reason.TOKEN_UNKNOWN
        )
    if not found.locked:
        admit(found, ip=ip)
        throttle.hit(throttle.Limit.of("matrix-refresh", settings.MATRIX_REFRESH_RATE), str(found.device_pk))
    name = found.username
    access = tokens.Minted(minting.mint(minting.ACCESS, name), settings.MATRIX_ACCESS_LIFETIME)
    renewal = _refresh_token(name)
    try:
        tokens.rotate(secret, flow=FLOW, access=access, refresh=renewal, grace=settings.MATRIX_REFRESH_GRACE)
    except tokens.Stolen as stolen:
        _tell_of_theft(stolen.token, ip=ip)
        raise
    return Issued(access.secret, renewal.secret, settings.MATRIX_ACCESS_LIFETIME * 1000)


def log_out(secret: str, *, ip: str, everywhere: bool = False) -> None:
    """Ends the session and its device, or all devices of kind Matrix; also of a lapsed token and a locked account."""
    if not minting.is_genuine(secret, minting.ACCESS):
        raise Refusal(Reason.TOKEN_UNKNOWN)
    token = tokens.even_lapsed(secret, flows=FLOWS)
    if token is None:
        raise Refusal(Reason.TOKEN_UNKNOWN)
    with transaction.atomic():
        users.held(token.user_id)  # a login under way ends before, or comes after
        ending = Device.objects.filter(user=token.user_id, kind=Device.Kind.MATRIX)
        if not everywhere:
            ending = ending.filter(tokens=token)
        tokens.revoke(Token.objects.filter(family=token.family), reason="logout")
        devices.end(ending, reason="logout")
        event = "logout-everywhere" if everywhere else "logout"
        audit.record(event, flow=FLOW, subject=token.user.username, ip=ip)


def _device(user: User, wish: Wish, *, ip: str, user_agent: str) -> Device:
    mine = Device.objects.filter(user=user, kind=Device.Kind.MATRIX)
    if not (wish.device_id and settings.MATRIX_DEVICE_LIMIT and mine.filter(device_id=wish.device_id).exists()):
        devices.require_room(user, kind=Device.Kind.MATRIX)
    return devices.open(
        user,
        kind=Device.Kind.MATRIX,
        device_id=wish.device_id,
        new_id=identifiers.new_device_id,
        display_name=wish.display_name,
        user_agent=user_agent,
        ip=ip,
    )


def _refresh_token(name: str) -> tokens.Minted:
    return tokens.Minted(minting.mint(minting.REFRESH, name), idle=settings.MATRIX_REFRESH_IDLE or None)


def _tell_of_theft(token: Token, *, ip: str) -> None:
    """A spent refresh token was used again: the audit log and the account's owner hear of it."""
    user = token.user
    device = token.device.display_name or token.device.device_id if token.device else ""
    audit.record(
        "refresh-token-replayed",
        outcome=audit.REFUSED,
        flow=FLOW,
        subject=user.username,
        ip=ip,
        facts={"device": device},
    )
    for address in emails.listed(user):
        mail.send("session-stolen", to=address.address, facts={"username": user.username, "device": device})

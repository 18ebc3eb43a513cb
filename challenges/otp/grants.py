"""The pair of ordinary tokens that a sign-in gives, and its renewal (one-origin.md §4, R24).

`/api/me` and `/api/token/refresh` are answered elsewhere; they ask here. A pair never outlives the remembered login
that gave it, and dies with it: both stand on one device (`tokens.revoke`).
"""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from accounts import audit, clock, policy, subjects, tokens, users
from accounts.errors import Reason, Refusal
from accounts.models import Device, Flow, Token, User
from challenges.otp import jwts

FLOW = Flow.OTP


@dataclass(frozen=True, slots=True)
class Pair:
    """An access token, what renews it, and the seconds until the access token ends."""

    access: str
    refresh: str
    expires_in: int

    def render(self) -> dict[str, str | int]:
        """The members of an answer."""
        return {"access": self.access, "refresh": self.refresh, "expires_in": self.expires_in}


def issue_pair(user: User, *, device: Device, amr: str, until: datetime) -> Pair:
    """A pair in a family of its own, in the caller's transaction. The access token first: `tokens` tells age by id."""
    access, refresh, pair = _minted(user, int(until.timestamp()))
    made = tokens.issue(access, user=user, flow=FLOW, device=device, amr=amr)
    kind = Token.Kind.REFRESH
    tokens.issue(refresh, user=user, flow=FLOW, kind=kind, device=device, amr=amr, family=made.family)
    return pair


def refresh(secret: str, *, ip: str) -> Pair:
    """A new pair for a refresh token, good until the old one's end.

    TOKEN_UNKNOWN, ACCOUNT_LOCKED, NOT_ADMITTED. A spent token ends its family; one whose successor was never used
    means that the answer was lost, and the pair is replaced (R24).
    """
    if not is_ours(secret, kind=Token.Kind.REFRESH):
        raise Refusal(Reason.TOKEN_UNKNOWN)
    bearer = tokens.check(secret, flow=FLOW, kind=Token.Kind.REFRESH, ip=ip, confirms=False)
    if bearer is None or bearer.expires_at is None:
        raise Refusal(Reason.TOKEN_UNKNOWN)
    if bearer.locked:
        raise Refusal(Reason.ACCOUNT_LOCKED)
    policy.admit(FLOW, subjects.of_bearer(bearer, ip=ip))
    access, renewal, pair = _minted(users.by_id(bearer.user_id), int(bearer.expires_at.timestamp()))
    try:
        tokens.rotate(secret, flow=FLOW, access=access, refresh=renewal, grace=0)
    except tokens.Stolen as stolen:
        name = stolen.token.user.username
        audit.record("refresh-token-replayed", outcome=audit.REFUSED, flow=FLOW, subject=name, ip=ip)
        raise
    return pair


def is_ours(text: str, *, kind: str = Token.Kind.ACCESS) -> bool:
    """Whether this text is an access (or refresh) token that this door signed and whose time is not over."""
    return jwts.is_genuine(text, jwts.AccessToken if kind == Token.Kind.ACCESS else jwts.RefreshToken)


def _minted(user: User, end: int) -> tuple[tokens.Minted, tokens.Minted, Pair]:
    """`end` is in unix seconds. Rows and payloads end at the same second."""
    now = clock.now().timestamp()
    access_end = min(int(now) + settings.OTP_ACCESS_LIFETIME, end)
    access = jwts.pair_text(jwts.AccessToken, user, exp=access_end)
    renewal = jwts.pair_text(jwts.RefreshToken, user, exp=end)
    pair = Pair(access, renewal, max(1, access_end - int(now)))
    return tokens.Minted(access, _left(access_end, now)), tokens.Minted(renewal, _left(end, now)), pair


def _left(end: int, now: float) -> float:
    """Seconds to live; never 0, which would mean for ever."""
    return max(end - now, 0.001)

"""What the server knows of a login token: a pending one is a row of the ledger, a confirmed one of the token store.

Both are found by the digest of the payload's `nonce`; nothing of the token itself is stored (R7).
"""

from dataclasses import dataclass

from django.db.models import QuerySet

from accounts import clock, tokens
from accounts.models import Challenge, Flow, Token, User
from challenges.otp import clients
from challenges.otp.protocol import Record

FLOW = Flow.OTP
PURPOSE = "login-code"
MOST_PENDING = 3  # websocket-otp.md §2, `remove`


@dataclass(frozen=True, slots=True)
class Found:
    """The state of a token, with the row that holds it and the account."""

    record: Record
    user: User | None = None
    challenge: Challenge | None = None
    token: Token | None = None


def find(nonce: str) -> Found:
    """The state of the token with this nonce; two indexed look-ups at the most."""
    key = tokens.digest(nonce)
    known = Token.objects.filter(digest=key, flow=FLOW, kind=Token.Kind.REMEMBERED)
    token = known.select_related("user", "device").first()
    if token is not None:
        return Found(Record.REVOKED if token.revoked_at else Record.CONFIRMED, token.user, token=token)
    asked = Challenge.objects.filter(digest=key, flow=FLOW, purpose=PURPOSE)
    challenge = asked.select_related("user").first()
    if challenge is None:
        return Found(Record.GONE)
    alive = challenge.used_at is None and challenge.tries_left > 0 and challenge.expires_at > clock.now()
    return Found(Record.PENDING if alive else Record.DEAD, challenge.user, challenge=challenge)


def superseded(user: User, client: tuple[str, str], *, all_of_them: bool) -> QuerySet[Challenge]:
    """The pending logins of an account that a new one ends: all, or those of the same client and the oldest ones."""
    pending = Challenge.objects.filter(
        user=user, flow=FLOW, purpose=PURPOSE, used_at=None, expires_at__gt=clock.now(), tries_left__gt=0
    )
    if all_of_them:
        return pending
    ending: list[int] = []
    kept = 1  # the new one
    for challenge in pending.order_by("-pk"):
        known = (str(challenge.facts.get("browser")), str(challenge.facts.get("os")))
        if kept == MOST_PENDING or clients.is_same(client, known, families=False):
            ending.append(challenge.pk)
        else:
            kept += 1
    return pending.filter(pk__in=ending)

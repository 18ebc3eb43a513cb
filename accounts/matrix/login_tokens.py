"""Login tokens: one signed-in session vouches for another (matrix.md §6, "Login tokens")."""

from django.conf import settings
from django.db import transaction

from accounts import ledger, minting, throttle, tokens, users
from accounts.browser import Browser
from accounts.errors import Reason, Refusal
from accounts.models import Challenge, Flow, User

PURPOSE = "login-token"


def limit(user_id: int) -> None:
    """At most one a minute for an account; RATE_LIMITED."""
    throttle.hit(throttle.Limit.of("matrix-login-token", settings.MATRIX_LOGIN_TOKEN_RATE), str(user_id))


def issue(user: User, *, issuer: tokens.Bearer | Browser | None = None, ip: str = "") -> str:
    """A new login token, dead when the session that asked for it has ended."""
    secret = minting.mint(minting.LOGIN, user.username)
    ledger.open(
        secret,
        flow=Flow.MATRIX,
        purpose=PURPOSE,
        lifetime=settings.MATRIX_LOGIN_TOKEN_LIFETIME,
        user=user,
        facts={"family": issuer.family} if issuer is not None else {},
        ip=ip,
    )
    return secret


def owner(secret: str) -> User:
    """Whose login token it is; it stays good. CHALLENGE_INVALID, ACCOUNT_LOCKED."""
    return _found(secret)[1]


def consume(secret: str) -> User:
    """Whose login token it is, used up in the transaction that opens the session; CHALLENGE_INVALID, ACCOUNT_LOCKED."""
    challenge, user = _found(secret)
    users.hold(user)  # what ends the issuing session at this moment waits, or has ended it
    family = challenge.facts.get("family")
    if family is not None and not tokens.live().filter(family=family).exists():
        raise Refusal(Reason.CHALLENGE_INVALID, detail="the issuing session has ended")
    ledger.consume(challenge)
    return user


def _found(secret: str) -> tuple[Challenge, User]:
    if not minting.is_genuine(secret, minting.LOGIN):
        raise Refusal(Reason.CHALLENGE_INVALID)
    challenge = ledger.find(secret, flow=Flow.MATRIX, purpose=PURPOSE)
    if challenge.user is None or challenge.user.deactivated_at:
        raise Refusal(Reason.CHALLENGE_INVALID)
    if challenge.user.locked_at:
        raise Refusal(Reason.ACCOUNT_LOCKED)
    return challenge, challenge.user


def use_as_proof(secret: str, *, user: User) -> None:
    """Uses up a login token of this account as a proof (section 5); CHALLENGE_INVALID for any other."""
    with transaction.atomic():
        if consume(secret).pk != user.pk:
            raise Refusal(Reason.CHALLENGE_INVALID)

"""A Session key of somebody who is signed in elsewhere: proved by a live Session token of it (one-origin.md §2)."""

from collections.abc import Mapping

from django.db import transaction

from accounts import audit, credentials, key_proofs, policy, subjects, throttle, tokens, users
from accounts.errors import Reason, Refusal
from accounts.models import Flow, User

FLOW = Flow.SESSION
_FAILURES = throttle.Limit("session-key-proof", 5, 300, scaled=False)  # per account: tokens cannot be guessed anyway


class SessionKeys:
    """The prover of X25519 keys (`accounts.key_proofs`)."""

    def challenge(self, user: User, *, ip: str) -> str:
        """Nothing is signed: the token is the answer to a challenge that the Session door gave."""
        return ""

    def add(self, user: User, given: Mapping[str, str], *, ip: str) -> str:
        """Takes the key of an active Session token over, in the transaction that looks at the token again.

        CREDENTIAL_WRONG, FORBIDDEN (the key opens this account already), CREDENTIAL_TAKEN, ACCOUNT_LOCKED,
        ACCOUNT_DEACTIVATED, NOT_ADMITTED, RATE_LIMITED.
        """
        secret = given.get("token", "").strip()
        throttle.peek(_FAILURES, str(user.pk))
        try:
            bearer = _bearer(secret)
            if bearer.user_id == user.pk:
                raise Refusal(Reason.FORBIDDEN, field="token", detail="the key opens this account already")
            with transaction.atomic():
                policy.hold()
                held = {pk: users.held(pk) for pk in sorted({user.pk, bearer.user_id})}  # always in this order
                key = _bearer(secret).credential
                policy.admit(FLOW, subjects.of_account(held[user.pk], ip=ip, pubkey=key))
                credentials.add_x25519_key(held[user.pk], key)
        except Refusal as refusal:
            _note_failure(user, refusal, ip=ip)
            raise
        return key

    def publish(self, user: User, key: str) -> None:
        """There is no directory of Session keys: NOT_FOUND."""
        raise Refusal(Reason.NOT_FOUND, field="key")


def register() -> None:
    """Lets the account page add Session keys."""
    key_proofs.register(key_proofs.Kind.X25519, SessionKeys())


def _bearer(secret: str) -> tokens.Bearer:
    """Whose key it is; looking confirms nothing and notes no use."""
    found = tokens.check(secret, flow=FLOW, confirms=False) if secret else None
    if found is None or not found.credential:
        raise Refusal(Reason.CREDENTIAL_WRONG, field="token")
    if found.locked:
        raise Refusal(Reason.ACCOUNT_LOCKED, field="token")
    return found


def _note_failure(user: User, refusal: Refusal, *, ip: str) -> None:
    try:
        throttle.hit(_FAILURES, str(user.pk))
    except Refusal:
        return  # the audit log has heard of enough of them
    audit.record(
        "key-added",
        outcome=audit.REFUSED,
        reason=refusal.reason,
        flow=FLOW,
        actor=user,
        subject=user.username,
        ip=ip,
    )

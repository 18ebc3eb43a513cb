"""Registration tokens: issue, hold, complete, use, revoke (matrix.md §5, §7).

Of a token with n uses at most n are taken, whoever asks at the same time: pending ones, held by registrations in
progress, and completed ones together. The row of the token is the lock. A use stays pending while its challenge lives.
"""

import re
import secrets
import string
from datetime import datetime
from enum import StrEnum

from django.db import transaction
from django.db.models import Count, F, IntegerField, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from accounts import audit, clock, inserts
from accounts.errors import Reason, Refusal
from accounts.models import Challenge, PendingRegistration, RegistrationToken, User

MOST_USES = 2**31 - 1
LONGEST_NOTE = 500
_GRAMMAR = re.compile(r"[A-Za-z0-9._~-]{1,64}")
_ALPHABET = string.ascii_letters + string.digits
_RANDOM_LENGTH = 16  # 95 bits


class State(StrEnum):
    """What a token is worth. A use counts as taken while it is pending, so USED_UP can become VALID again."""

    VALID = "valid"
    USED_UP = "used up"
    EXPIRED = "expired"
    REVOKED = "revoked"


def issue(
    *,
    uses: int | None = None,
    until: datetime | None = None,
    token: str = "",
    note: str = "",
    actor: audit.Actor = None,
) -> RegistrationToken:
    """A new token, of random text unless one is given; without `uses` and `until` it has no end.

    FIELD_INVALID names `token`, `uses`, `until` or `note`; NAME_TAKEN, field `token`: this text was issued before, and
    a revoked text stays so.
    """
    for field, is_good in (
        ("token", not token or is_well_formed(token)),
        ("uses", uses is None or 1 <= uses <= MOST_USES),
        ("until", until is None or until > clock.now()),
        ("note", len(note) <= LONGEST_NOTE and "\0" not in note),
    ):
        if not is_good:
            raise Refusal(Reason.FIELD_INVALID, field=field)
    text = token or "".join(secrets.choice(_ALPHABET) for _ in range(_RANDOM_LENGTH))
    author = actor if isinstance(actor, User) else None
    row = RegistrationToken(token=text, uses_allowed=uses, expires_at=until, note=note, author=author)
    with transaction.atomic():
        if not inserts.insert(row):
            raise Refusal(Reason.NAME_TAKEN, field="token")
        facts = {"uses": uses, "until": until and until.isoformat(), "note": note}
        audit.record_or_fail("registration-token-issued", actor=actor, subject=audit_subject(row), facts=facts)
    return row


def is_well_formed(token: str) -> bool:
    """Whether the text could be a token's."""
    return _GRAMMAR.fullmatch(token) is not None


def is_valid(token: str) -> bool:
    """Whether a registration could begin with it; False also for an unknown one and for what is no token at all."""
    row = _rows(token).first()
    return row is not None and _is_open(row) and _has_place(row)


def hold(token: str, challenge: Challenge) -> bool:
    """Takes a use for the registration of this live challenge; False when there is none to take.

    A registration holds one use: again is no second one, and another token takes the place of the first.
    """
    with transaction.atomic():
        row = _rows(token).select_for_update().first()
        if row is None or row.revoked_at:
            return False
        if PendingRegistration.objects.filter(token=row, challenge=challenge).exists():
            return True  # what is held may be used, also past the token's end
        if not _is_open(row) or not _has_place(row):
            return False
        PendingRegistration.objects.update_or_create(challenge=challenge, defaults={"token": row})
    return True


def complete(challenge: Challenge) -> None:
    """Makes the use that this challenge holds a completed one; nothing when it holds none.

    Call it in the transaction that consumes the challenge and makes the account. CHALLENGE_INVALID, field `token`, when
    the token was revoked meanwhile; one that merely expired lets those finish who hold it.
    """
    held = PendingRegistration.objects.filter(challenge=challenge).first()
    if held is None:
        return
    with transaction.atomic():
        row = RegistrationToken.objects.select_for_update().get(pk=held.token_id)
        # The challenge may have lapsed between being consumed and here, and its use gone to somebody else.
        if row.revoked_at or not _has_place(row, beside=challenge):
            raise Refusal(Reason.CHALLENGE_INVALID, field="token")
        if not PendingRegistration.objects.filter(pk=held.pk, token=row).delete()[0]:
            raise Refusal(Reason.CHALLENGE_INVALID, field="token", detail="held otherwise meanwhile")
        _count_use(row)


def use(token: str) -> None:
    """Holds and completes at once, in the transaction that makes the account: for doors without a session.

    FORBIDDEN, field `registrationToken`, when the token is not valid.
    """
    with transaction.atomic():
        row = _rows(token).select_for_update().first()
        if row is None or not _is_open(row) or not _has_place(row):
            raise Refusal(Reason.FORBIDDEN, field="registrationToken")
        _count_use(row)


def revoke(token: str, *, actor: audit.Actor = None) -> bool:
    """Ends the token for good, also for registrations that hold a use; False when it was revoked before. NOT_FOUND."""
    with transaction.atomic():
        row = _rows(token).first()
        if row is None:
            raise Refusal(Reason.NOT_FOUND, field="token")
        if not RegistrationToken.objects.filter(pk=row.pk, revoked_at=None).update(revoked_at=clock.now()):
            return False
        audit.record_or_fail("registration-token-revoked", actor=actor, subject=audit_subject(row))
    return True


def listed() -> QuerySet[RegistrationToken]:
    """All tokens, the newest first, each with its author and, as `pending_now`, the uses that are held."""
    return with_pending(RegistrationToken.objects.select_related("author").order_by("-pk"))


def with_pending(tokens: QuerySet[RegistrationToken]) -> QuerySet[RegistrationToken]:
    """These tokens, each with `pending_now`."""
    counted = _living().filter(token=OuterRef("pk")).order_by().values("token").annotate(n=Count("pk")).values("n")
    return tokens.annotate(pending_now=Coalesce(Subquery(counted, output_field=IntegerField()), Value(0)))


def pending(row: RegistrationToken) -> int:
    """How many uses registrations in progress hold."""
    known: int | None = getattr(row, "pending_now", None)
    return _living().filter(token=row).count() if known is None else known


def state(row: RegistrationToken) -> State:
    """What the token is worth now."""
    if row.revoked_at:
        return State.REVOKED
    if not _is_open(row):
        return State.EXPIRED
    is_used_up = row.uses_allowed is not None and row.completed + pending(row) >= row.uses_allowed
    return State.USED_UP if is_used_up else State.VALID


def audit_subject(row: RegistrationToken) -> str:
    """How the audit log names it: not by its text, with which anybody could make an account."""
    return f"registration token {row.pk}"


def _rows(token: str) -> QuerySet[RegistrationToken]:
    known = RegistrationToken.objects.filter(token=token)
    return known if is_well_formed(token) else known.none()


def _is_open(row: RegistrationToken) -> bool:
    return row.revoked_at is None and (row.expires_at is None or row.expires_at > clock.now())


def _has_place(row: RegistrationToken, *, beside: Challenge | None = None) -> bool:
    """Whether a use is left, not counting the one that `beside` holds."""
    if row.uses_allowed is None:
        return True
    held = _living().filter(token=row)
    others = held.exclude(challenge=beside) if beside else held
    return row.completed + others.count() < row.uses_allowed


def _living() -> QuerySet[PendingRegistration]:
    return PendingRegistration.objects.filter(challenge__used_at=None, challenge__expires_at__gt=clock.now())


def _count_use(row: RegistrationToken) -> None:
    RegistrationToken.objects.filter(pk=row.pk).update(completed=F("completed") + 1)
    audit.record("registration-token-used", subject=audit_subject(row))

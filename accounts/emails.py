"""The verbs on e-mail addresses (one-origin.md §2): django-allauth's rows, with the moments it does not keep.

A confirmed address belongs to one account; the unique index decides races. Each verb takes its account's row first, so
two of them on one account come one after the other. Whatever comes or goes ends the account's remembered logins.
"""

from dataclasses import dataclass
from datetime import datetime

from allauth.account.models import EmailAddress
from django.db import IntegrityError, transaction

from accounts import audit, clock, devices, homeserver, patterns
from accounts.errors import Reason, Refusal
from accounts.models import AddressRecord, User


@dataclass(frozen=True, slots=True)
class Address:
    """A confirmed address: when it was proved, and when it came to the account."""

    address: str
    validated_at: datetime
    added_at: datetime


def owner(address: str) -> User | None:
    """The account this address opens; None when nobody confirmed it, also when it is no address at all."""
    row = EmailAddress.objects.filter(email=_canonical(address), verified=True).select_related("user").first()
    return row.user if row else None


def confirmed(user_id: int) -> list[str]:
    """The confirmed addresses alone, the primary one first."""
    rows = EmailAddress.objects.filter(user_id=user_id, verified=True).order_by("-primary", "pk")
    return list(rows.values_list("email", flat=True))


def listed(user: User) -> list[Address]:
    """The confirmed addresses, the primary one first. Without a record the account's own beginning counts."""
    rows = EmailAddress.objects.filter(user=user, verified=True).select_related("record").order_by("-primary", "pk")
    found = []
    for row in rows:
        record = getattr(row, "record", None)
        added_at = record.added_at if record else user.created_at
        found.append(Address(row.email, (record and record.validated_at) or added_at, added_at))
    return found


def add_confirmed(user: User, address: str, *, validated_at: datetime | None = None, actor: audit.Actor = None) -> None:
    """Gives the account an address that was proved at `validated_at` (default: now).

    FIELD_INVALID, CREDENTIAL_TAKEN when it is another account's, ACCOUNT_DEACTIVATED.
    """
    canonical = patterns.email_address(address)
    with transaction.atomic():
        _take(user)
        row = EmailAddress.objects.filter(user=user, email=canonical).first()
        is_new = row is None or not row.verified
        _store(user, row or EmailAddress(user=user, email=canonical), validated_at or clock.now())
        if is_new:
            devices.end_remembered(user, reason="address added")
            homeserver.account_changed(user.pk)
            facts = {"address": canonical}
            audit.record_or_fail("email-added", actor=actor or user, subject=user.username, facts=facts)


def confirm(user: User, address: str, *, actor: audit.Actor) -> None:
    """An administrator vouches for an address that the account gave. NOT_FOUND, CREDENTIAL_TAKEN as above."""
    with transaction.atomic():
        _take(user)
        row = EmailAddress.objects.filter(user=user, email=_canonical(address)).first()
        if row is None:
            raise Refusal(Reason.NOT_FOUND, field="email")
        if row.verified:
            return
        _store(user, row, clock.now())
        devices.end_remembered(user, reason="address added")
        homeserver.account_changed(user.pk)
        facts = {"address": row.email}
        audit.record_or_fail("email-confirmed", actor=actor, subject=user.username, facts=facts)


def remove(user: User, address: str, *, actor: audit.Actor = None) -> bool:
    """Takes an address away; False when the account has no such one. The oldest confirmed one becomes primary."""
    with transaction.atomic():
        _take(user)
        row = EmailAddress.objects.filter(user=user, email=_canonical(address)).first()
        if row is None:
            return False
        gone = row.email
        row.delete()
        if row.primary:
            _choose_primary(user)
        devices.end_remembered(user, reason="address removed")
        homeserver.account_changed(user.pk)
        audit.record_or_fail("email-removed", actor=actor or user, subject=user.username, facts={"address": gone})
        return True


def make_primary(user: User, address: str, *, actor: audit.Actor = None) -> None:
    """Chooses the confirmed address that mails go to. NOT_FOUND; FORBIDDEN for one that is not confirmed."""
    with transaction.atomic():
        _take(user)
        mine = EmailAddress.objects.filter(user=user)
        row = mine.filter(email=_canonical(address)).first()
        if row is None:
            raise Refusal(Reason.NOT_FOUND, field="email")
        if not row.verified:
            raise Refusal(Reason.FORBIDDEN, field="email")
        if row.primary:
            return
        mine.filter(primary=True).update(primary=False)
        mine.filter(pk=row.pk).update(primary=True)
        homeserver.account_changed(user.pk)
        audit.record_or_fail("email-primary", actor=actor or user, subject=user.username, facts={"address": row.email})


def remove_all(user: User) -> None:
    """Takes every address away, within a verb that audits it."""
    EmailAddress.objects.filter(user=user).delete()


def _canonical(address: str) -> str:
    """The one spelling; for what is no address "", which no row holds."""
    try:
        return patterns.email_address(address)
    except Refusal:
        return ""


def _take(user: User) -> None:
    """Makes verbs on one account's addresses wait for each other; tokens and devices do not wait (`no_key`)."""
    locked = User.objects.select_for_update(no_key=True).filter(pk=user.pk).values_list("deactivated_at", flat=True)
    if next(iter(locked), None) is not None:
        raise Refusal(Reason.ACCOUNT_DEACTIVATED, field="username")


def _store(user: User, row: EmailAddress, validated_at: datetime) -> None:
    """Writes the row as confirmed. The savepoint keeps a caller's transaction good on Postgres when it is refused."""
    added_at = user.created_at if row.pk else clock.now()
    row.verified = True
    row.primary = row.primary or not EmailAddress.objects.filter(user=user, primary=True).exists()
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError:
        raise Refusal(Reason.CREDENTIAL_TAKEN, field="email") from None
    AddressRecord.objects.update_or_create(
        address=row,
        defaults={"validated_at": validated_at},
        create_defaults={"validated_at": validated_at, "added_at": added_at},
    )


def _choose_primary(user: User) -> None:
    heir = EmailAddress.objects.filter(user=user).order_by("-verified", "pk").first()
    if heir is not None:
        EmailAddress.objects.filter(pk=heir.pk).update(primary=True)

"""Pending invites: one row of each pair, shown to its recipient until it is removed (laverna.md §5, §6.7).

What is stored was signed by its sender for this recipient, so nobody can be invited in another's name. What is shown
carries the sender's key of today; an invitation signed with a key that is no longer the sender's is shown to nobody.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet

from accounts import aio, clock, inserts, names, policy, strict_json, subjects, throttle, users
from accounts.errors import Reason, Refusal
from accounts.models import User
from challenges.openpgp import records
from challenges.openpgp.models import BlockedSender, Contact, Invite
from challenges.openpgp.records import FLOW, Person
from challenges.openpgp.signaling import messages
from challenges.openpgp.verifying import NotSigned, verify

MOST_CHARACTERS = 8192  # of a signed invitation; the longest names and the largest keys make less than half of that
AGAIN_SECONDS = 60.0  # between two live copies of one invite; RATE_LIMIT_SCALE never touches it (operations.md §2)


@dataclass(frozen=True, slots=True)
class Shown:
    """An invite on its way to all devices of an account: `data` of the event, as JSON text."""

    recipient_id: int
    data: str


def send(sender_id: int, *, to: str, signature: str) -> Shown | None:
    """Stores an invite; what is to be shown at once, None for oneself, for who does not listen, and for a repeat.

    RATE_LIMITED, NOT_FOUND (the recipient), ACCOUNT_SUSPENDED, CREDENTIAL_WRONG (the signature or what it says),
    FORBIDDEN (too many wait), OVERLOADED. Verifies a signature: slow.
    """
    throttle.hit(throttle.Limit.of("openpgp-invite", settings.SIGNALING_INVITE_RATE), str(sender_id))
    sender, recipient = records.person_by_id(sender_id), records.person(to)
    if recipient is None:
        raise Refusal(Reason.NOT_FOUND, field="username")
    if recipient.user_id == sender_id:
        return None
    aio.lend_connection()  # verifying may wait for gpg
    if sender is None or not says(signature, sender, recipient):
        raise Refusal(Reason.CREDENTIAL_WRONG, field="signature")
    with transaction.atomic():
        first, second = sorted((sender_id, recipient.user_id))  # two who invite each other must not wait for each other
        held = {user_id: users.held(user_id) for user_id in (first, second)}
        is_new_to_them = _store(held[sender_id], held[recipient.user_id], sender, signature)
    return Shown(recipient.user_id, _data(sender, signature)) if is_new_to_them else None


def remove(recipient_id: int, *, sent_by: str) -> None:
    """Takes a pending invite off the list, by its key. What was not there is not there."""
    with transaction.atomic():
        mine = Invite.objects.filter(recipient=recipient_id, sender__folded_username=sent_by)
        inviter = mine.values_list("sender_id", flat=True).first()
        if inviter is not None and Invite.objects.filter(recipient=recipient_id, sender=inviter).delete()[0]:
            inserts.insert(Contact(inviter_id=inviter, invitee_id=recipient_id))


def pending(recipient_id: int) -> list[int]:
    """The numbers of the invites that wait for this account, the oldest first."""
    return list(_waiting(recipient_id).values_list("pk", flat=True))


def shown(recipient_id: int, ids: Sequence[int]) -> list[str]:
    """The data of those of them that may be shown now."""
    return list(_rendered(_waiting(recipient_id).filter(pk__in=ids)))


def purge(*, batch: int = 1000) -> int:
    """Deletes one batch of invites that have expired; answers how many."""
    lifetime = settings.SIGNALING_INVITE_LIFETIME
    if not lifetime:
        return 0
    expired = Invite.objects.filter(created_at__lte=clock.after(-lifetime))
    ids = list(expired.values_list("pk", flat=True)[:batch])
    Invite.objects.filter(pk__in=ids).delete()
    return len(ids)


def _waiting(recipient_id: int) -> QuerySet[Invite]:
    return (
        _alive(Invite.objects.filter(recipient=recipient_id))
        .filter(
            Q(sender__openpgp_keys__expires_at=None) | Q(sender__openpgp_keys__expires_at__gt=clock.now()),
            sender__openpgp_keys__fingerprint=F("fingerprint"),
            sender__openpgp_keys__is_published=True,
            sender__openpgp_keys__revoked_at=None,
            sender__locked_at=None,
            sender__deactivated_at=None,
        )
        .exclude(sender__in=BlockedSender.objects.filter(owner=recipient_id).values("sender"))
        .order_by("pk")
    )


def _alive(invites: QuerySet[Invite]) -> QuerySet[Invite]:
    lifetime = settings.SIGNALING_INVITE_LIFETIME
    return invites.filter(created_at__gt=clock.after(-lifetime)) if lifetime else invites


def _rendered(waiting: QuerySet[Invite]) -> Iterator[str]:
    rows = waiting.values_list("sender_id", "sender__username", "sender__folded_username", "fingerprint", "signature",
                               "sender__openpgp_keys__armored")  # fmt: skip
    for sender_id, username, folded, fingerprint, signature, armored in rows:
        subject = policy.Subject(username=folded, fingerprint=fingerprint, emails=subjects.confirmed_emails(sender_id))
        if policy.decide(FLOW, subject).admitted:
            yield messages.invite(signature=signature, username=username, fingerprint=fingerprint, armored=armored)


def _data(sender: Person, signature: str) -> str:
    return messages.invite(
        signature=signature, username=sender.username, fingerprint=sender.fingerprint, armored=sender.armored
    )


def says(signature: str, sender: Person, recipient: Person) -> bool:
    """Whether the sender signed `{"fingerprint", "from", "to"}` of just these two, in a text that may be kept."""
    if len(signature) > MOST_CHARACTERS:
        return False
    try:
        found = verify(signature, sender.armored, fingerprint=sender.fingerprint, now=clock.now())
        payload: Any = strict_json.parse(found.text.encode("utf-8", "surrogatepass"))
    except NotSigned:
        return False
    except Refusal as refusal:
        if refusal.reason is Reason.OVERLOADED:
            raise
        return False
    if not isinstance(payload, dict):
        return False
    said = [payload.get(name) for name in ("fingerprint", "from", "to")]
    meant = [recipient.fingerprint, sender.folded, recipient.folded]
    return [names.fold(text) if isinstance(text, str) else "" for text in said] == meant


def _store(sender: User, recipient: User, person: Person, signature: str) -> bool:
    """Whether the recipient is to be told now. Both accounts' rows are held."""
    if sender.suspended_at:
        raise Refusal(Reason.ACCOUNT_SUSPENDED)
    if BlockedSender.objects.filter(owner=recipient, sender=sender).exists():
        return False
    if recipient.deactivated_at or recipient.locked_at:
        return False
    moment = clock.now()
    pair = Invite.objects.filter(sender=sender, recipient=recipient)
    _expired(pair).delete()
    if pair.exists():
        pair.update(signature=signature, fingerprint=person.fingerprint)
        return bool(pair.filter(shown_at__lte=clock.after(-AGAIN_SECONDS, moment)).update(shown_at=moment))
    if _alive(Invite.objects.filter(recipient=recipient)).count() >= settings.SIGNALING_PENDING_INVITES:
        raise Refusal(Reason.FORBIDDEN, field="username", detail="too many invites wait")
    return inserts.insert(
        Invite(
            sender=sender,
            recipient=recipient,
            fingerprint=person.fingerprint,
            signature=signature,
            created_at=moment,
            shown_at=moment,
        )
    )


def _expired(invites: QuerySet[Invite]) -> QuerySet[Invite]:
    lifetime = settings.SIGNALING_INVITE_LIFETIME
    return invites.filter(created_at__lte=clock.after(-lifetime)) if lifetime else invites.none()

"""Who may reach whom: the block list, and the setting that asks for an invitation first (laverna.md §6.7, §6.9; R46).

"Accepted" is read from what the application does, because the protocol has no word for it: it takes an invitation off
the list (`removeInvite`), and then turns to its sender, which it does only for people its own person trusts. From then
on both may reach each other; so may both sides of an invitation that still waits.
"""

from collections.abc import Collection

from django.db import transaction
from django.db.models import Q

from accounts import audit, clock, hub, users
from accounts.errors import Reason, Refusal
from accounts.models import User
from challenges.openpgp.models import BlockedSender, Contact, Invite
from challenges.openpgp.records import FLOW

MOST_BLOCKED = 1000  # people on one list


def reachable(sender_id: int, others: Collection[int]) -> set[int]:
    """Those among these accounts that the sender may reach with SIGNALING_CONTACTS_ONLY; the sender's own always.

    Turning to somebody who once invited the sender is what accepts that invitation.
    """
    mine, theirs = Q(sender=sender_id, recipient__in=others), Q(recipient=sender_id, sender__in=others)
    waiting = Invite.objects.filter(mine | theirs).values_list("sender_id", "recipient_id")
    kept = Contact.objects.filter(inviter=sender_id, invitee__in=others).exclude(accepted_at=None)
    came = Contact.objects.filter(invitee=sender_id, inviter__in=others)
    came.filter(accepted_at=None).update(accepted_at=clock.now())
    found = {user_id for pair in waiting for user_id in pair}
    found |= set(kept.values_list("invitee_id", flat=True)) | set(came.values_list("inviter_id", flat=True))
    return (found | {sender_id}) & set(others)


def deaf_to(sender_id: int) -> frozenset[int]:
    """The accounts that want to hear nothing from this one."""
    return deaf_to_each([sender_id])[sender_id]


def deaf_to_each(sender_ids: Collection[int]) -> dict[int, frozenset[int]]:
    """`deaf_to` of several accounts in one query."""
    rows = BlockedSender.objects.filter(sender__in=sender_ids).values_list("sender_id", "owner_id")
    found: dict[int, set[int]] = {sender_id: set() for sender_id in sender_ids}
    for sender_id, owner_id in rows:
        found[sender_id].add(owner_id)
    return {sender_id: frozenset(owners) for sender_id, owners in found.items()}


def block(owner_id: int, *, name: str, actor: audit.Actor = None) -> None:
    """From now on the owner hears nothing from this account: what waits from it goes. NOT_FOUND; FORBIDDEN when the
    account is the owner's own, or the list is full."""
    with transaction.atomic():
        owner, sender = users.held(owner_id), _named(name)
        if sender.pk == owner_id:
            raise Refusal(Reason.FORBIDDEN, field="username")
        if BlockedSender.objects.filter(owner=owner).count() >= MOST_BLOCKED:
            raise Refusal(Reason.FORBIDDEN, field="username", detail="the list is full")
        _, is_new = BlockedSender.objects.get_or_create(owner=owner, sender=sender)
        Invite.objects.filter(sender=sender, recipient=owner).delete()
        Contact.objects.filter(Q(inviter=sender, invitee=owner) | Q(inviter=owner, invitee=sender)).delete()
        if is_new:
            _tell(sender, owner, "sender-blocked", actor)


def unblock(owner_id: int, *, name: str, actor: audit.Actor = None) -> None:
    """Undoes `block`. NOT_FOUND for a name that is nobody's."""
    with transaction.atomic():
        owner, sender = users.held(owner_id), _named(name)
        gone, _ = BlockedSender.objects.filter(owner=owner, sender=sender).delete()
        if gone:
            _tell(sender, owner, "sender-unblocked", actor)


def blocked(owner_id: int) -> list[str]:
    """The names on the owner's list, in the order of the alphabet."""
    rows = BlockedSender.objects.filter(owner=owner_id).order_by("sender__username")
    return list(rows.values_list("sender__username", flat=True))


def _named(name: str) -> User:
    found = User.objects.filter(folded_username=name).first()
    if found is None:
        raise Refusal(Reason.NOT_FOUND, field="username")
    return found


def _tell(sender: User, owner: User, event: str, actor: audit.Actor) -> None:
    """The sender's sockets look again to whom they may speak, in every process."""
    hub.recheck([hub.user_group(sender.pk)])
    facts = {"sender": sender.username}
    audit.record_or_fail(event, actor=actor or owner, subject=owner.username, flow=FLOW, facts=facts)

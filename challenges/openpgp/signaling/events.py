"""What each event of the room does, the same for both doors (laverna.md §5). Doors parse, limit and answer.

Who speaks is the member, never what the data says. Whoever is not there, or does not listen, is not spoken to, and the
sender does not learn it from here.
"""

import time
from collections.abc import Awaitable, Callable, Collection
from typing import Any

from django.conf import settings

from accounts import aio, figures, relay, throttle
from accounts.errors import Reason, Refusal
from accounts.http import as_refusal
from accounts.relay import Parcel
from challenges.openpgp import protocol
from challenges.openpgp.records import FLOW
from challenges.openpgp.signaling import contacts, invitations, messages, people
from challenges.openpgp.signaling.exact_json import Members
from challenges.openpgp.signaling.members import Member, device_room, user_room

OK = {"ok": True}
_WORDS = {
    Reason.NOT_FOUND: "User not found",
    Reason.CREDENTIAL_WRONG: "Invalid signature",
    Reason.FORBIDDEN: "Not allowed, or too many",
}
_CONTACT_SECONDS = 5.0
_MOST_CONTACTS = 1000

Answer = dict[str, Any]


async def handle(member: Member, event: str, data: object) -> Answer:
    """Does it; the acknowledgement: `{ok: true}` or `{error: words}`. Raises nothing."""
    work = _WORKS.get(event)
    if work is None:
        return {"error": "There is no such event"}
    if not isinstance(data, Members):
        return {"error": "The event has no object that can be read"}
    try:
        await work(member, data)
    except messages.Malformed as malformed:
        return {"error": str(malformed)}
    except Exception as error:
        refusal = as_refusal(error)
        figures.refused(FLOW, refusal.reason)
        return {"error": _words(refusal)}
    return OK


async def _send_signal(member: Member, data: Members) -> None:
    message = messages.relayed(data)
    user_id = await _account(message.to.username)
    if await _is_reached(member, user_id):
        parcel = Parcel(messages.SIGNAL, messages.signal(message, member.identity))
        relay.send(device_room(user_id, message.to.device_id), parcel)


async def _send_offer(member: Member, data: Members) -> None:
    other = messages.address(data)
    user_id = await _account(other.username)
    if await _is_reached(member, user_id):
        offer = messages.offer(member.identity, initiator=False)
        relay.send(device_room(user_id, other.device_id), Parcel(messages.OFFER, offer))
        offer = messages.offer(messages.identity(other.given, other.device_id), initiator=True)
        relay.send(device_room(member.user_id, member.device_id), Parcel(messages.OFFER, offer))


async def _request_offers(member: Member, data: Members) -> None:
    others = messages.users(data)
    await aio.call(_take_offers, member.user_id)
    ids = await people.find(dict.fromkeys(one.username for one in others))
    reached = await _reached(member, [user_id for user_id in ids.values() if user_id])
    parcel = Parcel(messages.REQUEST_OFFER, member.identity)
    for one in others:
        user_id = ids[one.username]
        if user_id in reached:
            relay.send(device_room(user_id, one.device_id) if one.device_id else user_room(user_id), parcel)


async def _send_invite(member: Member, data: Members) -> None:
    invitation = messages.invitation(data)
    shown = await aio.call_waiting(
        invitations.send, member.user_id, to=invitation.username, signature=invitation.signature
    )
    if shown is not None:
        relay.send(user_room(shown.recipient_id), Parcel(messages.INVITE, shown.data))


async def _remove_invite(member: Member, data: Members) -> None:
    await aio.call(invitations.remove, member.user_id, sent_by=messages.user(data))


async def _block(member: Member, data: Members) -> None:
    await aio.call(contacts.block, member.user_id, name=messages.user(data))


async def _unblock(member: Member, data: Members) -> None:
    await aio.call(contacts.unblock, member.user_id, name=messages.user(data))


_WORKS: dict[str, Callable[[Member, Members], Awaitable[None]]] = {
    messages.SEND_SIGNAL: _send_signal,
    messages.SEND_OFFER: _send_offer,
    messages.REQUEST_OFFERS: _request_offers,
    messages.SEND_INVITE: _send_invite,
    messages.REMOVE_INVITE: _remove_invite,
    messages.BLOCK_USER: _block,
    messages.UNBLOCK_USER: _unblock,
}


async def _account(name: str) -> int:
    user_id = people.known(name)
    return (await people.find([name]))[name] if user_id is None else user_id


async def _is_reached(member: Member, user_id: int) -> bool:
    """Whether the member may speak to this account. FORBIDDEN for somebody who is no contact, where that is asked."""
    if user_id == people.NOBODY or user_id in member.deaf:
        return False
    if settings.SIGNALING_CONTACTS_ONLY and user_id not in await _contacts(member, [user_id]):
        raise Refusal(Reason.FORBIDDEN, field="username")
    return True


async def _reached(member: Member, ids: Collection[int]) -> set[int]:
    """Those among these accounts that the member may speak to."""
    heard = {user_id for user_id in ids if user_id not in member.deaf}
    return await _contacts(member, heard) if settings.SIGNALING_CONTACTS_ONLY else heard


async def _contacts(member: Member, ids: Collection[int]) -> set[int]:
    """Those of them that are contacts; who is one is remembered for seconds, for a signal comes seldom alone."""
    now = time.monotonic()
    known = {user_id for user_id in ids if member.reached.get(user_id, 0.0) > now or user_id == member.user_id}
    asked = set(ids) - known
    if asked:
        found = await aio.call(contacts.reachable, member.user_id, asked)
        if len(member.reached) > _MOST_CONTACTS:
            member.reached.clear()
        member.reached.update(dict.fromkeys(found, now + _CONTACT_SECONDS))
        known |= found
    return known


def _take_offers(user_id: int) -> None:
    throttle.hit(throttle.Limit.of("openpgp-offers", settings.SIGNALING_OFFERS_RATE), str(user_id))


def _words(refusal: Refusal) -> str:
    words = _WORDS.get(refusal.reason) or protocol.SHAPES[refusal.reason].text
    return words.replace("{field}", refusal.field)

"""What waited for a member that comes in: its invites, no faster than its client takes them (laverna.md §5).

They are looked up a few at a time: a hundred of them can be megabytes, and one who never reads could otherwise keep
that much in memory with every socket.
"""

import asyncio
from collections.abc import Callable, Sequence

from accounts import aio
from accounts.http import as_refusal
from accounts.relay import Parcel
from challenges.openpgp.signaling import invitations, messages
from challenges.openpgp.signaling.members import COME_AGAIN, Member

_ROOM_BYTES, _LOOK_SECONDS = 256 * 1024, 0.05  # that may wait for the client before more is looked up
_AT_ONCE = 4


async def show(member: Member, ids: Sequence[int], *, unsent: Callable[[], int], is_closed: Callable[[], bool]) -> None:
    """Sends the invites with these numbers to this socket alone; `unsent` is how many bytes it has not taken yet."""
    for start in range(0, len(ids), _AT_ONCE):
        while unsent() > _ROOM_BYTES and not is_closed():
            await asyncio.sleep(_LOOK_SECONDS)
        if is_closed():
            return
        try:
            found = await aio.call(invitations.shown, member.user_id, ids[start : start + _AT_ONCE])
        except Exception as error:  # the client comes again, and asks again
            as_refusal(error)
            member.close(COME_AGAIN)
            return
        for data in found:
            member.send(Parcel(messages.INVITE, data))

"""Why somebody does not come in, in the words of the protocol and as a close code (laverna.md §5)."""

from dataclasses import dataclass

from accounts import aio, figures
from accounts.consumers import TOKEN_DIED
from accounts.errors import Reason
from accounts.http import as_refusal
from accounts.relay import Lost
from challenges.openpgp.records import FLOW
from challenges.openpgp.signaling import admission, messages

TOO_MANY = "Too many connections"
BUSY = "Not available"
_COME_AGAIN, _TOO_MANY = 1012, 4429
_OURS = {Reason.OVERLOADED, Reason.UNAVAILABLE, Reason.INTERNAL}


@dataclass(frozen=True, slots=True)
class NotIn:
    """`comes_again`: nothing is wrong with the client, which comes again by itself when the connection is closed."""

    words: str
    code: int
    comes_again: bool = False


def too_many() -> NotIn:
    """The address or the account holds as many sockets as it may."""
    return NotIn(TOO_MANY, _TOO_MANY)


def of(error: Exception) -> NotIn:
    """What an exception of `members.enter` means."""
    if isinstance(error, Lost):
        return NotIn(BUSY, _COME_AGAIN, comes_again=True)
    refusal = as_refusal(error)
    figures.refused(FLOW, refusal.reason)
    if refusal.reason in _OURS:
        return NotIn(BUSY, _COME_AGAIN, comes_again=True)
    if refusal.reason is Reason.RATE_LIMITED:
        return too_many()
    return NotIn(messages.REFUSED, TOKEN_DIED)


async def note(words: str, *, username: object, ip: str) -> None:
    """Writes down an attempt that was refused before its token was looked at. Losing that harms nobody."""
    try:
        await aio.call(admission.note_refusal, words, username=username, ip=ip)
    except Exception as error:
        as_refusal(error)

"""One message to one answer, for both doors: neither can differ from the other."""

from typing import Any

from accounts import aio, figures
from accounts.http import as_refusal
from challenges.otp import messages, protocol, services
from challenges.otp.records import FLOW

MOST_BYTES = 16 * 1024  # of a frame or event (R43)
IDLE_SECONDS = 120.0  # a person may be looking for the mail
LAST_SECONDS = 30.0  # after an answer that ends the matter


async def answer(event: str, data: object, *, ip: str) -> Any:
    """The response to one of `protocol.EVENTS`: the bare login token, or an object with `code` and `message`."""
    try:
        if event == protocol.REQUEST:
            return await aio.call(services.request_login_token, messages.parse_request(data), ip=ip)
        return await aio.call(services.confirm, messages.parse_confirmation(data), ip=ip)
    except Exception as error:
        refusal = as_refusal(error)
        figures.refused(FLOW, refusal.reason)
        return protocol.refused(refusal)


def seconds_left(response: object) -> float:
    """How long the socket stays open for the next message: a login token waits for its code, the rest is said."""
    return IDLE_SECONDS if isinstance(response, str) else LAST_SECONDS

"""A message as a webhook: what it says, and the signature by which its receiver knows it (docs/events.md).

`Latchkey-Signature` is the HMAC-SHA-256 of the timestamp, a dot and the body, under the subscription's secret. The
timestamp is that of the try; the id stays the same at every try, so a receiver can drop a second copy.
"""

import hashlib
import hmac
import json
import secrets
import time
from http import HTTPStatus
from typing import Any

from django.conf import settings

from accounts import outbound

_MOST_BYTES = 65_536
_SECRET_PREFIX = "lkhook_"


class NotTaken(Exception):
    """The target did not take the message; the text is short and holds nothing secret."""


def new_secret() -> str:
    """256 random bits under a prefix that scanners of leaked secrets can find."""
    return f"{_SECRET_PREFIX}{secrets.token_urlsafe(32)}"


def allowed() -> outbound.Allowed:
    """What the operator allows of targets."""
    return outbound.Allowed(private=settings.EVENT_PRIVATE_TARGETS, http=settings.EVENT_HTTP_TARGETS)


def post(url: str, message: dict[str, Any], *, number: str, secret: str) -> int:
    """The status of an answer that means yes. NotTaken for any other, and for none."""
    body = _body(message)
    timestamp = str(int(time.time()))  # the machine's: ours may lag behind a clock that was set back, a receiver's not
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Latchkey",
        "Latchkey-Id": number,
        "Latchkey-Timestamp": timestamp,
        "Latchkey-Signature": signature(secret, timestamp, body),
    }
    try:
        status = outbound.post(url, body, headers, timeout=float(settings.EVENT_TIMEOUT), allowed=allowed())
    except (outbound.TargetRefused, outbound.NotSent) as failure:
        raise NotTaken(str(failure)) from None
    if not HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        raise NotTaken(f"answered {status}")
    return status


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """`sha256=` and 64 hex digits."""
    return "sha256=" + hmac.digest(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hex()


def _body(message: dict[str, Any]) -> bytes:
    """As JSON; without the events one by one when they would be too much."""
    text = json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    if len(text) <= _MOST_BYTES:
        return text
    return json.dumps({**message, "events": []}, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")

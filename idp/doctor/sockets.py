"""Websockets and Socket.IO through whatever stands in front: a round trip on each, with what changes nothing."""

import json
import ssl
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from websockets.exceptions import InvalidStatus, WebSocketException
from websockets.sync.client import connect

from idp.doctor import asking
from idp.doctor.findings import Check, Finding, failed, good

_PATIENCE = 10.0  # seconds
_UPGRADE = "Let the proxy pass websockets on: HTTP/1.1 with the headers Upgrade and Connection, as in deploy/."
_QUESTION = {"event": "request_login_token", "data": {}, "id": 1}  # refused: it asks for nobody
_HANDSHAKE = {"EIO": "4", "transport": "polling"}


def login() -> Finding:
    """A malformed request at `/ws/login/` is answered with the door's own error."""
    found = _exchange("/ws/login/", json.dumps(_QUESTION))
    if isinstance(found, Finding):
        return found
    said = _parsed(found)
    if not isinstance(said, dict) or said.get("event") != _QUESTION["event"] or "data" not in said:
        return failed(f"/ws/login/ answers something else: {asking.shown(found)}", _UPGRADE)
    return good("there and back at /ws/login/")


def signaling() -> Finding:
    """The same at `/ws/signal/`, where devices of Laverna meet."""
    found = _exchange("/ws/signal/", json.dumps({"event": "nothing", "data": {}}))
    if isinstance(found, Finding):
        return found
    if not isinstance(_parsed(found), dict):
        return failed(f"/ws/signal/ answers something else: {asking.shown(found)}", _UPGRADE)
    return good("there and back at /ws/signal/")


def socketio() -> Finding:
    """Engine.IO's handshake by polling, a second poll of the same session, and the upgrade to a websocket."""
    answer = asking.ask("GET", f"/socket.io/?{urlencode(_HANDSHAKE)}")
    opened = _parsed(answer.body[1:].decode(errors="replace")) if not isinstance(answer, str) else None
    if isinstance(answer, str) or answer.status != 200 or not isinstance(opened, dict) or "sid" not in opened:
        cure = asking.SERVED if isinstance(answer, str) else "Send /socket.io/ to this server."
        return failed(f"/socket.io/: {asking.status(answer)}", cure)
    here = f"/socket.io/?{urlencode(_HANDSHAKE | {'sid': opened['sid']})}"
    joined = asking.ask("POST", here, body=b"40", headers={"Content-Type": "text/plain;charset=UTF-8"})
    if isinstance(joined, str) or joined.status != 200:
        return failed(
            f"a second request of one session: {asking.status(joined)}",
            "With several processes the proxy must send all requests of a session to one: see docs/deployment.md.",
        )
    probe = f"/socket.io/?{urlencode({'EIO': '4', 'transport': 'websocket', 'sid': opened['sid']})}"
    found = _exchange(probe, "2probe")
    if isinstance(found, Finding):
        return found
    if found != "3probe":
        return failed(f"the upgrade answers {asking.shown(found)}", _UPGRADE)
    return good("polling and the upgrade at /socket.io/")


def _exchange(path: str, message: str) -> str | Finding:
    """What a websocket answers to a message, or why there is none."""
    where = path.partition("?")[0]
    secured: dict[str, Any] = {"ssl": ssl.create_default_context()} if settings.PUBLIC_IS_HTTPS else {}
    try:
        with connect(
            asking.socket_url(path), open_timeout=_PATIENCE, close_timeout=1.0, compression=None, **secured
        ) as socket:
            socket.send(message)
            return str(socket.recv(_PATIENCE))
    except InvalidStatus as refused:
        return failed(f"{where}: the handshake is answered with {refused.response.status_code}", _UPGRADE)
    except WebSocketException as error:
        return failed(f"{where}: {type(error).__name__}", _UPGRADE)
    except OSError as error:  # TimeoutError too: a proxy that does not pass it on keeps silent
        return failed(f"{where}: {type(error).__name__}", asking.SERVED if _is_away(error) else _UPGRADE)


def _is_away(error: OSError) -> bool:
    return not isinstance(error, TimeoutError)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


CHECKS = (
    Check("websocket", "a websocket goes there and back", login),
    Check("websocket-signaling", "devices of Laverna can meet", signaling),
    Check("socketio", "Socket.IO goes there and back", socketio),
)

"""The table of connections: `engineio`'s server with its transports replaced (docs of the package say why)."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import engineio
import orjson

from accounts import throttle
from challenges.socketio.framing import Packet
from challenges.socketio.rates import Heads
from challenges.socketio.session import (
    GOING_AWAY,
    MOST_WAITING_BYTES,
    PING_INTERVAL,
    PING_TIMEOUT,
    POLICY,
    Client,
    Session,
)

MOST_BODY_BYTES = 1_000_000
MOST_PER_ADDRESS = 100  # (R44)
_LOOK_SECONDS = 0.25


class TooMany(Exception):
    """The address holds as many connections as it may."""


def silent_logger() -> logging.Logger:
    """For the two libraries, which log payloads, and errors that a client can cause (R51)."""
    logger = logging.getLogger("latchkey.socketio.library")
    logger.setLevel(logging.CRITICAL + 1)
    return logger


class Engine(engineio.AsyncServer):  # type: ignore[misc]  # engineio has no types
    """Opens connections, finds them, forgets them. `going_down` says whether the process takes no more."""

    going_down: Callable[[], bool] = staticmethod(lambda: False)
    ending = ""  # of every session id, by which a process knows its own

    def __init__(self, **options: Any) -> None:
        super().__init__(monitor_clients=False, logger=silent_logger(), **options)
        self.heads = Heads()
        self.on_message: Callable[[Session, Packet], bool] = lambda *_: True
        self.work: Callable[[Session], Any]
        self._watcher: asyncio.TimerHandle | None = None

    def open(self, client: Client) -> Session:
        """A new connection, its open packet waiting; TooMany when the address has no room."""
        key = throttle.address_key(client.address)
        if not self.heads.enter(key, MOST_PER_ADDRESS):
            raise TooMany
        session = Session(self, self.generate_id() + self.ending, client)
        self.sockets[session.sid] = session
        self._watch()
        return session

    def greet(self, session: Session, *, upgrades: bool) -> None:
        """The open packet; a client of version 3 never asks for the default namespace, so it is asked for here."""
        facts = {
            "sid": session.sid,
            "upgrades": ["websocket"] if upgrades else [],
            "pingInterval": int(PING_INTERVAL * 1000),
            "pingTimeout": int(PING_TIMEOUT * 1000),
            "maxPayload": MOST_BODY_BYTES,
        }
        session.put(f"0{orjson.dumps(facts).decode()}")
        if session.client.version == 3:
            self._enqueue(session, "0")

    def message(self, session: Session, packet: Packet) -> None:
        """A message of the client goes behind those before it; connections wait for nobody but themselves."""
        if not session.closed and self.on_message(session, packet):
            self._enqueue(session, packet)

    def _enqueue(self, session: Session, packet: Packet | None) -> None:
        size = len(packet) if packet is not None else 0
        if packet is not None and session.inbox_bytes + size > MOST_WAITING_BYTES:
            session.end(POLICY)
            return
        session.inbox.append(packet)
        session.inbox_bytes += size
        if session.worker is None:
            session.worker = asyncio.get_running_loop().create_task(self.work(session))

    def ended(self, session: Session) -> None:
        """Called once per connection: the flow hears of it behind the messages that came before."""
        self.heads.leave(throttle.address_key(session.client.address))
        self._enqueue(session, None)

    async def send(self, sid: str, data: Packet) -> None:
        """A packet of `socketio`; its own version would put a packet of the library into the queue."""
        session = self.sockets.get(sid)
        if session is not None:
            session.say(data)

    def forget(self, session: Session) -> None:
        """Takes the connection out of the table."""
        self.sockets.pop(session.sid, None)

    def close_all(self, code: int) -> None:
        """Ends every connection: 1001 going down, 1012 when another bus is lost (R58)."""
        for session in list(self.sockets.values()):
            session.end(code)

    def _watch(self) -> None:
        """While there are connections, looks whether the process is going down (R59).

        Servers close websockets themselves, but wait for a held poll as for any request.
        """
        if self._watcher is None:
            self._watcher = asyncio.get_running_loop().call_later(_LOOK_SECONDS, self._look)

    def _look(self) -> None:
        self._watcher = None
        if self.going_down():
            self.close_all(GOING_AWAY)
        if self.sockets:
            self._watch()

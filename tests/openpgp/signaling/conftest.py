"""The signaling room in this process: people with keys and tokens, and both doors, asked as servers ask."""

import asyncio
import itertools
import json
from asyncio import events
from collections.abc import AsyncIterator
from typing import Any

import pytest
from channels.testing import WebsocketCommunicator
from django.conf import settings

from accounts import hub, relay, tokens, users
from accounts.models import OpenPGPKey
from challenges.openpgp import jwts
from challenges.openpgp.records import FLOW
from challenges.openpgp.signaling import crowd, members, people
from challenges.openpgp.signaling.consumers import SignalConsumer
from challenges.openpgp.signaling.door import SignalDoor
from challenges.socketio.server import SocketServer
from tests.openpgp.door import Person as Owner
from tests.openpgp.door import new_key
from tests.socketio import conftest as socketio_tests

PATIENCE = 20
IP = "192.0.2.1"
_keys: dict[str, Any] = {}


def db(function: Any, *args: Any, **more: Any) -> Any:
    """Runs what asks the database inside a test that runs on a loop."""
    loop = events._get_running_loop()
    events._set_running_loop(None)
    try:
        return function(*args, **more)
    finally:
        events._set_running_loop(loop)


class Person(Owner):
    """An account with a published key; `token` is a new one each time."""

    @property
    def id(self) -> int:
        return int(db(lambda: users.get(self.name).pk))

    def make(self) -> "Person":
        user = users.create(self.name)
        OpenPGPKey.objects.create(user=user, fingerprint=self.fingerprint, armored=self.armored)
        return self

    def token(self) -> str:
        def issue() -> str:
            lifetime = settings.OPENPGP_TOKEN_LIFETIME
            text, _ = jwts.auth_text(self.name, self.fingerprint, lifetime=lifetime)
            minted = tokens.Minted(text, lifetime)
            user = users.get(self.name)
            tokens.issue(minted, user=user, flow=FLOW, credential=self.fingerprint, amr="hwk")
            return text

        return str(db(issue))

    def invitation(self, to: "Person", **changes: Any) -> dict[str, Any]:
        said = {"fingerprint": to.fingerprint, "from": self.name, "to": to.name} | changes
        return {"username": to.name, "signature": self.signed(said)}


def person(name: str) -> Person:
    """Keys are made once a process: that takes longer than a test."""
    if name not in _keys:
        _keys[name] = new_key(name)
    return Person(name, _keys[name]).make()


class Peer:
    """A client of one of the two doors; events come and go as (name, data text)."""

    def __init__(self, owner: Person, device_id: str) -> None:
        self.owner, self.device_id = owner, device_id
        self.identity = {"username": owner.name, "deviceId": device_id}
        self.numbers = itertools.count(1)

    async def hear_raw(self) -> str:
        raise NotImplementedError

    async def say(self, event: str, data: Any) -> None:
        await self.say_raw(event, data if isinstance(data, str) else json.dumps(data))

    async def say_raw(self, event: str, data: str) -> None:
        raise NotImplementedError

    async def ask(self, event: str, data: Any) -> Any:
        raise NotImplementedError

    async def hear(self) -> tuple[str, Any]:
        raise NotImplementedError

    async def hear_nothing(self) -> None:
        """Everything that was on its way has come: what answers our own question is the next."""
        assert await self.ask("nothing", {}) == {"error": "There is no such event"}


class SocketPeer(Peer):
    version = 4

    def __init__(self, owner: Person, device_id: str, web: socketio_tests.Web) -> None:
        super().__init__(owner, device_id)
        self.web = web

    async def say_raw(self, event: str, data: str) -> None:
        self.web.say(f'42["{event}",{data}]')

    async def ask(self, event: str, data: Any) -> Any:
        number = next(self.numbers)
        text = data if isinstance(data, str) else json.dumps(data)
        self.web.say(f'42{number}["{event}",{text}]' if text else f'42{number}["{event}"]')
        answer = await self.web.hear()
        head = f"43{number}"
        assert isinstance(answer, str), answer
        assert answer.startswith(head), answer
        return json.loads(answer[len(head) :])[0]

    async def hear_raw(self) -> str:
        text = await self.web.hear()
        assert isinstance(text, str), text
        return text

    async def hear(self) -> tuple[str, Any]:
        text = await self.hear_raw()
        assert text.startswith("42["), text
        name, data = json.loads(text[2:])
        return name, data

    async def close_code(self) -> int:
        return await self.web.close_code()

    async def leave(self) -> None:
        self.web.inbox.put_nowait({"type": "websocket.disconnect", "code": 1000})
        async with asyncio.timeout(PATIENCE):
            await asyncio.wait([self.web.task])


class PlainPeer(Peer):
    def __init__(self, owner: Person, device_id: str, web: WebsocketCommunicator) -> None:
        super().__init__(owner, device_id)
        self.web = web

    async def say_raw(self, event: str, data: str) -> None:
        await self.web.send_to(text_data=f'{{"event":"{event}","data":{data}}}')

    async def ask(self, event: str, data: Any) -> Any:
        number = next(self.numbers)
        text = data if isinstance(data, str) else json.dumps(data)
        member = f',"data":{text}' if text else ""
        await self.web.send_to(text_data=f'{{"event":"{event}"{member},"id":{number}}}')
        answer = json.loads(await self.hear_raw())
        assert answer.get("id") == number, answer
        assert answer["event"] == event
        return answer["data"]

    async def hear_raw(self) -> str:
        return str(await self.web.receive_from(timeout=PATIENCE))

    async def hear(self) -> tuple[str, Any]:
        frame = json.loads(await self.hear_raw())
        return frame["event"], frame["data"]

    async def close_code(self) -> int:
        while True:
            output = await self.web.receive_output(timeout=PATIENCE)
            if output["type"] == "websocket.close":
                return int(output["code"])

    async def leave(self) -> None:
        await self.web.disconnect()


class Room:
    """Both doors of one process."""

    def __init__(self) -> None:
        self.server = SocketServer()
        self.door = SignalDoor()
        self.server.serve(self.door)
        self.peers: list[Peer] = []

    def web(self, query: str, headers: Any = (), version: int = 4, address: str = IP) -> socketio_tests.Web:
        """A websocket to `/socket.io/` that has said nothing yet."""
        from challenges.socketio import websocket

        web = socketio_tests.Web()
        web.inbox.put_nowait({"type": "websocket.connect"})
        query = f"EIO={version}&transport=websocket{query}"
        scope = socketio_tests.scope("websocket", query, "/socket.io/", list(headers), address)
        web.task = asyncio.create_task(websocket.carry(self.server.eio, scope, web.inbox.get, web.send))
        return web

    async def socket(self, owner: Person, device_id: str = "phone", *, token: str = "", version: int = 4) -> SocketPeer:
        token = token or owner.token()
        web = self.web(f"&username={owner.name}&deviceId={device_id}&token={token}", version=version)
        assert (await web.hear())["type"] == "websocket.accept"
        assert (await web.hear()).startswith("0{")
        if version == 4:
            web.say("40")
        answer = await web.hear()
        assert answer.startswith("40"), answer
        peer = SocketPeer(owner, device_id, web)
        self.peers.append(peer)
        return peer

    def plain_web(self, query: str = "", headers: Any = (), address: str = IP) -> WebsocketCommunicator:
        web = WebsocketCommunicator(SignalConsumer.as_asgi(), f"/ws/signal/{query}", headers=list(headers))
        web.scope["client"] = (address, 1)
        return web

    async def plain(self, owner: Person, device_id: str = "phone", *, token: str = "") -> PlainPeer:
        web = self.plain_web()
        connected, _ = await web.connect(timeout=PATIENCE)
        assert connected
        peer = PlainPeer(owner, device_id, web)
        self.peers.append(peer)
        data = peer.identity | {"token": token or owner.token()}
        assert await peer.ask("connect", data) == {"ok": True}
        return peer

    async def peer(self, kind: str, owner: Person, device_id: str = "phone") -> Any:
        return await (self.socket if kind == "socket" else self.plain)(owner, device_id)

    async def until(self, condition: Any) -> None:
        async with asyncio.timeout(PATIENCE):
            while not condition():
                await asyncio.sleep(0.005)

    async def notices(self) -> None:
        """What the background thread does every half second."""
        for notice in db(hub.fresh_notices, {}):
            hub.deliver_here(notice.group, notice.event, notice.data)
        await self.until(lambda: not members._room._doubtful)


@pytest.fixture
def alice(db):
    return person("alice")


@pytest.fixture
def bob(db):
    return person("bob")


@pytest.fixture
def carol(db):
    return person("carol")


@pytest.fixture
async def room(monkeypatch) -> AsyncIterator[Room]:
    """One process, whatever the settings say: `test_processes` has a bus."""
    monkeypatch.setattr(relay._relay, "_layer", lambda: None)
    people.forget()
    found = Room()
    yield found
    for peer in found.peers:
        await peer.leave()  # type: ignore[attr-defined]
    await found.until(lambda: members.count() == 0)
    tasks = [task for task in members._room._tasks.values() if not task.done()]
    write_off = members._room._tasks.get("leave")
    if write_off is not None:
        await asyncio.wait([write_off])
    for task in tasks:
        task.cancel()
    members._room._tasks.clear()
    await found.until(lambda: not crowd._heads._counts)
    assert hub._here == {}, "somebody still listens to notices"
    assert relay._relay._groups == {}, "somebody is still in a room"
    assert people._here == {}

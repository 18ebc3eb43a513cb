"""Both devices of a login, written from the specification (qr-login.md §6): what Element X and Element would do.

Each takes its steps by itself and ends with what it has at the end, or with `Ended`, by the reason of the wire.
"""

import asyncio
import itertools
import json
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from tests.conformance.oauth.provider import DEVICE, scope_of
from tests.conformance.oauth.wire import FORM, Answer, encoded
from tests.conformance.qr import channels, qr_code, slots
from tests.conformance.qr.channels import Channel
from tests.conformance.qr.line import Line
from tests.conformance.qr.qr_code import EXISTING, NEW
from tests.conformance.qr.slots import Gone, Slot

SECRETS = {"cross_signing": dict.fromkeys(("master_key", "self_signing_key", "user_signing_key"), "c2VjcmV0")}
_LOOKS = 10.0  # seconds in which the existing device looks for the new one
_JSON = {"Content-Type": "application/json"}
_clients = itertools.count()


def new_device_id() -> str:
    """As matrix-rust-sdk makes them: an unpadded Curve25519 key; here always one with a slash and a plus in it."""
    return f"{channels.b64(secrets.token_bytes(28))[:37]}/+{secrets.token_hex(2)}"


class Ended(Exception):
    """The login is over; `reason` is that of a failure, "declined" or "gone"."""

    def __init__(self, reason: str, said: object = "") -> None:
        super().__init__(f"{reason} {said}")
        self.reason = reason


@dataclass
class Talk:
    """Messages over an established channel, one at a time."""

    slot: Slot
    channel: Channel

    async def say(self, kind: str, **fields: Any) -> None:
        text = json.dumps({"type": f"m.login.{kind}", **fields})
        await self.slot.write(self.channel.seal(text.encode(), self.slot.aad))

    async def fail(self, reason: str) -> None:
        """Says why, and is over."""
        await self.say("failure", reason=reason)
        raise Ended(reason)

    async def hear(self, kind: str) -> dict[str, Any]:
        """The next message, which must be of this kind."""
        try:
            message, bound = await slots.receive(self.slot)
        except Gone:
            raise Ended("gone") from None
        said: dict[str, Any] = json.loads(self.channel.open(message, bound))
        if said["type"] == "m.login.failure":
            raise Ended(said["reason"])
        if said["type"] == "m.login.declined":
            raise Ended("declined")
        if said["type"] != f"m.login.{kind}":
            await self.fail("unexpected_message_received")
        return said


@dataclass
class Meeting:
    """How the two come together: the form, who shows the code, and what people carry from one screen to the other."""

    form: str
    shown_by: str
    pause: float = 1.0  # seconds between two reads, as real clients wait
    code: asyncio.Future[bytes] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    check_code: asyncio.Future[str] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    async def show(self, line: Line, *, token: str = "", server_name: str = "") -> Talk:
        """Creates the session, shows the code, and waits for what somebody types in."""
        slot: Slot = await slots.FORMS[self.form].create(line, token, pause=self.pause)
        side = channels.SHOWN[slot.kind]()
        self.code.set_result(slot.code(side.public, self.shown_by, server_name).octets())
        message, bound = await slots.receive(slot)
        channel = side.accept(message, bound)
        await slot.write(side.agreed(channel, slot.aad))
        assert await self.check_code == channel.check_code
        return Talk(slot, channel)

    async def scan(self, line: Line) -> tuple[Talk, qr_code.Code]:
        code = qr_code.read(await self.code)
        there = slots.FORMS[self.form]
        assert (code.form, code.shown_by) == (there.kind, self.shown_by)
        slot: Slot = await there.join(line, code, pause=self.pause)
        side = channels.SCANNED[slot.kind](code.public)
        await slot.write(side.initiate(slot.aad))
        message, bound = await slots.receive(slot)
        channel = side.confirm(message, bound)
        self.check_code.set_result(channel.check_code)
        return Talk(slot, channel), code


async def _nobody(_: str) -> None:
    """Nobody comes to the page."""


@dataclass
class Existing:
    """A signed-in device. `consent` is its person at a browser, who is given the link."""

    line: Line
    token: str
    server_name: str
    consent: Callable[[str], Awaitable[None]] = _nobody
    opens_links: bool = True

    async def run(self, meeting: Meeting) -> str:
        """The id of the device that it let in."""
        talk = await self._meet(meeting)
        proposal = await talk.hear("protocol")
        assert proposal["protocol"] == "device_authorization_grant"
        device_id, grant = str(proposal["device_id"]), proposal["device_authorization_grant"]
        if (await self.look_for(device_id)).status != 404:
            await talk.fail("device_already_exists")
        if not self.opens_links:
            await talk.fail("unable_to_open_verification_uri")
        await talk.say("protocol_accepted")
        visit = asyncio.ensure_future(self.consent(grant.get("verification_uri_complete", grant["verification_uri"])))
        try:
            await talk.hear("success")
        finally:
            await visit
        await self._find(talk, device_id)
        await talk.say("secrets", **SECRETS)
        return device_id

    async def look_for(self, device_id: str) -> Answer:
        headers = {"Authorization": f"Bearer {self.token}"}
        return await self.line.ask("GET", f"/_matrix/client/v3/devices/{quote(device_id, safe='')}", headers=headers)

    async def _meet(self, meeting: Meeting) -> Talk:
        if meeting.shown_by == EXISTING:
            return await meeting.show(self.line, token=self.token, server_name=self.server_name)
        talk, _ = await meeting.scan(self.line)
        metadata = (await self.line.ask("GET", "/_matrix/client/v1/auth_metadata")).json
        assert DEVICE in metadata["grant_types_supported"]
        home = {"homeserver" if talk.slot.kind == "2024" else "base_url": self.line.url}
        await talk.say("protocols", protocols=["device_authorization_grant"], **home)
        return talk

    async def _find(self, talk: Talk, device_id: str) -> None:
        end = asyncio.get_running_loop().time() + _LOOKS
        while (found := await self.look_for(device_id)).status == 404:
            if asyncio.get_running_loop().time() > end:
                await talk.fail("device_not_found")
            await asyncio.sleep(0.5)
        assert (found.status, found.json["device_id"]) == (200, device_id), found.body


@dataclass(frozen=True, slots=True)
class SignedIn:
    """What a new device has at the end."""

    user_id: str
    device_id: str
    tokens: dict[str, Any]
    secrets: dict[str, Any]
    talk: Talk


@dataclass
class New:
    """A device that is to be signed in. `shown` gets the user code as soon as it stands on the screen; it asks for its
    tokens as soon as it may."""

    line: Line
    device_id: str = field(default_factory=new_device_id)
    shown: asyncio.Future[str] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    may_ask: asyncio.Event = field(default_factory=asyncio.Event)
    device_code: str = ""
    talk: Talk | None = None

    async def run(self, meeting: Meeting) -> SignedIn:
        self.talk = talk = await self._meet(meeting)
        metadata = (await self.line.ask("GET", "/_matrix/client/v1/auth_metadata")).json
        client_id = await self._register(metadata)
        grant = await self._post(metadata["device_authorization_endpoint"], client_id, scope=scope_of(self.device_id))
        assert grant.status == 200, grant.body
        asked = grant.json
        self.device_code = asked["device_code"]
        links = {name: asked[name] for name in ("verification_uri", "verification_uri_complete") if name in asked}
        protocol = {"protocol": "device_authorization_grant", "device_authorization_grant": links}
        await talk.say("protocol", device_id=self.device_id, **protocol)
        await talk.hear("protocol_accepted")
        self.shown.set_result(asked["user_code"])
        tokens = await self._poll(talk, metadata["token_endpoint"], client_id, asked)
        headers = {"Authorization": f"Bearer {tokens['access_token']}"}
        who = (await self.line.ask("GET", "/_matrix/client/v3/account/whoami", headers=headers)).json
        assert who == {"user_id": who["user_id"], "device_id": self.device_id, "is_guest": False}
        await talk.say("success")
        given = await talk.hear("secrets")
        assert await talk.slot.close() in {200, 204}
        return SignedIn(who["user_id"], self.device_id, tokens, given, talk)

    async def _meet(self, meeting: Meeting) -> Talk:
        if meeting.shown_by == NEW:
            talk = await meeting.show(self.line)
            said = await talk.hear("protocols")
            assert "device_authorization_grant" in said["protocols"]
            assert (said.get("base_url") or said["homeserver"]) == self.line.url
            return talk
        talk, code = await meeting.scan(self.line)
        if isinstance(code, qr_code.CodeCurrent):
            assert code.base_url == self.line.url
        return talk

    async def _register(self, metadata: dict[str, Any]) -> str:
        said = {
            "client_name": "Own client",
            "client_uri": f"https://own{next(_clients)}.example.com",
            "grant_types": [DEVICE, "refresh_token"],
            "response_types": [],
            "token_endpoint_auth_method": "none",
            "application_type": "native",
        }
        body = json.dumps(said).encode()
        answer = await self.line.ask("POST", metadata["registration_endpoint"], body, _JSON)
        assert answer.status == 201, answer.body
        return str(answer.json["client_id"])

    async def _poll(self, talk: Talk, endpoint: str, client_id: str, asked: dict[str, Any]) -> dict[str, Any]:
        fields = {"grant_type": DEVICE, "device_code": asked["device_code"]}
        await self.may_ask.wait()
        while True:
            answer = await self._post(endpoint, client_id, **fields)
            if answer.status == 200:
                return dict(answer.json)
            if answer.error == "access_denied":
                await talk.say("declined")
                raise Ended("declined")
            if answer.error == "expired_token":
                await talk.fail("authorization_expired")
            assert answer.outcome == (400, "authorization_pending"), answer.body
            await asyncio.sleep(asked["interval"])

    async def _post(self, url: str, client_id: str, **fields: str) -> Answer:
        return await self.line.ask("POST", url, encoded({"client_id": client_id, **fields}), {"Content-Type": FORM})

"""What is asked at the OAuth endpoints. The sessions are opened beforehand, by a browser that signs in and consents."""

import json
import secrets
from collections.abc import Mapping
from typing import Any

from bench.scenarios import Scenario
from bench.wire import Connection, form

API = "urn:matrix:client:api:*"
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"


def _authorization(client_id: str) -> bytes:
    """The request of a new device."""
    device = secrets.token_hex(6).upper()
    return form("/oauth2/device", {"client_id": client_id, "scope": f"{API} urn:matrix:client:device:{device}"})


class DeviceAuthorization(Scenario):
    """A device asks for its codes: a challenge and a grant are written."""

    name = "device authorization"

    def __init__(self, client_id: str) -> None:
        self._client_id = client_id

    async def turn(self, connection: Connection) -> None:
        await connection.ask(_authorization(self._client_id))


class PendingPoll(Scenario):
    """A device asks, in time, whether somebody has decided: nobody has. Every poll is of another device."""

    name = "pending poll"

    def __init__(self, client_id: str) -> None:
        self._client_id = client_id

    async def prepare(self, connection: Connection, turns: int) -> None:
        self._requests = []
        for _ in range(turns):
            answer = json.loads(await connection.ask(_authorization(self._client_id)))
            fields = {"grant_type": DEVICE, "device_code": answer["device_code"], "client_id": self._client_id}
            self._requests.append(form("/oauth2/token", fields))

    async def turn(self, connection: Connection) -> None:
        body = await connection.ask(self._requests.pop(), status=b"400")
        assert b"authorization_pending" in body, body


class Introspection(Scenario):
    """A homeserver asks about the access tokens of many sessions in turn, as Synapse does."""

    name = "introspection"

    def __init__(self, tokens: list[str], secret: str) -> None:
        fields = [{"token": token, "token_type_hint": "access_token"} for token in tokens]
        self._requests = [form("/oauth2/introspect", each, secret) for each in fields]
        self._next = 0

    async def prepare(self, connection: Connection, turns: int) -> None:
        for request in self._requests:
            assert b'"active":true' in await connection.ask(request)

    async def turn(self, connection: Connection) -> None:
        self._next += 1
        await connection.ask(self._requests[self._next % len(self._requests)])


class Refresh(Scenario):
    """A session gets its next pair with the refresh token of the last one."""

    name = "OAuth refresh"

    def __init__(self, client_id: str, tokens: list[str]) -> None:
        self._client_id, self._tokens = client_id, tokens

    async def turn(self, connection: Connection) -> None:
        fields = {"grant_type": "refresh_token", "refresh_token": self._tokens.pop(0), "client_id": self._client_id}
        answer = json.loads(await connection.ask(form("/oauth2/token", fields)))
        self._tokens.append(answer["refresh_token"])


SCENARIOS: tuple[type[Scenario], ...] = (DeviceAuthorization, PendingPoll, Introspection, Refresh)
ALL: Mapping[str, type[Scenario]] = {scenario.name: scenario for scenario in SCENARIOS}


def scenario_of(name: str, argument: Any) -> Scenario | None:
    """The scenario of this name; None for one of another file."""
    return ALL[name](**argument) if name in ALL else None

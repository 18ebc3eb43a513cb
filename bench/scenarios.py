"""What is asked of the servers. A scenario prepares outside the measurement and then asks, once per turn."""

import json
import secrets
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from bench.people import Person
from bench.wire import Connection, get, post

PASSWORD = "correct horse battery"


class Scenario(ABC):
    """One kind of request, or of a sequence of requests."""

    name: ClassVar[str]

    async def prepare(self, connection: Connection, turns: int) -> None:
        """What `turns` turns need; not measured."""
        return None

    @abstractmethod
    async def turn(self, connection: Connection) -> None:
        """One measured turn."""


class Bare(Scenario):
    """Any path of the bare application."""

    name = "bare"

    async def turn(self, connection: Connection) -> None:
        await connection.ask(get("/"))


class Health(Scenario):
    """/healthz, which asks nobody: what a process costs by itself. `bench.workers` takes it for the bare answer."""

    name = "healthz"

    async def turn(self, connection: Connection) -> None:
        await connection.ask(get("/healthz"))


class GetChallenge(Scenario):
    """get_challenge, every time with another key."""

    name = "get_challenge"

    async def prepare(self, connection: Connection, turns: int) -> None:
        self._requests = [get(f"/loki/v1/get_challenge?pubKey={Person().public_key}") for _ in range(turns)]

    async def turn(self, connection: Connection) -> None:
        await connection.ask(self._requests.pop())


class Submit(Scenario):
    """submit_challenge of new keys: account, key, device, token and audit event are written."""

    name = "submit_challenge"

    async def prepare(self, connection: Connection, turns: int) -> None:
        people = [Person() for _ in range(turns)]
        self._waiting = [(person, await person.challenge(connection)) for person in people]

    async def turn(self, connection: Connection) -> None:
        person, token = self._waiting.pop()
        await person.submit(connection, token)


class FullLogin(Scenario):
    """get_challenge, submit_challenge, GET /token of a new key."""

    name = "full login"

    async def prepare(self, connection: Connection, turns: int) -> None:
        self._people = [Person() for _ in range(turns)]

    async def turn(self, connection: Connection) -> None:
        token = await self._people.pop().log_in(connection)
        await connection.ask(get("/token", token))


class LoginAgain(FullLogin):
    """The same of keys that have an account."""

    name = "login again"

    async def prepare(self, connection: Connection, turns: int) -> None:
        await super().prepare(connection, turns)
        for person in self._people:
            await person.log_in(connection)


class WithToken(Scenario):
    """A GET with the token of one of 50 people in turn."""

    path: ClassVar[str]

    async def prepare(self, connection: Connection, turns: int) -> None:
        tokens = [await Person().log_in(connection) for _ in range(min(50, turns))]
        self._requests = [get(self.path, tokens[turn % len(tokens)]) for turn in range(turns)]

    async def turn(self, connection: Connection) -> None:
        await connection.ask(self._requests.pop())


class Token(WithToken):
    name, path = "GET /token", "/token"


class UserInfo(WithToken):
    name, path = "user_info", "/loki/v1/user_info"


class ListedTokens(WithToken):
    """GET /token with tokens that were put into the database beforehand, spread over all of them."""

    name, path = "GET /token, many stored", "/token"

    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens

    async def prepare(self, connection: Connection, turns: int) -> None:
        self._requests = [get(self.path, self._tokens[turn % len(self._tokens)]) for turn in range(turns)]


class MatrixToken(Scenario):
    """A GET with the access token of one of 50 Matrix devices in turn."""

    path: ClassVar[str]

    async def prepare(self, connection: Connection, turns: int) -> None:
        tokens = [await registered(connection) for _ in range(min(50, turns))]
        for token in tokens:
            await connection.ask(get(self.path, token))
        self._requests = [get(self.path, tokens[turn % len(tokens)]) for turn in range(turns)]

    async def turn(self, connection: Connection) -> None:
        await connection.ask(self._requests.pop())


class WhoAmI(MatrixToken):
    name, path = "whoami", "/_matrix/client/v3/account/whoami"


class Capabilities(MatrixToken):
    """What whoami would cost as a plain route: the same token check and a small answer, through Django."""

    name, path = "capabilities (plain route)", "/_matrix/client/v3/capabilities"


class MatrixLogin(Scenario):
    """A right password: one Argon2 hash, a device, a token, an audit event."""

    name = "Matrix login"

    async def prepare(self, connection: Connection, turns: int) -> None:
        names = [f"p{secrets.token_hex(8)}" for _ in range(min(10, turns))]
        for name in names:
            await registered(connection, name)
        bodies = [{"type": "m.login.password", "user": name, "password": PASSWORD} for name in names]
        path = "/_matrix/client/v3/login"
        self._requests = [post(path, json.dumps(bodies[turn % len(bodies)]).encode()) for turn in range(turns)]

    async def turn(self, connection: Connection) -> None:
        await connection.ask(self._requests.pop())


async def registered(connection: Connection, name: str = "") -> str:
    """The access token of a new Matrix account."""
    body = {"username": name or f"p{secrets.token_hex(8)}", "password": PASSWORD, "auth": {"type": "m.login.dummy"}}
    answer = await connection.ask(post("/_matrix/client/v3/register", json.dumps(body).encode()))
    return str(json.loads(answer)["access_token"])


SCENARIOS: tuple[type[Scenario], ...] = (
    Bare,
    GetChallenge,
    Submit,
    FullLogin,
    LoginAgain,
    Token,
    UserInfo,
    WhoAmI,
    Capabilities,
    MatrixLogin,
)
ALL: Mapping[str, type[Scenario]] = {scenario.name: scenario for scenario in SCENARIOS}

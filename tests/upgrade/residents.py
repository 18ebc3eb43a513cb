"""One person a door, as their real applications behave: each can come again, at any server of the same database."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from websockets.sync.client import connect

from tests.conformance.oauth.person import Person as Visitor
from tests.conformance.oauth.provider import Client as Program
from tests.conformance.oauth.provider import Provider
from tests.conformance.otp.person import FAKE, PASSWORD
from tests.conformance.otp.person import Person as Mailed
from tests.live import Installation, Server, matrix
from tests.live.laverna import Person as Author
from tests.live.session import Client

_PATIENCE = 60.0
MAKE = """
from accounts import passwords, users
encoded = passwords.encode({password!r})
for name in {names!r}:
    users.create(name, email=f"{{name}}@example.org", encoded=encoded)
"""


@dataclass(frozen=True, slots=True)
class Resident:
    """`still_in`: what was opened before is open at this server. `log_in`: coming again works there."""

    door: str
    still_in: Callable[[Server], bool]
    log_in: Callable[[Server], bool]


def make_named(installation: Installation, *names: str) -> None:
    """Accounts with a password and a confirmed address, by the code of this checkout."""
    installation.manage("shell", "-c", MAKE.format(password=PASSWORD, names=names))


def session(server: Server) -> Resident:
    person = Client(server.port)
    token = person.log_in()

    def at(there: Server) -> Client:
        return Client(there.port, person.private_key)

    return Resident(
        "session", lambda there: at(there).who_am_i(token).status == 200, lambda there: bool(at(there).log_in())
    )


def matrix_person(server: Server) -> Resident:
    name = matrix.new_name()
    token = matrix.register(server.port, name)["access_token"]
    return Resident(
        "matrix",
        lambda there: matrix.who_am_i(there.port, token) == 200,
        lambda there: bool(matrix.log_in(there.port, name)["access_token"]),
    )


def laverna(server: Server) -> Resident:
    person = Author(server.port).signed_in()
    token = person.token

    def at(there: Server) -> Author:
        return Author(there.port, person.username, person.key)

    return Resident(
        "openpgp",
        lambda there: at(there).ask("GET", "/api/me", token=token).status == 200,
        lambda there: bool(at(there).log_in()),
    )


def mailed(installation: Installation, server: Server, name: str) -> Resident:
    """Whose name is an account already."""

    def at(there: Server) -> Mailed:
        return Mailed(installation, lambda event, data: _ask(there.port, event, data), name)

    token = at(server).token()
    access = at(server).confirm(token, at(server).codes()[-1])["access"]

    def log_in(there: Server) -> bool:
        before = len(at(there).codes())
        fresh = at(there).token()
        return bool(at(there).confirm(fresh, at(there).codes(count=before + 1)[-1])["code"] == "1104")

    def still_in(there: Server) -> bool:
        opened = Client(there.port).ask("GET", "/api/me", token=access).status == 200
        return bool(opened and at(there).confirm(token, FAKE)["code"] == "1103")

    return Resident("otp", still_in, log_in)


def visitor(installation: Installation, server: Server, name: str) -> Resident:
    """Signed in at the pages, with a television that was let in by its code."""

    def at(there: Server) -> Visitor:
        turned = Installation(installation.folder, installation.database, installation.environment, [there])
        return Visitor(turned, name)

    program = Provider(server.port).client()
    tokens = _let_in(at(server), Provider(server.port), program)

    def still_in(there: Server) -> bool:
        return bool(Provider(there.port).who_am_i(tokens["access_token"]) == 200)

    return Resident("devicelogin", still_in, lambda there: bool(_let_in(at(there), Provider(there.port), program)))


def _let_in(person: Visitor, provider: Provider, program: Program) -> dict[str, Any]:
    grant = provider.device(program)
    assert person.link(grant["user_code"])
    answer = provider.poll(program, grant["device_code"])
    assert answer.status == 200, answer.body
    return dict(answer.json)


def _ask(port: int, event: str, data: object) -> Any:
    with connect(f"ws://127.0.0.1:{port}/ws/login/", open_timeout=_PATIENCE) as socket:
        socket.send(json.dumps({"event": event, "data": data}))
        return json.loads(socket.recv(_PATIENCE))["data"]


def one_of_each(installation: Installation, server: Server, *names: str) -> list[Resident]:
    """Somebody at every door of this server; two of the names are used up."""
    first, second = names
    return [
        session(server),
        matrix_person(server),
        laverna(server),
        mailed(installation, server, first),
        visitor(installation, server, second),
    ]

"""The same thing many times at one moment, and secrets at rest (laverna.md §3; R7, R15, R51).

On SQLite by default, on Postgres and Redis when DATABASE_URL and REDIS_URL name them.
"""

import contextlib
import http.client
import json
from collections import Counter
from collections.abc import Iterator
from functools import partial
from itertools import cycle
from typing import Any

import pytest

from tests.live import Installation, running
from tests.live.parallel import at_once
from tests.openpgp.door import Person, new_key


@pytest.fixture(scope="module", params=["daphne-1", "uvicorn-2"])
def installation(request: pytest.FixtureRequest) -> Iterator[Installation]:
    kind, count = request.param.split("-")
    with running(count=int(count), SERVER=kind, LOG_LEVEL="DEBUG") as servers:
        yield servers


@pytest.fixture
def ports(installation: Installation) -> Iterator[int]:
    """The processes in turn."""
    return cycle(server.port for server in installation.servers)


def ask(port: int, method: str, path: str, fields: dict[str, str] | None = None) -> tuple[int, Any]:
    body = None if fields is None else json.dumps(fields)
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        connection.request(method, path, body=body, headers={"Content-Type": "application/json"} if body else {})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())


def registration(person: Person) -> dict[str, str]:
    return {"username": person.name, "publicKey": person.armored}


def registered(port: int, name: str) -> Person:
    person = Person(name, new_key(name))
    assert ask(port, "POST", "/api/users", registration(person))[0] == 200
    return person


def test_of_fifty_simultaneous_uses_of_one_signature_one_logs_in(
    installation: Installation, ports: Iterator[int]
) -> None:
    person = registered(next(ports), "replayed")
    token = ask(next(ports), "GET", "/api/token/replayed")[1]["sessionToken"]
    fields = person.credentials(person.answer(token))
    answers = at_once([partial(ask, next(ports), "POST", "/api/auth", fields) for _ in range(50)])
    assert {status for status, _ in answers} == {200}
    assert Counter(body["success"] for _, body in answers) == {True: 1, False: 49}
    assert {body["message"] for _, body in answers if not body["success"]} == {"Invalid signature"}
    owner = f"WHERE credential = '{person.fingerprint}'"
    assert installation.database.query(f"SELECT count(*) FROM accounts_token {owner}") == [(1,)]


def test_of_fifty_registrations_of_one_name_one_wins(installation: Installation, ports: Iterator[int]) -> None:
    people = [Person("wanted", new_key("Wanted")) for _ in range(50)]
    answers = at_once([partial(ask, next(ports), "POST", "/api/users", registration(one)) for one in people])
    statuses = Counter(status for status, _ in answers)
    assert statuses[200] == 1
    assert set(statuses) <= {200, 400, 503}, "busy is no error"
    assert installation.database.query("SELECT count(*) FROM accounts_user WHERE username = 'wanted'") == [(1,)]


def test_of_fifty_registrations_of_one_key_one_wins(installation: Installation, ports: Iterator[int]) -> None:
    key = new_key("Shared")
    people = [Person(f"sharer{number}", key) for number in range(50)]
    answers = at_once([partial(ask, next(ports), "POST", "/api/users", registration(one)) for one in people])
    statuses = Counter(status for status, _ in answers)
    assert statuses[200] == 1
    assert set(statuses) <= {200, 400, 503}, "busy is no error"
    made = "SELECT count(*) FROM accounts_user WHERE username LIKE 'sharer%'"
    assert installation.database.query(made) == [(1,)], "who lost the key has no account either"


def test_no_token_or_signature_is_in_the_database_or_in_the_log(
    installation: Installation, ports: Iterator[int]
) -> None:
    secrets = []
    person = registered(next(ports), "secretive")
    for path in ("/api/token/secretive", "/api/token/username/secretive"):
        token = ask(next(ports), "GET", path)[1]["sessionToken"]
        signature = person.answer(token)
        answer = ask(next(ports), "POST", "/api/auth", person.credentials(signature))[1]
        ask(next(ports), "POST", "/api/auth", person.credentials(signature))
        ask(next(ports), "GET", f"/api/token/{answer['token']}?token={answer['token']}")
        ask(next(ports), "PUT", "/api/users/name/secretive", {"signature": signature, "publicKey": person.armored})
        ask(next(ports), "DELETE", "/api/users/name/secretive", {"signature": signature})
        lines = signature.splitlines()
        secrets += [token, answer["token"], lines[-5], lines[-4]]
    stored = installation.database.dump()
    assert person.fingerprint.encode() in stored, "the dump does not show what is stored"
    printed = b"".join(server.log.read_bytes() for server in installation.servers)
    assert b"listening" in printed
    assert [secret for secret in secrets if secret.encode() in stored] == []
    assert [secret for secret in secrets if secret.encode() in printed] == []

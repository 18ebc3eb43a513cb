"""No code, token or nonce can be read where it is not needed: not in the database, not in the log (R7, R9, R51)."""

from collections.abc import Iterator

import pytest

from tests.conformance.otp.clients import KINDS, Asker, Node
from tests.conformance.otp.person import FAKE, PASSWORD, Person, payload_of, wrong
from tests.live import Installation, running

_MAKE = f"""
from accounts import users
for number in range(2):
    users.create(f"person{{number}}", email=f"person{{number}}@example.org", password={PASSWORD!r})
"""


@pytest.fixture(params=["daphne", pytest.param("uvicorn", marks=pytest.mark.thorough)])
def installation(request: pytest.FixtureRequest) -> Iterator[Installation]:
    with running(SERVER=request.param, LOG_LEVEL="DEBUG") as found:
        found.manage("shell", "-c", _MAKE)
        yield found


@pytest.fixture
def node() -> Iterator[Node]:
    found = Node()
    yield found
    found.stop()


def secrets_of_every_use(person: Person) -> list[str]:
    """Signs in well and wrongly; everything that opens something, and everything that was guessed."""
    abandoned, token = person.token(remove="false", browser="other"), person.token(remove="false")
    left, code = person.codes(count=2)
    guess = wrong(code)
    person.confirm(token, guess)
    person.confirm(f"{token}x", code)
    answers = [person.confirm(token, code), person.confirm(token, FAKE, password=PASSWORD)]
    person.confirm(token, FAKE, password="a wrong secret one")
    person.request(password="another wrong secret")
    issued = [text for answer in answers for text in (answer["access"], answer["refresh"])]
    nonces = [payload_of(text)["nonce"] for text in (abandoned, token)]
    return [abandoned, token, left, code, guess, *issued, *nonces, PASSWORD, "wrong secret"]


def test_no_secret_is_in_the_database_or_in_the_log(installation: Installation, node: Node) -> None:
    found: list[str] = []
    for number, kind in enumerate((KINDS[2], KINDS[-1])):
        person = Person(installation, Asker(node, kind, installation.server.port), f"person{number}")
        found += secrets_of_every_use(person)
    while_running = installation.database.dump()
    assert b"person1@example.org" in while_running, "the dump does not show what is stored"
    installation.server.kill()
    stored = while_running + installation.database.dump()
    printed = installation.server.log.read_bytes()
    assert b"listening" in printed
    long_ones = [secret for secret in found if len(secret) > 10]
    assert [secret for secret in long_ones if secret.encode() in stored] == []
    assert [secret for secret in found if secret.encode() in printed] == []
    codes = [secret for secret in found if len(secret) <= 10]
    assert [code for code in codes if _stands_alone(code, stored)] == []


def _stands_alone(code: str, stored: bytes) -> bool:
    """Six digits occur in any number of moments and ids: here as a value or word of their own."""
    return any(f"{mark}{code}{mark}".encode() in stored for mark in ('"', "'", " ", "\n", ","))

"""What must happen once, asked for fifty times at the same moment, in one process and in two (R15, R20, R23, R24, R65).

On SQLite by default, on Postgres and Redis when DATABASE_URL and REDIS_URL name them.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from itertools import cycle
from typing import Any

import pytest

from tests.conformance.oauth.conftest import SETTINGS
from tests.conformance.oauth.person import Person, make_people
from tests.conformance.oauth.provider import DEVICE, Attempt, Client, Provider
from tests.conformance.oauth.wire import Answer
from tests.live import Installation, running
from tests.live.parallel import at_once

ONLY_DEVICE: dict[str, Any] = {"grant_types": [DEVICE, "refresh_token"], "redirect_uris": ..., "response_types": []}
PATIENCE = 60.0  # seconds; what is waited for takes less than one
Call = Callable[[], Any]


@pytest.fixture(scope="module", params=["daphne-1", "uvicorn-2"])
def installation(request: pytest.FixtureRequest) -> Iterator[Installation]:
    kind, count = request.param.split("-")
    settings: dict[str, Any] = {"TOKEN_CACHE": "on", **SETTINGS}  # as it comes, behind a proxy too
    with running(count=int(count), SERVER=kind, **settings) as servers:
        make_people(servers, count=1)
        yield servers


@pytest.fixture
def providers(installation: Installation) -> Iterator[Provider]:
    """The processes in turn: every request may meet another one."""
    return cycle([Provider(server.port) for server in installation.servers])


@pytest.fixture(scope="module")
def person(installation: Installation) -> Person:
    return Person(installation).signed_in()


@pytest.fixture(scope="module")
def client(installation: Installation) -> Client:
    return Provider(installation.server.port).client()


def new_code(person: Person, client: Client) -> tuple[Attempt, str]:
    attempt = Attempt(client)
    return attempt, person.authorize(attempt.url()).parameters["code"]


def opened(providers: Iterator[Provider], person: Person, client: Client) -> dict[str, Any]:
    attempt, code = new_code(person, client)
    return dict(next(providers).token(attempt.redemption(code)).json)


def outcomes(answers: list[Answer]) -> Counter[tuple[int, str]]:
    return Counter(answer.outcome for answer in answers)


def test_of_fifty_redemptions_of_one_code_one_succeeds(
    providers: Iterator[Provider], person: Person, client: Client
) -> None:
    attempt, code = new_code(person, client)
    fields = attempt.redemption(code)
    answers = at_once([partial(next(providers).token, fields) for _ in range(50)])
    assert outcomes(answers) == {(200, ""): 1, (400, "invalid_grant"): 49}
    [good] = [answer.json for answer in answers if answer.status == 200]
    assert next(providers).who_am_i(good["access_token"]) == 200, "repeats at the same moment are no theft"


def test_of_fifty_redemptions_of_one_device_code_one_succeeds(providers: Iterator[Provider], person: Person) -> None:
    client = next(providers).client(**ONLY_DEVICE)
    grant = next(providers).device(client)
    assert person.link(grant["user_code"])
    answers = at_once([partial(next(providers).poll, client, grant["device_code"]) for _ in range(50)])
    assert outcomes(answers)[(200, "")] == 1
    assert set(outcomes(answers)) <= {(200, ""), (400, "invalid_grant"), (400, "slow_down")}
    for _ in range(2):
        assert next(providers).poll(client, grant["device_code"]).outcome == (400, "invalid_grant")


def test_a_poll_that_races_the_approval_never_loses_it(providers: Iterator[Provider], person: Person) -> None:
    client = next(providers).client(**ONLY_DEVICE)
    grants = [next(providers).device(client) for _ in range(8)]
    pages = [person.enter(grant["user_code"]) for grant in grants]
    approvals: list[Call] = [partial(person.decide_device, page, "allow") for page in pages]
    hasty = [grant["device_code"] for grant in grants for _ in range(3)]  # so slow_down is written beside the approval
    polls: list[Call] = [partial(next(providers).poll, client, code) for code in hasty]
    answers = at_once([*approvals, *polls])
    assert {page.answer.status for page in answers[:8]} == {200}
    for number, grant in enumerate(grants):
        seen = outcomes([*answers[8 + 3 * number :][:3], next(providers).poll(client, grant["device_code"])])
        assert seen[(200, "")] == 1, seen
        waiting = {(400, "authorization_pending"), (400, "slow_down"), (400, "invalid_grant")}
        assert set(seen) - {(200, "")} <= waiting


def test_of_many_decisions_at_once_one_counts(providers: Iterator[Provider], person: Person) -> None:
    client = next(providers).client(**ONLY_DEVICE)
    grant = next(providers).device(client)
    page = person.enter(grant["user_code"])
    decisions = [partial(person.decide_device, page, ("allow", "deny")[number % 2]) for number in range(10)]
    done = at_once(decisions)
    assert {page.answer.status for page in done} <= {200, 404}
    polled = next(providers).poll(client, grant["device_code"]).outcome
    assert polled in {(200, ""), (400, "access_denied")}


def test_a_code_is_useless_to_another_program_even_beside_its_own(
    providers: Iterator[Provider], person: Person, client: Client
) -> None:
    attempt, code = new_code(person, client)
    other = next(providers).client()
    stolen = attempt.redemption(code, client_id=other.client_id)
    calls = [partial(next(providers).token, stolen) for _ in range(12)]
    calls.insert(6, partial(next(providers).token, attempt.redemption(code)))
    answers = at_once(calls)
    own = answers.pop(6)
    assert own.status == 200
    assert outcomes(answers) == {(400, "invalid_grant"): 12}
    assert next(providers).who_am_i(own.json["access_token"]) == 200


def test_of_fifty_refreshes_at_once_one_pair_lives(
    providers: Iterator[Provider], person: Person, client: Client
) -> None:
    token = opened(providers, person, client)["refresh_token"]
    answers = at_once([partial(next(providers).refresh, client, token) for _ in range(50)])
    assert outcomes(answers) == {(200, ""): 50}
    living = [answer.json for answer in answers if next(providers).who_am_i(answer.json["access_token"]) == 200]
    assert len(living) == 1
    renewed = next(providers).refresh(client, living[0]["refresh_token"])
    assert renewed.status == 200


def test_a_refresh_beside_a_revocation_leaves_nothing_alive(
    providers: Iterator[Provider], person: Person, client: Client
) -> None:
    for _ in range(5):
        pair = opened(providers, person, client)
        refreshed, revoked = at_once(
            [
                partial(next(providers).refresh, client, pair["refresh_token"]),
                partial(next(providers).post, "revoke", {"token": pair["access_token"]}),
            ]
        )
        assert revoked.status == 200
        assert refreshed.outcome in {(200, ""), (400, "invalid_grant")}
        for found in [pair, *([refreshed.json] if refreshed.status == 200 else [])]:
            assert next(providers).who_am_i(found["access_token"]) == 401
            assert next(providers).refresh(client, found["refresh_token"]).outcome == (400, "invalid_grant")


def test_what_is_revoked_at_one_process_is_dead_at_all(
    providers: Iterator[Provider], person: Person, client: Client
) -> None:
    token = opened(providers, person, client)["access_token"]
    assert [next(providers).who_am_i(token) for _ in range(6)] == [200] * 6, "each process remembers it now"
    assert next(providers).post("revoke", {"token": token}).status == 200
    deadline = time.monotonic() + PATIENCE
    while {next(providers).who_am_i(token) for _ in range(4)} != {401}:
        assert time.monotonic() < deadline


def test_registrations_of_one_program_at_once_are_one(providers: Iterator[Provider]) -> None:
    said = {"client_uri": "https://same.example.com", "client_name": "Same"}
    answers = at_once([partial(next(providers).register, **said) for _ in range(12)])
    assert outcomes(answers) == {(201, ""): 12}
    assert len({answer.json["client_id"] for answer in answers}) == 1

"""Logins at the same moment, in one process and in two on one database (session-open-group.md §10, R15, R49, R65).

On SQLite by default, on Postgres and Redis when DATABASE_URL and REDIS_URL name them.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import cycle

import pytest

from tests.live import Installation, running
from tests.live.parallel import at_once
from tests.live.session import Answer, Client


@pytest.fixture(
    scope="module",
    params=[
        "daphne-1",
        pytest.param("daphne-2", marks=pytest.mark.thorough),
        pytest.param("uvicorn-1", marks=pytest.mark.thorough),
        "uvicorn-2",
    ],
)
def installation(request: pytest.FixtureRequest) -> Iterator[Installation]:
    kind, count = request.param.split("-")
    with running(count=int(count), SERVER=kind) as servers:
        yield servers


def ports(installation: Installation) -> Iterator[int]:
    """The processes in turn: every step of a login may meet another one."""
    return cycle(server.port for server in installation.servers)


def test_of_fifty_simultaneous_submits_of_one_token_one_wins(installation: Installation) -> None:
    port = ports(installation)
    client = Client(next(port))
    token = client.challenge()
    answers = at_once([partial(replace(client, port=next(port)).submit, token) for _ in range(50)])
    assert Counter(answer.status for answer in answers) == {200: 1, 401: 49}
    assert {answer.body for answer in answers} == {b"{}", b'{"error":"invalid"}'}
    for server in installation.servers:
        who = replace(client, port=server.port).who_am_i(token)
        assert who.json["data"]["user"]["username"] == client.public_key
    owner = f"WHERE credential = '{client.public_key}'"
    assert installation.database.query(f"SELECT count(*) FROM accounts_token {owner}") == [(1,)]


def test_parallel_logins_of_different_keys_never_mix_people_up(installation: Installation) -> None:
    port = ports(installation)
    clients = [Client(next(port)) for _ in range(16)]

    def ten_rounds(client: Client, here: int, there: int) -> list[str]:
        tokens = []
        for _ in range(10):
            token = replace(client, port=here).challenge()
            assert replace(client, port=there).submit(token).status == 200
            user = replace(client, port=here).who_am_i(token).json["data"]["user"]
            assert user["username"] == client.public_key
            tokens.append(token)
        return tokens

    rounds = at_once([partial(ten_rounds, client, next(port), next(port)) for client in clients])
    tokens = [token for tokens in rounds for token in tokens]
    assert len(set(tokens)) == len(tokens) == 160


def test_many_first_logins_of_one_new_key_make_one_account_and_all_succeed(installation: Installation) -> None:
    port = ports(installation)
    client = Client(next(port))
    tokens = [client.challenge() for _ in range(24)]
    answers = at_once([partial(replace(client, port=next(port)).submit, token) for token in tokens])
    assert [answer.status for answer in answers] == [200] * 24
    ids = {client.who_am_i(token).json["data"]["user"]["id"] for token in tokens}
    assert len(ids) == 1
    key = client.public_key
    for table, column in (("accounts_user", "username"), ("accounts_x25519key", "public_key")):
        counted = installation.database.query(f"SELECT count(*) FROM {table} WHERE {column} = '{key}'")
        assert counted == [(1,)]


def test_no_token_outlives_a_ban_that_came_at_the_same_moment(installation: Installation) -> None:
    port = ports(installation)
    moderator = Client(next(port))
    installation.manage("moderators", "add", moderator.public_key)
    rights = moderator.log_in()

    def edit(method: str, client: Client) -> Answer:
        path = f"/loki/v1/moderation/blacklist/@{client.public_key}"
        return moderator.ask(method, path, token=rights)

    assert edit("POST", Client(next(port))).status == 200
    time.sleep(1.0)  # every process knows by now that keys are looked up; from here on a ban is in force at once
    survivors = 0
    for _ in range(12):
        client = Client(next(port))
        tokens = [client.challenge() for _ in range(4)]
        calls: list[Callable[[], Answer]] = [
            partial(replace(client, port=next(port)).submit, token) for token in tokens
        ]
        calls.append(partial(edit, "POST", client))
        *answers, banned = at_once(calls)
        assert banned.status == 200
        assert {answer.status for answer in answers} <= {200, 401}
        assert {client.who_am_i(token).status for token in tokens} == {401}
        assert edit("DELETE", client).status == 200
        survivors += sum(client.who_am_i(token).status == 200 for token in tokens)
    assert survivors == 0, "tokens that a ban should have ended live again after it was lifted"

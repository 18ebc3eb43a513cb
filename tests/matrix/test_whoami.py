"""whoami is answered from what was looked up within the last second, and never past an end (R27)."""

import time
from collections.abc import Iterator

import pytest

from tests.live import Installation, running
from tests.live.matrix import API, ask, log_in, new_name, proof, register, who_am_i

PATIENCE = 20.0


@pytest.fixture(scope="module", params=["on", pytest.param("off", marks=pytest.mark.thorough)])
def installation(request: pytest.FixtureRequest) -> Iterator[Installation]:
    with running(count=2, SERVER="uvicorn", TOKEN_CACHE=request.param) as servers:
        yield servers


@pytest.fixture
def here(installation: Installation) -> int:
    return installation.servers[0].port


@pytest.fixture
def there(installation: Installation) -> int:
    return installation.servers[1].port


def seconds_until(status: int, port: int, token: str) -> float:
    begun = time.monotonic()
    while who_am_i(port, token) != status:
        assert time.monotonic() - begun < PATIENCE
    return time.monotonic() - begun


def warm(port: int, token: str) -> None:
    for _ in range(3):
        assert who_am_i(port, token) == 200


def test_an_end_counts_with_the_next_request_of_the_process_and_soon_in_others(here: int, there: int) -> None:
    name = new_name()
    token, other = register(here, name)["access_token"], log_in(here, name)
    ends = {
        "logout": lambda secret: ask(here, "POST", f"{API}/logout", token=secret),
        "deleted": lambda _: ask(
            here,
            "POST",
            f"{API}/delete_devices",
            data={"devices": [other["device_id"]], "auth": proof(name)},
            token=token,
        ),
    }
    for end in ends.values():
        other = log_in(here, name)
        secret = other["access_token"]
        warm(here, secret)
        warm(there, secret)
        assert end(secret).status == 200
        assert who_am_i(here, secret) == 401
        assert seconds_until(401, there, secret) < PATIENCE
        warm(here, token)


def test_the_refreshed_token_ends_the_old_one_at_once(here: int) -> None:
    opened = register(here, new_name(), refresh_token=True)
    warm(here, opened["access_token"])
    renewed = ask(here, "POST", f"{API}/refresh", data={"refresh_token": opened["refresh_token"]}).json
    warm(here, opened["access_token"])
    warm(here, renewed["access_token"])
    assert who_am_i(here, opened["access_token"]) == 401


def test_what_an_operator_commands_counts_in_every_process(installation: Installation, here: int, there: int) -> None:
    name = new_name()
    token = register(here, name)["access_token"]
    for command, status in (("lock", 401), ("unlock", 200), ("suspend", 200), ("deactivate", 401)):
        installation.manage("users", command, name)
        for port in (here, there):
            seconds_until(status, port, token)


def test_a_rule_for_the_address_refuses_the_next_request_and_its_end_admits_again(
    installation: Installation, here: int
) -> None:
    token = register(here, new_name())["access_token"]
    warm(here, token)
    installation.manage("rules", "add", "deny", "ip", "127.0.0.1", "--flow", "matrix")
    seconds_until(403, here, token)
    installation.manage("rules", "remove", "deny", "ip", "127.0.0.1", "--flow", "matrix")
    seconds_until(200, here, token)


def test_head_query_tokens_and_strange_headers_take_the_ordinary_way(here: int) -> None:
    token = register(here, new_name())["access_token"]
    path = f"{API}/account/whoami"
    assert ask(here, "HEAD", path, token=token).body == b""
    assert ask(here, "GET", f"{path}?access_token={token}").status == 200
    assert ask(here, "GET", f"{path}?access_token={token}", token=token).json["errcode"] == "M_MISSING_TOKEN"
    assert ask(here, "GET", path, token=f" {token}").status == 200
    assert ask(here, "GET", path, token=token[:-1]).json["errcode"] == "M_UNKNOWN_TOKEN"
    assert ask(here, "GET", path, token="mat_é").json["errcode"] == "M_UNKNOWN_TOKEN"

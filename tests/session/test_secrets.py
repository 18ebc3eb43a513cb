"""No token can be read where it is not needed: not in the database, not in what the server prints (R7, R51)."""

from collections.abc import Iterator

import pytest

from tests.live import Installation, running
from tests.live.session import Client


@pytest.fixture(params=["daphne", pytest.param("uvicorn", marks=pytest.mark.thorough)])
def installation(request: pytest.FixtureRequest) -> Iterator[Installation]:
    with running(SERVER=request.param, LOG_LEVEL="DEBUG") as servers:
        yield servers


def every_use_of_a_token(port: int) -> list[str]:
    """Logs in, uses the token in every way a client may, well and wrongly; all tokens that were issued."""
    client, other = Client(port), Client(port)
    active, revoked, inert, tried = client.log_in(), client.log_in(), client.challenge(), client.challenge()
    for token in (active, inert):
        client.who_am_i(token)
        client.ask("GET", f"/token?access_token={token}")
        client.ask("GET", f"/loki/v1/user_info?access_token={token}")
        client.ask("GET", f"/no/such/path/{token}?access_token={token}")
        client.ask("PUT", f"/token?access_token={token}", token=token)
        client.ask("PATCH", "/users/me", token=token, body={"name": "somebody"})
        client.ask("POST", f"/loki/v1/moderators/{token}", token=token)
    client.submit(active)
    other.submit(tried)
    client.ask("POST", f"/loki/v1/submit_challenge?token={tried}", body=[tried])
    client.ask("GET", f"/loki/v1/get_challenge?pubKey={tried}")
    client.ask("DELETE", "/token", token=revoked)
    return [active, revoked, inert, tried]


def test_no_issued_token_is_in_the_database_or_in_the_log(installation: Installation) -> None:
    port = installation.server.port
    tokens = [token for _ in range(10) for token in every_use_of_a_token(port)]
    witness = Client(port)
    witness.log_in()
    while_running = installation.database.dump()
    assert witness.public_key.encode() in while_running, "the dump does not show what is stored"
    installation.server.kill()
    stored = while_running + installation.database.dump()
    printed = installation.server.log.read_bytes()
    assert b"listening" in printed
    assert [token for token in tokens if token.encode() in stored] == []
    assert [token for token in tokens if token.encode() in printed] == []
    assert b"access_token" not in printed

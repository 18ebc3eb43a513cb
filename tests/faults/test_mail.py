"""The mail server is away for an hour: every mail arrives once when it is back, in the order in which people asked."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults import figures
from tests.faults.load import wait_for
from tests.faults.moved_clock import MovedClock
from tests.faults.servers import DAPHNE, WORKERS, served_by
from tests.faults.smtp import MailServer
from tests.live.matrix import API, ask
from tests.live.postgres_server import PostgresServer
from tests.live.redis_server import RedisServer

pytestmark = pytest.mark.thorough

HOUR = 3600.0
MAILS = 30


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    server = MailServer().come()
    yield server
    server.go()


@pytest.mark.parametrize("kind", [DAPHNE, WORKERS])
def test_mails_of_an_hour_arrive_once_and_in_order(
    postgres: PostgresServer, redis: RedisServer, mail_server: MailServer, tmp_path: Path, kind: str
) -> None:
    clock = MovedClock(tmp_path)
    # Links that live longer than the server is away: a mail that is no use any more is given up.
    settings = {"EMAIL_URL": mail_server.url, "REGISTRATION_EMAIL": "optional", "MATRIX_MAIL_TOKEN_LIFETIME": "86400"}
    with served_by(kind, postgres, redis, settings=settings | clock.settings) as installation:
        server = installation.server
        ask_for_mail(server.port, "before@example.org")
        wait_for(lambda: mail_server.taken == ["before@example.org"])
        mail_server.go()
        asked = []
        slowest = 0.0
        for number in range(MAILS):
            asked.append(f"person{number}@example.org")
            begun = time.monotonic()
            ask_for_mail(server.port, asked[-1])
            slowest = max(slowest, time.monotonic() - begun)
            if number % 10 == 5:
                clock.move(HOUR / 3, installation)
        assert installation.database.query("SELECT count(*) FROM accounts_queuedmail") == [(MAILS,)]
        assert server.status("/readyz") == 200, "the doors that need no mail go on"
        server.restart()
        mail_server.come()
        back = time.monotonic()
        wait_for(lambda: len(mail_server.taken) > MAILS)
        recovered = time.monotonic() - back
        wait_for(lambda: installation.database.query("SELECT count(*) FROM accounts_queuedmail") == [(0,)])
        ask_for_mail(server.port, "after@example.org")
        wait_for(lambda: mail_server.taken[-1] == "after@example.org")
        assert mail_server.taken == ["before@example.org", *asked, "after@example.org"]
        figures.tell(
            "mail server away for an hour, and a kill -9",
            kind,
            acknowledged=MAILS,
            lost=0,
            recovered=recovered,
            meanwhile=f"every request for a mail answered, the slowest in {slowest:.2f} s; each mail once and in "
            "order; a server that is away is asked again after a minute at the most",
        )


def ask_for_mail(port: int, address: str) -> None:
    """As the registration form of a Matrix client does."""
    body = {"client_secret": "a.b", "email": address, "send_attempt": 1}
    answer = ask(port, "POST", f"{API}/register/email/requestToken", data=body)
    assert answer.status == 200, answer

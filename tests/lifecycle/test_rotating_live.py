"""`rotatekeys` beside busy servers: no request is lost, nobody is logged out, and all processes agree (R31)."""

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from websockets.sync.client import connect

from tests.conformance.otp.person import FAKE, PASSWORD, Person
from tests.live import Installation, running
from tests.live.laverna import Person as Author
from tests.live.session import Client

pytestmark = pytest.mark.thorough

PATIENCE = 60.0  # seconds
MAKE_ANN = f"from accounts import users; users.create('ann', email='ann@example.org', password={PASSWORD!r})"
REDIS = os.environ.get("REDIS_URL", "")
SERVERS = [
    pytest.param(({"SERVER": "daphne"}, 1), id="daphne"),
    pytest.param(({"SERVER": "uvicorn"}, 2), id="two uvicorns"),
    pytest.param(
        ({"SERVER": "uvicorn", "WORKERS": "2"}, 1),
        id="two workers",
        marks=pytest.mark.skipif(not REDIS, reason="several workers need REDIS_URL"),
    ),
]


class Load:
    """People of two doors who sign in again and again at alternating servers; keeps every answer that was no yes."""

    def __init__(self, ports: list[int]) -> None:
        self.ports, self.done = ports, 0
        self.wrong: list[object] = []
        self._over = threading.Event()
        jobs = [self._session, self._laverna, self._session]
        self._threads = [threading.Thread(target=self._repeat, args=(job,), daemon=True) for job in jobs]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(PATIENCE)

    def wait_for_more(self, count: int) -> None:
        """Until so many more have signed in."""
        enough = self.done + count
        wait_until(lambda: self.done >= enough, "nobody signs in")

    def _repeat(self, job: Callable[[int, int], None]) -> None:
        turn = 0
        while not self._over.is_set():
            turn += 1
            first, second = self.ports[turn % len(self.ports)], self.ports[(turn + 1) % len(self.ports)]
            try:
                job(first, second)
            except Exception as failure:  # whatever it is, it is a finding
                self.wrong.append(repr(failure))
            self.done += 1

    def _session(self, first: int, second: int) -> None:
        """The challenge from one process, its answer to another: signed under SECRET_KEY in between."""
        client = Client(first)
        token = client.challenge()
        client.port = second
        answer = client.submit(token)
        if answer.status != 200:
            self.wrong.append(answer)

    def _laverna(self, first: int, second: int) -> None:
        person = Author(first)
        person.register()
        text = person.signature()
        person.port = second
        answer = person.answer(text)
        if answer.json.get("success") is not True:
            self.wrong.append(answer)


@pytest.fixture(params=SERVERS)
def installation(request: pytest.FixtureRequest) -> Iterator[Installation]:
    settings, count = request.param
    with running(count=count, SECRET_KEY="", **settings) as servers:
        yield servers


def wait_until(condition: Callable[[], bool], why: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, why
        time.sleep(0.02)


def ask_codes(port: int, event: str, data: dict[str, object]) -> object:
    with connect(f"ws://127.0.0.1:{port}/ws/login/", open_timeout=PATIENCE) as socket:
        socket.send(json.dumps({"event": event, "data": data}))
        return json.loads(socket.recv(PATIENCE))["data"]


def test_two_rotations_under_load_lose_no_request_and_log_nobody_out(
    installation: Installation, tmp_path: Path
) -> None:
    ports = [server.port for server in installation.servers]
    installation.manage("shell", "-c", MAKE_ANN)
    mailed = Person(installation, lambda event, data: ask_codes(ports[0], event, data), "ann")
    remembered = mailed.token()
    [code] = mailed.codes()
    pair = mailed.confirm(remembered, code)
    person = Author(ports[0]).signed_in()
    pids = [server.pids for server in installation.servers]
    with Load(ports) as load, person.device("laptop") as device:
        for _ in range(2):
            load.wait_for_more(5)
            assert "secret key replaced" in installation.manage("rotatekeys")
            load.wait_for_more(5)
        device.emit("requestOffers", {"users": [person.username]})
        assert device.told("requestOffer") is not None
    assert load.wrong == []
    assert [server.pids for server in installation.servers] == pids, "no process was restarted"
    for port in ports:
        person.port = port
        assert person.ask("GET", "/api/me", token=person.token).status == 200
        assert person.ask("GET", "/api/me", token=pair["access"]).status == 200
    assert mailed.confirm(remembered, FAKE)["code"] == "1103"
    keys = (installation.folder / "secret_key").read_text() + (installation.folder / "secret_key_fallbacks").read_text()
    for server in installation.servers:
        log = server.log.read_text()
        assert not any(word in log for word in keys.split() if len(word) >= 40)


def test_a_server_that_starts_after_a_rotation_and_one_from_before_agree(installation: Installation) -> None:
    server = installation.server
    client, person = Client(server.port), Author(server.port).signed_in()
    challenge = client.challenge()
    installation.manage("rotatekeys")
    server.restart()
    for port in [one.port for one in installation.servers]:
        person.port = port
        assert person.ask("GET", "/api/me", token=person.token).status == 200
    client.port = installation.servers[-1].port
    assert client.submit(challenge).status == 200

"""New people who come all the time while something is done to the server."""

import threading
import time
from collections.abc import Callable

from tests.live import matrix
from tests.live.laverna import Person as Author
from tests.live.session import Client

_PATIENCE = 60.0  # seconds


class Crowd:
    """New people at these doors, all the time; remembers those to whom the server said yes, in that order."""

    def __init__(self, port: int, *doors: str) -> None:
        self.port = port
        self.let_in: list[tuple[str, Callable[[int], bool]]] = []
        self.wrong: list[str] = []
        self._over = threading.Event()
        jobs = {"session": self._session, "matrix": self._matrix, "openpgp": self._laverna}
        self._threads = [
            threading.Thread(target=self._repeat, args=(jobs[door],), daemon=True) for door in doors or jobs
        ]

    def __enter__(self) -> "Crowd":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(_PATIENCE)

    def count(self, door: str) -> int:
        return sum(name == door for name, _ in tuple(self.let_in))

    def _repeat(self, job: Callable[[], tuple[str, Callable[[int], bool]]]) -> None:
        while not self._over.is_set():
            try:
                self.let_in.append(job())
            except Exception as failure:  # whatever it is, it is a finding
                self.wrong.append(repr(failure)[:500])

    def _session(self) -> tuple[str, Callable[[int], bool]]:
        person = Client(self.port)
        token = person.log_in()

        def comes_again(port: int) -> bool:
            there = Client(port, person.private_key)
            return there.who_am_i(token).status == 200 and bool(there.log_in())

        return "session", comes_again

    def _matrix(self) -> tuple[str, Callable[[int], bool]]:
        name = matrix.new_name()
        token = matrix.register(self.port, name)["access_token"]
        return "matrix", lambda port: matrix.who_am_i(port, token) == 200 and bool(matrix.log_in(port, name))

    def _laverna(self) -> tuple[str, Callable[[int], bool]]:
        person = Author(self.port).signed_in()
        there = Author(0, person.username, person.key)

        def comes_again(port: int) -> bool:
            there.port = port
            return there.ask("GET", "/api/me", token=person.token).status == 200 and bool(there.log_in())

        return "openpgp", comes_again


def wait_until(condition: Callable[[], bool]) -> None:
    """Until it is so; an AssertionError after minutes."""
    deadline = time.monotonic() + 3 * _PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "the server is too slow"
        time.sleep(0.02)

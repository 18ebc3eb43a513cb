"""People who log in all the time, each with a new key, and what the server told them."""

import http.client
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from tests.live.session import Client

PATIENCE = 60.0  # seconds
STORAGE_DOWN = 500
"""What the Session door says then, where others say 503 (session-open-group.md section 4)."""


@dataclass(frozen=True, slots=True)
class Told:
    """One answer: what was asked, when (seconds of the monotonic clock), how long it took, the status."""

    what: str
    at: float
    seconds: float
    status: int
    retry_after: str


class Load:
    """`acknowledged` holds each client with its token, once the server has said yes."""

    def __init__(self, port: int, *, people: int = 6) -> None:
        self.port = port
        self.acknowledged: list[tuple[Client, str]] = []
        self.told: list[Told] = []
        self.cut: Counter[str] = Counter()
        """Requests without an answer, by what the client saw."""
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._live, daemon=True) for _ in range(people)]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Returns when everybody has had the last answer."""
        self._over.set()
        for thread in self._threads:
            thread.join(PATIENCE)
        assert not any(thread.is_alive() for thread in self._threads), "a request never came back"

    def until(self, more: int) -> None:
        """Returns when so many more logins were acknowledged."""
        enough = len(self.acknowledged) + more
        wait_for(lambda: len(self.acknowledged) >= enough, lambda: f"no logins: {self.told[-5:]} {self.cut}")

    def statuses(self, since: float = 0.0, until: float = float("inf")) -> Counter[int]:
        """Answers by status, of requests that began in between."""
        return Counter(told.status for told in self.told if since <= told.at <= until)

    def longest(self, since: float = 0.0, until: float = float("inf")) -> float:
        """Seconds of the slowest answer to a request that was under way in between."""
        under_way = (told for told in self.told if told.at + told.seconds >= since and told.at <= until)
        return max((told.seconds for told in under_way), default=0.0)

    def lost(self) -> list[str]:
        """Acknowledged tokens that the server does not know (any more)."""
        return [token for client, token in self.acknowledged if client.who_am_i(token).status != 200]

    def _live(self) -> None:
        while not self._over.is_set():
            client = Client(self.port)
            try:
                self._log_in(client)
            except (OSError, http.client.HTTPException) as error:
                self.cut[type(error).__name__] += 1
                time.sleep(0.02)

    def _log_in(self, client: Client) -> None:
        challenge = self._ask("challenge", client, "GET", f"/loki/v1/get_challenge?pubKey={client.public_key}")
        if challenge is None:
            return
        token = client.decrypted(challenge)
        body = {"pubKey": client.public_key, "token": token}
        if self._ask("submit", client, "POST", "/loki/v1/submit_challenge", body) is not None:
            self.acknowledged.append((client, token))

    def _ask(self, what: str, client: Client, method: str, path: str, body: object = None) -> bytes | None:
        at = time.monotonic()
        answer = client.ask(method, path, body=body)
        self.told.append(Told(what, at, time.monotonic() - at, answer.status, answer.headers.get("Retry-After", "")))
        if answer.status == 200:
            return answer.body
        time.sleep(0.02)
        return None


def wait_for(condition: Callable[[], object], complaint: Callable[[], str] = lambda: "it never came") -> float:
    """Seconds until the condition held."""
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() - begun < PATIENCE, complaint()
        time.sleep(0.01)
    return time.monotonic() - begun

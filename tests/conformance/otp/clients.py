"""Clients of the code door as sites have them: socket.io-client from npm in one node process, and plain websockets."""

import json
import subprocess
import threading
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from websockets.sync.client import connect

from tests.conformance.npm import node_in

HERE = Path(__file__).parent
PATIENCE = 90.0  # seconds


@dataclass(frozen=True, slots=True)
class Kind:
    """A client and how it is carried; `version` is empty for a plain websocket."""

    name: str
    version: str = ""
    transports: tuple[str, ...] = ()


KINDS = (
    Kind("2.0.4", "2.0.4"),
    Kind("2.5.0", "2.5.0"),
    Kind("4.8.1", "4.8.1"),
    Kind("2.0.4 polling only", "2.0.4", ("polling",)),
    Kind("4.8.1 polling only", "4.8.1", ("polling",)),
    Kind("4.8.1 websocket only", "4.8.1", ("websocket",)),
    Kind("plain websocket"),
)


class Node:
    """One node process that asks for everybody; answers come by number, in any order."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [node_in(HERE, "socket.io-client-25", runs="the real Socket.IO clients"), "asker.mjs"],
            cwd=HERE,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._waiting: dict[int, Future[dict[str, Any]]] = {}
        self._lock = threading.Lock()
        threading.Thread(target=self._read, daemon=True).start()

    def ask(self, message: dict[str, Any]) -> dict[str, Any]:
        """What the client was told."""
        future: Future[dict[str, Any]] = Future()
        with self._lock:
            number = len(self._waiting)
            self._waiting[number] = future
            assert self._process.stdin
            self._process.stdin.write(json.dumps({"number": number, **message}) + "\n")
            self._process.stdin.flush()
        return future.result(PATIENCE)

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            answer = json.loads(line)
            self._waiting[answer["number"]].set_result(answer)


class Asker:
    """Asks one server with one kind of client: a socket for each question."""

    def __init__(self, node: Node, kind: Kind, port: int) -> None:
        self.kind, self.port, self._node = kind, port, node

    def __call__(self, event: str, data: object, *, acknowledge: bool = True) -> Any:
        """The response; both answer styles must say the same, once each."""
        if not self.kind.version:
            return self._plainly(event, data)
        told = self._node.ask(
            {
                "url": f"http://127.0.0.1:{self.port}",
                "version": self.kind.version,
                "transports": self.kind.transports or None,
                "event": event,
                "data": data,
                "acknowledge": acknowledge,
            }
        )
        assert "error" not in told, told
        if len(self.kind.transports) == 1:
            assert told["transport"] == self.kind.transports[0]
        ((response,),) = told["events"]
        assert told["acknowledged"] == ([[response]] if acknowledge else [])
        return response

    def _plainly(self, event: str, data: object) -> Any:
        with connect(f"ws://127.0.0.1:{self.port}/ws/login/", compression=None) as socket:
            socket.send(json.dumps({"event": event, "data": data, "id": 7}))
            answer = json.loads(socket.recv(PATIENCE))
        assert set(answer) == {"event", "data", "id"}
        assert (answer["event"], answer["id"]) == (event, 7)
        return answer["data"]

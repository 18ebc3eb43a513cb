"""What the clients in node ask of somebody at a browser, over HTTP on loopback: one browser for all libraries.

POST {"verb": …, …} → JSON. A failure answers 500 with its trace, which the check then shows.
"""

import contextlib
import json
import threading
import traceback
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.conformance.oauth.person import LONG_AGO, Operator, Person
from tests.live import Installation


class People:
    """The verbs."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._operator = Operator(installation)
        self._known: dict[str, Person] = {}

    def answer(self, verb: str, **facts: Any) -> dict[str, Any]:
        told: dict[str, Any] = getattr(self, f"do_{verb}")(**facts)
        return told

    def do_newcomer(self) -> dict[str, Any]:
        person = Person(self._installation)
        self._known[person.name] = person
        return {"name": person.name}

    def do_authorize(self, name: str, url: str, decision: str) -> dict[str, Any]:
        went = self._known[name].authorize(url, decision=decision)
        return {"uri": went.uri, "fields": went.fields}

    def do_link(self, name: str, code: str, decision: str) -> dict[str, Any]:
        return {"found": self._known[name].link(code, decision=decision)}

    def do_expire(self, device_code: str) -> dict[str, Any]:
        self._operator.expire(device_code)
        return {}

    def do_age(self, token: str) -> dict[str, Any]:
        self._operator.age(token)
        return {}

    def do_lock(self, name: str) -> dict[str, Any]:
        self._operator.set_state(name, "locked_at", LONG_AGO)
        return {}

    def do_unlock(self, name: str) -> dict[str, Any]:
        self._operator.set_state(name, "locked_at", None)
        return {}


@contextlib.contextmanager
def somebody_at(people: People) -> Iterator[str]:
    """The URL at which the verbs are asked for."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            try:
                status, told = 200, people.answer(**json.loads(self.rfile.read(length)))
            except Exception:
                status, told = 500, {"trace": traceback.format_exc()[-1500:]}
            body = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            return None

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()

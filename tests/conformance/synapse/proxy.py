"""A reverse proxy of the least kind: the routing rules of docs/synapse.md, nothing else."""

import contextlib
import http.client
import http.server
import re
import threading
from collections.abc import Callable, Iterator
from typing import Any

OURS = re.compile(
    r"^/_matrix/client/([^/]+/(login|logout|refresh)|(v1|unstable/io\.element\.msc4388)/rendezvous)(/.*)?$"
)
_HOP = {"connection", "transfer-encoding", "content-length", "keep-alive"}


class Proxy:
    """Where it listens, and which port each path goes to; `down` ports answer 502."""

    def __init__(self) -> None:
        self.port = 0
        self.route: Callable[[str], int] = lambda _: 0
        self.seen: list[tuple[str, str, int]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def by_rules(self, *, ours: int, theirs: int) -> None:
        """login, logout, refresh and rendezvous to us, all else to Synapse; /_synapse/mas/ to nobody."""

        def route(path: str) -> int:
            if path.startswith("/_synapse/mas"):
                return 0
            return ours if OURS.match(path) else theirs

        self.route = route


@contextlib.contextmanager
def proxying() -> Iterator[Proxy]:
    """Listens at once; routes when it is told to."""
    proxy = Proxy()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            port = proxy.route(self.path.partition("?")[0])
            status, headers, answer = _ask(port, self.command, self.path, body, dict(self.headers.items()))
            proxy.seen.append((self.command, self.path.partition("?")[0], status))
            self.send_response_only(status)
            for name, value in headers:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer)

        do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_OPTIONS = _pass_on  # noqa: N815  # names of the library

        def log_message(self, *_: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # clients hang up
    proxy.port = server.server_address[1]
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.05), daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()


def _ask(
    port: int, method: str, path: str, body: bytes, headers: dict[str, str]
) -> tuple[int, list[tuple[str, str]], bytes]:
    if not port:
        return 404, [], b""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        passed = {name: value for name, value in headers.items() if name.lower() not in _HOP}
        connection.request(method, path, body or None, passed | {"X-Forwarded-For": "127.0.0.1"})
        response = connection.getresponse()
        kept = [(name, value) for name, value in response.getheaders() if name.lower() not in _HOP]
        return response.status, kept, response.read()
    except (OSError, http.client.HTTPException):
        return 502, [], b""
    finally:
        connection.close()

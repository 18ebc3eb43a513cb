"""A program that listens on this machine."""

import contextlib
import html
import http.client
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from tests.oauth import people

NATIVE = {"application_type": "native", "redirect_uris": ["http://127.0.0.1/cb"]}


def register(base_url: str, **more: Any) -> str:
    return str(
        _post(base_url, "/oauth2/registration", json.dumps(people.METADATA | NATIVE | more), "application/json")[
            "client_id"
        ]
    )


def ask_device(base_url: str, client_id: str, device_id: str) -> dict[str, Any]:
    return form(base_url, "/oauth2/device", client_id=client_id, scope=people.device_scope(device_id))


def form(base_url: str, path: str, **fields: str) -> dict[str, Any]:
    return _post(base_url, path, urlencode(fields), "application/x-www-form-urlencoded")


def authorize(base: str, client_id: str, callback: str, **more: str) -> str:
    sent = people.parameters(client_id, redirect_uri=callback, **more)
    return f"{base}/authorize?{urlencode([(name, value) for name, values in sent.items() for value in values])}"


@contextlib.contextmanager
def listening() -> Iterator[str]:
    """The program's own address on this machine, which shows what it was sent."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Callback)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/cb"
    finally:
        server.shutdown()
        server.server_close()


class _Callback(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self._answer("")

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers["Content-Length"])).decode())

    def log_message(self, *_: Any) -> None:
        """Nothing."""

    def _answer(self, sent: str) -> None:
        body = (
            f"<!doctype html><title>callback</title><link rel=icon href=data:,><pre>{html.escape(sent)}</pre>".encode()
        )
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def carried(page: Any) -> dict[str, str]:
    """What the program was sent, once the browser is there."""
    page.wait_for_url("http://127.0.0.1:*/cb**")
    parts = urlsplit(page.url)
    text = parts.query or parts.fragment or page.inner_text("pre")
    return {name: values[0] for name, values in parse_qs(text).items()}


def redeem(base_url: str, client_id: str, code: str, callback: str) -> dict[str, Any]:
    return form(
        base_url,
        "/oauth2/token",
        grant_type="authorization_code",
        code=code,
        client_id=client_id,
        redirect_uri=callback,
        code_verifier=people.VERIFIER,
    )


def poll(base_url: str, client_id: str, device_code: str) -> dict[str, Any]:
    return form(base_url, "/oauth2/token", grant_type=people.DEVICE_GRANT, device_code=device_code, client_id=client_id)


def _post(base_url: str, path: str, body: str, content_type: str) -> dict[str, Any]:
    connection = http.client.HTTPConnection(urlsplit(base_url).netloc, timeout=60)
    with contextlib.closing(connection):
        connection.request("POST", path, body, {"Content-Type": content_type, "User-Agent": people.FIREFOX})
        return dict(json.load(connection.getresponse()))

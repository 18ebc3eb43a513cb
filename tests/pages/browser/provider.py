"""Another site with OpenID Connect, on this machine: it asks who somebody is, and believes what is typed."""

import contextlib
import html
import json
import secrets
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt

_FORM = """<!doctype html><html lang="en"><title>Forge</title><link rel="icon" href="data:,"><form>{kept}
<label>Who are you? <input id="who" name="who"></label><button>Sign in</button></form>"""


@contextlib.contextmanager
def listening() -> Iterator[str]:
    """Its issuer."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Provider)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


class _Provider(BaseHTTPRequestHandler):
    # What was given out: code → name and client, access token → name.
    codes: dict[str, tuple[str, str]] = {}  # noqa: RUF012  # the server makes one handler for each request
    tokens: dict[str, str] = {}  # noqa: RUF012

    def do_GET(self) -> None:
        path, asked = urlsplit(self.path).path, self._fields(urlsplit(self.path).query)
        if path == "/.well-known/openid-configuration":
            ends = {f"{name}_endpoint": f"{self._issuer}/{name}" for name in ("authorization", "token", "userinfo")}
            self._answer({"issuer": self._issuer, "jwks_uri": f"{self._issuer}/keys", **ends})
        elif path == "/authorization":
            self._authorize(asked)
        elif path == "/userinfo":
            name = self.tokens[self.headers["Authorization"].removeprefix("Bearer ")]
            self._answer(self._claims(name))
        else:
            self.send_error(404)

    def do_POST(self) -> None:
        given = self._fields(self.rfile.read(int(self.headers["Content-Length"])).decode())
        name, client_id = self.codes.pop(given["code"])
        token = secrets.token_hex(16)
        self.tokens[token] = name
        claims = {"iss": self._issuer, "aud": client_id, "iat": 1, "exp": 4_000_000_000, **self._claims(name)}
        id_token = jwt.encode(claims, "k" * 32, "HS256")
        self._answer({"access_token": token, "token_type": "Bearer", "id_token": id_token})

    def log_message(self, *_: Any) -> None:
        """Nothing."""

    @property
    def _issuer(self) -> str:
        return f"http://{self.headers['Host']}"

    def _authorize(self, asked: dict[str, str]) -> None:
        if "who" not in asked:
            kept = "".join(f'<input type="hidden" name="{n}" value="{html.escape(v)}">' for n, v in asked.items())
            return self._send(200, "text/html", _FORM.format(kept=kept))
        code = secrets.token_hex(16)
        self.codes[code] = asked["who"], asked["client_id"]
        leads = f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"
        return self._send(302, "text/html", "", Location=leads)

    @staticmethod
    def _claims(name: str) -> dict[str, Any]:
        email = f"{name}@example.org"
        return {"sub": name, "email": email, "email_verified": True, "preferred_username": name}

    @staticmethod
    def _fields(text: str) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(text).items()}

    def _answer(self, body: dict[str, Any]) -> None:
        self._send(200, "application/json", json.dumps(body))

    def _send(self, status: int, kind: str, text: str, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(text.encode())), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text.encode())

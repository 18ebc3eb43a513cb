"""A browser without scripts: cookies, forms with their tokens, redirects followed by hand."""

import html
import re
from typing import Any
from urllib.parse import urlencode, urlsplit

from tests.asgi_client import Client, Response

PASSWORD = "correct horse battery"


class Visitor:
    """Through the whole application; `page` is the last answer."""

    def __init__(self, client: Client, address: str = "203.0.113.7", language: str = "en", agent: str = "") -> None:
        self.client, self.address = client, address
        self.cookies: dict[str, str] = {}
        self.headers = {
            "host": "localhost",
            "accept": "text/html",
            "accept-language": language,
            "user-agent": agent or "Firefox/140.0 Linux",
        }
        self.page = Response()

    def get(self, path: str, **headers: str) -> Response:
        return self._send("GET", path, b"", headers)

    def post(self, path: str, fields: dict[str, Any] | None = None, *, token: str | None = None) -> Response:
        """With the token of the page shown last, or of the cookie."""
        given = {"csrfmiddlewaretoken": self.csrf() if token is None else token, **(fields or {})}
        body = urlencode({key: value for key, value in given.items() if value is not None}).encode()
        return self._send("POST", path, body, {"content-type": "application/x-www-form-urlencoded"})

    def fill(self, path: str, **fields: Any) -> Response:
        """Opens the page and sends its form with its hidden fields."""
        self.get(path)
        return self.send(path, **fields)

    def send(self, path: str, **fields: Any) -> Response:
        """Sends a form of the page that is shown."""
        return self.post(path, {**self.hidden(), **fields})

    def follow(self) -> Response:
        """Where the last answer leads."""
        return self.get(self.leads)

    @property
    def leads(self) -> str:
        """The path of the redirect, with its query; "" for none."""
        return self.page.header("location") or ""

    def hidden(self) -> dict[str, str]:
        found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', self.page.text)
        return {name: html.unescape(value) for name, value in found if name != "process"}

    def csrf(self) -> str:
        return self.hidden().get("csrfmiddlewaretoken", "") or self.cookies.get("csrf", "")

    @property
    def text(self) -> str:
        """What a person reads."""
        body = re.sub(r"<(head|script|style|noscript)\b.*?</\1>", " ", self.page.text, flags=re.S)
        return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())

    def sign_in(self, name: str, password: str = PASSWORD, path: str = "/account/login/") -> Response:
        return self.fill(path, name=name, password=password)

    def is_signed_in(self) -> bool:
        return self.get("/account/").status == 200

    def _send(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Response:
        self.client.address = self.address
        sent = {**self.headers, **headers}
        if self.cookies:
            sent["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        parts = urlsplit(path)
        self.page = self.client.request(
            method, f"{parts.path}?{parts.query}" if parts.query else parts.path, body=body, headers=sent
        )
        for name, value in self.page.headers:
            if name == "set-cookie":
                cookie, _, attributes = value.partition(";")
                key, _, content = cookie.partition("=")
                if "max-age=0" in attributes.lower():
                    self.cookies.pop(key, None)
                else:
                    self.cookies[key] = content
        return self.page

"""An administrator at the keyboard of a live server: signs in, fills forms in, keeps cookies."""

import http.client
import re
from contextlib import closing
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from urllib.parse import urlencode

PATIENCE = 60.0  # seconds


@dataclass(frozen=True, slots=True)
class Page:
    """Status and text of an answer."""

    status: int
    text: str


@dataclass(slots=True)
class Administrator:
    """Uses one process; its session holds in all."""

    port: int
    _cookies: dict[str, str] = field(default_factory=dict)

    def sign_in(self, name: str, password: str) -> "Administrator":
        self.get("/admin/login/")
        page = self.post("/admin/login/?next=/admin/", {"username": name, "password": password})
        assert page.status == 302, page
        return self

    def get(self, path: str) -> Page:
        return self._ask("GET", path)

    def post(self, path: str, fields: dict[str, str]) -> Page:
        """A form of that page, filled in."""
        found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', self.get(path).text)
        assert found, path
        return self._ask("POST", path, urlencode(fields | {"csrfmiddlewaretoken": found[1]}))

    def deny(self, username: str) -> Page:
        """Puts an account on the blacklist of every door."""
        rule = {"effect": "deny", "field": "username", "pattern": username, "flow": "all", "enabled": "on", "note": ""}
        return self.post("/admin/accounts/accessrule/add/", rule | {"_save": "1", "_confirmed": "1"})

    def _ask(self, method: str, path: str, body: str | None = None) -> Page:
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self._cookies.items())}
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)) as connection:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            for line in answer.headers.get_all("Set-Cookie", []):
                self._cookies |= {name: morsel.value for name, morsel in SimpleCookie(line).items()}
            return Page(answer.status, answer.read().decode())

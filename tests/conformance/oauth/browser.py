"""A browser without script: cookies, redirects of one site, forms. It judges nothing and fills in what it is told."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urljoin, urlsplit

from tests.conformance.oauth.wire import FORM, PUBLIC_URL, Answer, ask, encoded

USER_AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
_MOST_REDIRECTS = 8


@dataclass
class Form:
    """A form of a page: what it would send, and the buttons by their labels."""

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    required: set[str] = field(default_factory=set)
    buttons: dict[str, tuple[str, str]] = field(default_factory=dict)


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[Form] = []
        self._open: Form | None = None
        self._button: tuple[str, str] | None = None
        self._label = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._open = Form(named.get("action", ""), named.get("method", "get").upper())
            self.found.append(self._open)
        elif self._open is None:
            return
        elif tag == "button":
            self._button, self._label = (named.get("name", ""), named.get("value", "")), ""
        elif tag == "input":
            self._input(self._open, named)

    def handle_data(self, data: str) -> None:
        self._label += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = None
        elif tag == "button" and self._open is not None and self._button is not None:
            self._open.buttons[" ".join(self._label.split())] = self._button
            self._button = None

    def _input(self, form: Form, named: dict[str, str]) -> None:
        name, kind = named.get("name", ""), named.get("type", "text")
        if "required" in named:
            form.required.add(name)
        if kind == "submit":
            form.buttons[named.get("value", "")] = (name, named.get("value", ""))
        elif name and kind not in {"checkbox", "radio"}:
            form.fields[name] = named.get("value", "")
        elif name and "checked" in named:
            form.fields[name] = named.get("value", "on")


@dataclass
class Page:
    """An answer with the address it came from."""

    url: str
    answer: Answer

    @property
    def text(self) -> str:
        return self.answer.text

    @property
    def forms(self) -> list[Form]:
        parser = _Forms()
        parser.feed(self.text)
        return parser.found

    def form(self, *, having: str = "", button: str = "") -> Form:
        """The form with this field or this button."""
        for each in self.forms:
            if (having and having in each.fields) or (button and button in each.buttons):
                return each
        raise AssertionError(f"no form with {having or button} at {self.url}: {self.text[:3000]}")


@dataclass
class Browser:
    """One browser at one server; `address` is where it is, when the proxy says so. Only `public_url` is this site."""

    port: int
    address: str = ""
    public_url: str = PUBLIC_URL
    cookies: dict[str, str] = field(default_factory=dict)

    def open(self, url: str) -> Page:
        """A page, at the end of this site's redirects; another site's is where it stops."""
        return self._follow("GET", url, None, {})

    def submit(self, page: Page, form: Form, button: str = "", **values: str) -> Page:
        """Sends a form by one of its buttons, with these values."""
        sent = {**form.fields, **values}
        if button:
            name, value = form.buttons[button]
            sent |= {name: value} if name else {}
        missing = {name for name in form.required if not sent.get(name)}
        assert not missing, f"a browser would not send the form without {missing}"
        url = urljoin(page.url, form.action or page.url)
        if form.method != "POST":
            return self.open(f"{url.partition('?')[0]}?{encoded(sent).decode()}")
        headers = {"Content-Type": FORM, "Origin": self.public_url, "Referer": page.url}
        return self._follow("POST", url, encoded(sent), headers)

    def request(self, method: str, url: str, body: bytes | None = None, headers: Any = None) -> Answer:
        """One request with the cookies, no redirect followed."""
        sent = {"User-Agent": USER_AGENT, "Accept": "text/html", **(headers or {})}
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if self.address:
            sent["X-Forwarded-For"] = self.address
        answer = ask(self.port, method, url, body=body, headers=sent, public_url=self.public_url)
        self._keep(answer)
        return answer

    def _follow(self, method: str, url: str, body: bytes | None, headers: dict[str, str]) -> Page:
        for _ in range(_MOST_REDIRECTS):
            answer = self.request(method, url, body, headers)
            if answer.status not in {301, 302, 303} or not self._is_ours(urljoin(url, answer.location)):
                return Page(url, answer)
            url, method, body, headers = urljoin(url, answer.location), "GET", None, {}
        raise AssertionError(f"redirects without end at {url}")

    def _keep(self, answer: Answer) -> None:
        for line in answer.headers.get_all("Set-Cookie", []):
            for name, morsel in SimpleCookie(line).items():
                if morsel["max-age"] == "0" or (morsel["max-age"] == 0) or not morsel.value:
                    self.cookies.pop(name, None)
                else:
                    self.cookies[name] = morsel.value

    def _is_ours(self, url: str) -> bool:
        parts = urlsplit(url)
        return f"{parts.scheme}://{parts.netloc}" == self.public_url

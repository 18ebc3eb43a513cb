"""A web app of another origin: the browser lets it make the requests of both forms, and read what it needs.

The requests are those of matrix-js-sdk 43 and, for the current form, of the proposal.
"""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.conformance.qr.site import Site
from tests.conformance.qr.slots import CREATE_2024, CREATE_CURRENT, CREATE_STABLE
from tests.matrix.browser import chromium

_ALL_OF_2024 = """async create => {
  const text = { "content-type": "text/plain" };
  const made = await fetch(create, { method: "POST", headers: text, body: "", redirect: "follow" });
  const { url } = await made.json();
  const said = [made.status, made.headers.get("expires") !== null];
  let etag = made.headers.get("etag");
  const known = await fetch(url, { headers: { "if-none-match": etag } });
  said.push(known.status, known.headers.get("etag") === etag);
  const written = await fetch(url, { method: "PUT", headers: { ...text, "if-match": etag }, body: "hello" });
  said.push(written.status, written.headers.get("etag") !== etag);
  const late = await fetch(url, { method: "PUT", headers: { ...text, "if-match": etag }, body: "other" });
  said.push(late.status, late.headers.get("etag") === written.headers.get("etag"));
  const read = await fetch(url, { headers: { "if-none-match": etag } });
  said.push(read.status, read.headers.get("content-type"), await read.text());
  const gone = [await fetch(url, { method: "DELETE" }), await fetch(url, { method: "DELETE" })];
  return [...said, ...gone.map((one) => one.status)];
}"""
_ALL_OF_CURRENT = """async create => {
  const send = (method, url, body) => fetch(url, {
    method, body: JSON.stringify(body), headers: { "content-type": "application/json", authorization: "Bearer none" },
  });
  const can = await fetch(create);
  const made = await (await send("POST", create, { data: "" })).json();
  const url = create + "/" + made.id;
  const written = await send("PUT", url, { data: "hello", sequence_token: made.sequence_token });
  const late = await send("PUT", url, { data: "other", sequence_token: made.sequence_token });
  const read = await (await fetch(url)).json();
  const same = read.sequence_token === (await written.json()).sequence_token;
  const gone = [await fetch(url, { method: "DELETE" }), await fetch(url)];
  const { errcode } = await late.json();
  return [await can.json(), written.status, late.status, errcode, read.data, same, ...gone.map((one) => one.status)];
}"""


class _Blank(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>app</title>")

    def log_message(self, *_: Any) -> None:
        return None


@pytest.fixture(scope="module")
def app() -> Iterator[Any]:
    """A page of an app that somebody else serves."""
    if missing := chromium.missing():
        pytest.skip(missing)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Blank)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with chromium.started() as browser:
            page = browser.new_page()
            page.goto(f"http://127.0.0.1:{server.server_port}/")
            yield page
    finally:
        server.shutdown()
        server.server_close()


def test_the_form_of_2024(app: Any, site: Site) -> None:
    found = app.evaluate(_ALL_OF_2024, f"{site.url}{CREATE_2024}")
    assert found == [201, True, 304, True, 202, True, 412, True, 200, "text/plain", "hello", 204, 404]


@pytest.mark.parametrize(
    ("path", "conflict"),
    [(CREATE_CURRENT, "IO_ELEMENT_MSC4388_CONCURRENT_WRITE"), (CREATE_STABLE, "M_CONCURRENT_WRITE")],
)
def test_the_current_form(app: Any, site: Site, path: str, conflict: str) -> None:
    found = app.evaluate(_ALL_OF_CURRENT, f"{site.url}{path}")
    assert found == [{"create_available": True}, 200, 409, conflict, "hello", True, 200, 404]


def test_a_session_is_not_shown_as_a_page(app: Any, site: Site) -> None:
    """The navigation guard: what one device wrote is no page that a link could open."""
    made = app.evaluate(
        "async create => (await (await fetch(create, {method: 'POST', body: '{\"data\":\"<h1>hello\"}'})).json()).id",
        f"{site.url}{CREATE_CURRENT}",
    )
    other = app.context.browser.new_page()
    answer = other.goto(f"{site.url}{CREATE_CURRENT}/{made}")
    assert answer.status == 403
    assert "hello" not in answer.text()
    other.close()

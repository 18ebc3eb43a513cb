"""`manage.py doctor` walks through a session, and says what a proxy does to it (qr-login.md §9)."""

import gzip
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

import pytest

from accounts.homeserver import transport
from accounts.homeserver.transport import Answer, NoAnswer
from idp import doctor
from tests.rendezvous import through
from tests.rendezvous.slots import TEXT

pytestmark = pytest.mark.django_db
Proxy = Callable[..., Answer]
CHECKS = ("qr-offered", "qr-sessions", "device-ids")


@pytest.fixture
def found(client, settings, monkeypatch):
    """The findings of a server behind a proxy that does something to requests and answers."""
    settings.PUBLIC_URL = "https://id.example.org"
    settings.MATRIX_HOMESERVER_URL = ""
    straight = through.application(client)

    def look(proxy: Callable[[Proxy], Proxy] = lambda ask: ask) -> dict[str, doctor.Finding]:
        monkeypatch.setattr(transport, "ask", proxy(straight))
        return {check.name: found for check, found in doctor.findings() if check.name in CHECKS}

    return look


def answers_changed(change: Callable[[Answer], Answer]) -> Callable[[Proxy], Proxy]:
    def proxy(ask: Proxy) -> Proxy:
        return lambda method, url, **more: change(ask(method, url, **more))

    return proxy


def headers_changed(**changed: str | None) -> Callable[[Proxy], Proxy]:
    """Some headers taken away or replaced, where an answer has them."""
    names = {name.replace("_", "-"): value for name, value in changed.items()}

    def change(answer: Answer) -> Answer:
        kept = {name: names.get(name, value) for name, value in answer.headers.items()}
        return replace(answer, headers={name: value for name, value in kept.items() if value is not None})

    return answers_changed(change)


def test_a_server_that_is_well_is_found_well(found):
    assert {name: finding.result for name, finding in found().items()} == dict.fromkeys(CHECKS, doctor.GOOD)


def test_the_walk_leaves_nothing_behind(found, client):
    from devicelogin.rendezvous import services

    found()
    assert services.counts() == {}


@pytest.mark.parametrize(
    ("proxy", "detail"),
    [
        (headers_changed(etag=None), "without its ETag"),
        (
            answers_changed(lambda a: replace(a, headers={**a.headers, "etag": "W/" + a.headers.get("etag", "")})),
            "weak",
        ),
        (headers_changed(content_type="text/plain; charset=utf-8"), "charset=utf-8"),
        (answers_changed(lambda a: replace(a, headers={**a.headers, "content-encoding": "gzip"})), "compressed"),
        (answers_changed(lambda a: replace(a, body=gzip.compress(a.body)) if a.body[:1] != b"{" else a), "other data"),
        (headers_changed(access_control_allow_origin=None), "Access-Control-Allow-Origin"),
        (answers_changed(lambda a: replace(a, status=502)), "502"),
    ],
)
def test_what_a_proxy_does_to_a_session_is_found_and_has_a_cure(found, proxy, detail):
    finding = found(proxy)["qr-sessions"]
    assert finding.result == doctor.FAILED
    assert detail in finding.detail
    assert len(finding.cure) > 20


@pytest.mark.parametrize("refused", ["PUT", "DELETE"])
def test_a_proxy_that_lets_no_method_through_but_get_and_post_is_found(found, refused):
    def proxy(ask: Proxy) -> Proxy:
        def passing(method: str, url: str, **more: Any) -> Answer:
            return Answer(405, b"") if method == refused else ask(method, url, **more)

        return passing

    assert f"{refused}: 405" in found(proxy)["qr-sessions"].detail


def test_another_public_url_is_found(found, settings):
    def proxy(ask: Proxy) -> Proxy:
        def passing(method: str, url: str, **more: Any) -> Answer:
            settings.PUBLIC_URL = "https://old.example.org" if method == "POST" else "https://id.example.org"
            return ask(method, url, **more)

        return passing

    assert "is not below" in found(proxy)["qr-sessions"].detail


def test_nobody_there_is_a_failure_of_each(found):
    def proxy(ask: Proxy) -> Proxy:
        def silent(*_: Any, **__: Any) -> Answer:
            raise NoAnswer("TimeoutError")

        return silent

    assert {finding.result for finding in found(proxy).values()} == {doctor.FAILED}


def test_a_proxy_that_decodes_the_path_is_found(found):
    def proxy(ask: Proxy) -> Proxy:
        def decoding(method: str, url: str, **more: Any) -> Answer:
            if "%2F" in url:
                return Answer(404, b"{}") if unquote(url).count("/") > 7 else ask(method, url, **more)
            return ask(method, url, **more)

        return decoding

    finding = found(proxy)["device-ids"]
    assert "404, not 401" in finding.detail
    assert "proxy_pass" in finding.cure


def test_without_the_device_grant_nobody_could_sign_in(found, settings):
    settings.OAUTH_DEVICE_GRANT = False
    assert found()["qr-offered"].result == doctor.FAILED


@pytest.mark.parametrize("mode", ["authenticated", "off"])
def test_where_sessions_need_a_login_there_is_nothing_to_walk(found, settings, mode):
    settings.RENDEZVOUS_MODE = mode
    results = {name: finding.result for name, finding in found().items()}
    assert results["qr-sessions"] == results["qr-offered"] == doctor.SKIPPED


def test_a_homeserver_that_does_not_tell_is_found(found, settings):
    settings.MATRIX_HOMESERVER_URL = "http://10.0.0.2:8008"
    settings.MATRIX_HOMESERVER_PUBLIC_URL = "https://matrix.example.org"
    settings.MATRIX_HOMESERVER_SECRET = "shared"

    def proxy(ask: Proxy) -> Proxy:
        def synapse(method: str, url: str, **more: Any) -> Answer:
            if url.startswith("https://matrix.example.org") and url.endswith("/versions"):
                return Answer(200, b'{"versions":["v1.15"],"unstable_features":{}}')
            return ask(method, url, **more)

        return synapse

    finding = found(proxy)["qr-offered"]
    assert "org.matrix.msc4108" in finding.detail
    assert f"msc4108_delegation_endpoint: https://id.example.org{TEXT}" in finding.cure

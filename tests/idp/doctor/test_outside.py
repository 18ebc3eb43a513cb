"""PUBLIC_URL from outside: reached, private, protected, and the server knows who asks."""

import ipaddress
import json
import ssl
from datetime import timedelta

import pytest

from accounts import audit, clock
from accounts.models import AccessMode, AuditEvent
from idp.doctor import outside
from tests.idp.doctor.conftest import NO_ANSWER, US, World, failed, good, skipped

pytestmark = pytest.mark.django_db
PAGE = {"content-security-policy": "default-src 'none'", "strict-transport-security": "max-age=31536000"}
PROXY = [ipaddress.ip_network("10.0.0.2/32")]


def test_the_server_answers_and_is_ready(world):
    world.said["GET", "/healthz"] = world.said["GET", "/readyz"] = (200, {})
    assert good("public-url") == US


@pytest.mark.parametrize(
    ("path", "says", "words"),
    [
        ("/healthz", NO_ANSWER, "no answer (ConnectionRefusedError)"),
        ("/healthz", (502, b"<html>"), "/healthz: 502"),
        ("/readyz", (503, b"redis"), "/readyz: 503 redis"),
        ("/readyz", NO_ANSWER, "/readyz: no answer"),
    ],
)
def test_a_server_that_is_not_there_or_not_ready_is_told(world, path, says, words):
    world.said |= {("GET", "/healthz"): (200, {}), ("GET", "/readyz"): (200, {}), ("GET", path): says}
    assert words in failed("public-url")


def test_a_certificate_should_last_and_fit(world, monkeypatch):
    def handshake(days: float):
        return lambda host, port: (clock.now() + timedelta(days=days), "TLSv1.3")

    monkeypatch.setattr(outside, "_handshake", handshake(60.5))
    assert good("tls") == "TLSv1.3, the certificate lasts 60 days"
    monkeypatch.setattr(outside, "_handshake", handshake(5.5))
    assert "ends in 5 days · Renew it" in failed("tls")

    def refused(*_: object) -> None:
        raise ssl.SSLCertVerificationError("certificate verify failed")

    monkeypatch.setattr(outside, "_handshake", refused)
    assert "whole chain" in failed("tls")


def test_plain_http_is_for_this_machine_alone(world, settings):
    settings.PUBLIC_IS_HTTPS, settings.PUBLIC_URL = False, "http://localhost:8000"
    assert "this machine alone" in skipped("tls")
    settings.PUBLIC_URL = "http://id.example.org"
    assert "reverse proxy with TLS" in failed("tls")


def test_pages_come_with_their_headers(world):
    world.said["GET", "/account/login/"] = (200, b"", PAGE)
    assert good("pages") == "with the headers that protect them"
    world.said["GET", "/account/login/"] = (200, b"", {"content-security-policy": "x"})
    told = failed("pages")
    assert "plain http" in told
    assert "X-Forwarded-Proto" in told
    world.said["GET", "/account/login/"] = (200, b"", {"strict-transport-security": "x"})
    assert "Content-Security-Policy is missing" in failed("pages")
    world.said["GET", "/account/login/"] = NO_ANSWER
    assert "no answer" in failed("pages")


def server_that_sees(world: World, address: str | None, status: int = 403) -> None:
    """The door, as it notes a refused login."""

    def answer(*, url: str, headers: dict[str, str], body: bytes):
        seen = headers["X-Forwarded-For"] if address == "forged" else address
        if seen is not None:
            name = json.loads(body)["identifier"]["user"]
            audit.record(
                "login", outcome=audit.REFUSED, reason="credential-wrong", flow="matrix", subject=name, ip=seen
            )
        return status, {"error": "not allowed"}

    world.said["POST", "/_matrix/client/v3/login"] = answer


@pytest.fixture
def behind_a_proxy(world, settings, monkeypatch):
    settings.TRUSTED_PROXIES = PROXY
    monkeypatch.setattr(outside, "_own_address", lambda: "192.0.2.9")


@pytest.mark.usefixtures("behind_a_proxy")
def test_a_proxy_that_says_who_asks_is_good(world):
    server_that_sees(world, "192.0.2.9")
    assert "we come from 192.0.2.9" in good("who-asks")


@pytest.mark.usefixtures("behind_a_proxy")
@pytest.mark.parametrize(
    ("seen", "words"), [("10.0.0.2", "every client counts as 10.0.0.2"), ("forged", "anybody can say where")]
)
def test_a_proxy_that_says_nothing_or_believes_everybody_is_found(world, seen, words):
    server_that_sees(world, seen)
    assert words in failed("who-asks")


@pytest.mark.usefixtures("behind_a_proxy")
def test_https_without_a_trusted_proxy_is_found(world, settings):
    settings.TRUSTED_PROXIES = []
    server_that_sees(world, "127.0.0.1")
    assert "Set TRUSTED_PROXIES" in failed("who-asks")


@pytest.mark.usefixtures("behind_a_proxy")
def test_a_server_with_another_database_is_found(world):
    server_that_sees(world, None)
    assert "another server answers at PUBLIC_URL" in failed("who-asks")


@pytest.mark.usefixtures("behind_a_proxy")
def test_where_nothing_is_noted_nothing_is_judged(world):
    server_that_sees(world, None, status=429)
    assert "again in a minute" in skipped("who-asks")
    server_that_sees(world, None)
    AccessMode.objects.create(flow="matrix", whitelist=True)
    assert "admits listed names only" in skipped("who-asks")
    assert AuditEvent.objects.filter(event="login").count() == 0


@pytest.mark.usefixtures("behind_a_proxy")
@pytest.mark.parametrize("says", [NO_ANSWER, (502, b""), (200, {})])
def test_a_door_that_does_not_answer_judges_nothing(world, says):
    world.said["POST", "/_matrix/client/v3/login"] = says
    assert "/v3/login" in failed("who-asks")


@pytest.mark.parametrize(("status", "is_good"), [(200, False), (403, True), (404, True), (401, True)])
def test_figures_are_not_for_strangers(world, status, is_good):
    world.said["GET", "/metrics"] = (status, b"")
    assert ("/metrics" in good("figures")) if is_good else ("everybody can read" in failed("figures"))


def test_figures_on_this_machine_are_for_this_machine(world, settings):
    settings.PUBLIC_URL = "http://127.0.0.1:8000"
    assert "may read them" in skipped("figures")

"""One line for each request and socket (R51)."""

import json
import re
from ipaddress import ip_network

import pytest

from accounts.models import AuditEvent, User
from idp import request_log
from tests.asgi_client import Client
from tests.session_client import SessionIdentity

PLAIN = {"event", "id", "method", "path", "status", "ms", "ip", "user", "door", "level", "logger", "timestamp"}


@pytest.fixture
def lines(monkeypatch):
    """What was logged, read."""
    found = []
    request_log._second.cache_clear()
    monkeypatch.setattr(request_log, "put", lambda line: found.append(json.loads(line)))
    yield found
    request_log._second.cache_clear()


def test_a_request_leaves_one_line(client, lines):
    client.get("/healthz?token=secret", headers={"user-agent": "a client"})
    [line] = lines
    assert set(line) == PLAIN
    assert (line["event"], line["method"], line["path"], line["status"]) == ("request", "GET", "/healthz", 200)
    assert (line["ip"], line["user"], line["door"]) == ("203.0.113.7", None, "none")
    assert line["ms"] >= 0
    assert line["timestamp"].endswith("Z")


def test_a_line_ends_with_a_line_feed(client, monkeypatch):
    found = []
    monkeypatch.setattr(request_log, "put", found.append)
    client.get("/healthz")
    assert [line.count(b"\n") for line in found] == [1]
    assert found[0].endswith(b"\n")


@pytest.mark.django_db
def test_the_account_is_named_by_its_number(client, lines):
    token = SessionIdentity().log_in(client)
    client.get("/token", token=token)
    user = User.objects.get().pk
    by_path = {(line["method"], line["path"]): line["user"] for line in lines}
    assert by_path["GET", "/loki/v1/get_challenge"] is None
    assert by_path["POST", "/loki/v1/submit_challenge"] == user
    assert by_path["GET", "/token"] == user


@pytest.mark.django_db
def test_a_refusal_says_why(client, lines):
    client.get("/_matrix/client/v3/account/whoami", token="mat_none")
    assert (lines[0]["status"], lines[0]["reason"], lines[0]["user"]) == (401, "token-unknown", None)


@pytest.mark.django_db
def test_an_administrator_is_named_too(client, lines):
    from accounts import users
    from tests.pages.visitor import Visitor

    users.create("ada", password="correct horse battery", administrator=True, by_administrator=True)
    visitor = Visitor(client)
    visitor.get("/admin/login/")
    assert lines[-1]["user"] is None
    assert lines[-1]["door"] == "admin"


def test_a_query_a_header_and_a_body_stay_out(client, lines):
    client.post("/no/such?secret=one", body=b"secret two", headers={"authorization": "secret three", "cookie": "four"})
    assert "secret" not in json.dumps(lines)
    assert "four" not in json.dumps(lines)


def test_a_token_in_the_path_is_masked(client, lines):
    client.get("/no/such/" + "x" * 96)
    assert lines[0]["path"] == "/no/such/xxxx...(96)"


def test_control_characters_are_escaped(client, monkeypatch):
    found = []
    monkeypatch.setattr(request_log, "put", found.append)
    client.get("/a%0A%1B%5B31m%22%5C%C2%9B")
    assert found[0].isascii()
    assert found[0][:-1].decode().isprintable()
    assert json.loads(found[0])["path"] == "/a%0A%1B[31m%22%5C%C2%9B"


def test_an_unknown_method_is_not_repeated(client, lines):
    client.request('"SECRET', "/token")
    assert lines[0]["method"] == "other"


def test_it_can_be_turned_off(client, lines, settings):
    settings.REQUEST_LOG = False
    request_log._second.cache_clear()
    client.get("/healthz")
    assert lines == []


def test_it_is_silent_below_the_least_severity(client, lines, caplog):
    import logging

    caplog.set_level(logging.WARNING)
    request_log._second.cache_clear()
    client.get("/healthz")
    assert lines == []


@pytest.mark.django_db
def test_the_audit_log_has_the_number_of_the_request(client, lines):
    SessionIdentity().log_in(client)
    event = AuditEvent.objects.get(event="login")
    assert event.request_id == next(line["id"] for line in lines if line["path"].endswith("submit_challenge"))
    assert event.ip == "203.0.113.7"


def test_no_line_holds_a_run_of_digits_that_could_be_a_code(client, monkeypatch):
    found = []
    monkeypatch.setattr(request_log, "put", found.append)
    for _ in range(20):
        client.get("/healthz")
    assert not re.search(rb"\d{6}", b"".join(found))


def test_every_request_has_a_number_of_its_own(client, lines):
    for _ in range(50):
        client.get("/healthz")
    assert len({line["id"] for line in lines}) == 50


GIVEN = "0123456789abcdef0123456789abcdef"


def test_a_strangers_number_is_not_taken(client, lines):
    client.get("/healthz", headers={"x-request-id": GIVEN})
    assert lines[0]["id"] != GIVEN


@pytest.fixture
def proxy(client, settings):
    settings.TRUSTED_PROXIES = [ip_network("10.0.0.1/32")]
    return Client(client.loop, "10.0.0.1")


def test_a_trusted_proxys_number_is_taken(proxy, lines):
    proxy.get("/healthz", headers={"x-request-id": GIVEN, "x-forwarded-for": "203.0.113.9"})
    assert (lines[0]["id"], lines[0]["ip"]) == (GIVEN, "203.0.113.9")


def test_a_uuid_loses_its_dashes(proxy, lines):
    proxy.get("/healthz", headers={"x-request-id": "01234567-89ab-cdef-0123-456789abcdef"})
    assert lines[0]["id"] == GIVEN


@pytest.mark.parametrize("given", ["", "short", "x" * 33, 'a"b-cdefgh', "with a blank", "é" * 10, "a\tb-cdefgh"])
def test_what_cannot_stand_in_a_log_is_not_taken(proxy, lines, given):
    proxy.get("/healthz", headers={"x-request-id": given})
    assert lines[0]["id"] != given
    assert re.fullmatch(r"[a-z]{8}-[0-9a-f]+", lines[0]["id"])


def test_an_application_that_fails_leaves_a_line(client, lines, monkeypatch):
    import idp.asgi

    async def fail(*_):
        raise RuntimeError("a fault")

    monkeypatch.setitem(idp.asgi._PROBES, "/healthz", fail)
    with pytest.raises(RuntimeError):
        client.get("/healthz")
    assert (lines[0]["path"], lines[0]["status"]) == ("/healthz", 500)


def test_what_the_server_itself_refuses_leaves_a_line(lines):
    from idp.origin import render_error

    render_error(431, "/_matrix/client/v3/login", "")
    assert (lines[0]["path"], lines[0]["status"], lines[0]["door"]) == ("/_matrix/client/v3/login", 431, "matrix")


class TestWriter:
    """The thread that writes."""

    def test_lines_are_written_whole_and_in_order(self, tmp_path, monkeypatch):
        file = tmp_path / "log"
        with file.open("wb") as log:
            monkeypatch.setattr(request_log, "_descriptor", log.fileno)
            writer = request_log._Writer()
            for index in range(3000):
                writer.put(f"line {index}\n".encode())
            writer.flush()
            assert file.read_text().splitlines() == [f"line {index}" for index in range(3000)]

    def test_a_reader_that_has_stopped_costs_lines_and_nothing_else(self, monkeypatch):
        from accounts import figures

        before = figures.LOST_LINES.rows.get((), 0)
        writer = request_log._Writer()
        monkeypatch.setattr(writer, "_started", lambda: None)
        monkeypatch.setattr(request_log, "_MOST_WAITING", 10)
        for _ in range(15):
            writer.put(b"x\n")
        assert len(writer._lines) == 10
        assert figures.LOST_LINES.rows[()] == before + 5

    def test_a_log_that_is_closed_ends_nothing(self, monkeypatch):
        from accounts import figures

        before = figures.LOST_LINES.rows.get((), 0)
        monkeypatch.setattr(request_log, "_descriptor", lambda: 999)
        writer = request_log._Writer()
        monkeypatch.setattr(writer, "_started", lambda: None)
        writer.put(b"x\n")
        writer.flush()
        assert figures.LOST_LINES.rows[()] == before + 1

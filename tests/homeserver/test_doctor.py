"""`manage.py doctor`: each thing that can be wrong with the pair is found, named and given a cure."""

import http.server
import json
import threading
from collections.abc import Iterator
from email.utils import format_datetime
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from accounts import clock, users
from accounts.homeserver import transport
from accounts.homeserver.transport import Answer, NoAnswer
from accounts.models import HomeserverAccount, HomeserverTask
from idp import doctor
from idp.doctor import proxy_rules
from tests.rendezvous import through

US, SYNAPSE, CLIENTS = "https://id.example.org", "http://10.0.0.2:8008", "https://matrix.example.org"
API = f"{CLIENTS}/_matrix/client"
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
ISSUER = {"issuer": f"{US}/", "account_management_uri": f"{US}/account/"}
Said = dict[tuple[str, str], Any]


class World:
    """Every URL that is asked for, and what answers there: (status, body), or a NoAnswer. Sessions of QR login are
    this server's own."""

    def __init__(self, ourselves: Any) -> None:
        self.ourselves = ourselves
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        self.date = clock.now()
        self.said: Said = {
            ("GET", f"{US}/.well-known/openid-configuration"): (200, ISSUER),
            ("GET", f"{SYNAPSE}/_matrix/client/versions"): (200, {"versions": ["v1.15"]}),
            ("GET", f"{SYNAPSE}/_matrix/client/v1/auth_metadata"): (200, ISSUER),
            ("GET", f"{SYNAPSE}/_matrix/key/v2/server"): (200, {"server_name": "example.org"}),
            ("GET", f"{API}/v3/login"): (200, {"flows": []}),
            ("POST", f"{API}/v3/logout"): (401, {}),
            ("POST", f"{API}/v3/logout/all"): (401, {}),
            ("POST", f"{API}/v3/refresh"): (400, {}),
            ("POST", f"{API}/r0/logout"): (401, {}),
            ("GET", f"{API}/v3/sync"): (401, {}),
            ("GET", f"{API}/v3/devices/doctor%2Fid"): (401, {}),
            ("GET", f"{API}/versions"): (200, {"unstable_features": {"org.matrix.msc4108": True}}),
            ("GET", f"{API}/v1/auth_metadata"): (200, {"grant_types_supported": [DEVICE_GRANT]}),
            ("GET", f"{SYNAPSE}/_synapse/mas/query_user"): (404, {"errcode": "M_NOT_FOUND"}),
        }
        self.introspection: Any = None

    def ask(self, method: str, url: str, *, headers: Any = None, body: Any = None, **_: Any) -> Answer:
        self.asked.append((method, url, dict(headers or {})))
        if url.startswith(f"{US}/_matrix/client/unstable/org.matrix.msc4108/"):
            answered: Answer = self.ourselves(method, url, headers=headers, body=body)
            return answered
        if url == f"{US}/oauth2/introspect":
            known = (headers or {}).get("Authorization") == "Bearer shared"
            found = self.introspection or ((200, {"active": False}) if known else (401, {}))
        else:
            found = self.said.get((method, url.partition("?")[0]), (404, {"errcode": "M_UNRECOGNIZED"}))
        if isinstance(found, Exception):
            raise found
        date = {"date": format_datetime(self.date, usegmt=True)}
        return Answer(found[0], json.dumps(found[1]).encode(), date)


@pytest.fixture
def world(settings, monkeypatch, db, client) -> World:
    settings.PUBLIC_URL, settings.MATRIX_SERVER_NAME = US, "example.org"
    settings.MATRIX_HOMESERVER_URL, settings.MATRIX_HOMESERVER_SECRET = SYNAPSE, "shared"
    settings.MATRIX_HOMESERVER_PUBLIC_URL = CLIENTS
    found = World(through.application(client))
    monkeypatch.setattr(transport, "ask", found.ask)
    monkeypatch.setattr(doctor, "CHECKS", (*doctor.homeserver.CHECKS, *doctor.qr_login.CHECKS))
    return found


def results() -> dict[str, doctor.Finding]:
    return {check.name: found for check, found in doctor.findings()}


def failures() -> dict[str, doctor.Finding]:
    return {name: found for name, found in results().items() if found.result == doctor.FAILED}


def run(*options: str) -> tuple[int, str]:
    out = StringIO()
    try:
        call_command("doctor", *options, stdout=out)
    except SystemExit as ended:
        return int(ended.code or 0), out.getvalue()
    return 0, out.getvalue()


def test_a_pair_that_is_well_is_found_well(world):
    assert {name: found.result for name, found in results().items()} == dict.fromkeys(results(), doctor.GOOD)
    code, said = run()
    assert code == 0
    assert "cure" not in said


@pytest.mark.parametrize(
    ("where", "says", "check", "detail"),
    [
        (("GET", f"{US}/.well-known/openid-configuration"), (404, {}), "metadata", "404"),
        (("GET", f"{US}/.well-known/openid-configuration"), NoAnswer("timeout"), "metadata", "no answer"),
        (("GET", f"{US}/.well-known/openid-configuration"), (200, {"issuer": "http://x/"}), "metadata", "http://x/"),
        (("GET", f"{US}/.well-known/openid-configuration"), (200, {"issuer": f"{US}/"}), "metadata", "account_man"),
        (
            ("GET", f"{SYNAPSE}/_matrix/client/versions"),
            NoAnswer("ConnectionRefusedError"),
            "homeserver-reached",
            "Refus",
        ),
        (("GET", f"{SYNAPSE}/_matrix/client/versions"), (200, {}), "homeserver-reached", "200"),
        (("GET", f"{SYNAPSE}/_synapse/mas/query_user"), (403, {"errcode": "M_UNKNOWN"}), "homeserver-secret", "403"),
        (
            ("GET", f"{SYNAPSE}/_synapse/mas/query_user"),
            (404, {"errcode": "M_UNRECOGNIZED"}),
            "homeserver-secret",
            "mas",
        ),
        (("GET", f"{SYNAPSE}/_synapse/mas/query_user"), (500, {}), "homeserver-secret", "500"),
        (("GET", f"{SYNAPSE}/_matrix/client/v1/auth_metadata"), (404, {}), "homeserver-delegates", "nobody"),
        (("GET", f"{SYNAPSE}/_matrix/client/v1/auth_metadata"), (500, {}), "homeserver-delegates", "500"),
        (
            ("GET", f"{SYNAPSE}/_matrix/client/v1/auth_metadata"),
            (200, {"issuer": "https://other.example.org/"}),
            "homeserver-delegates",
            "https://other.example.org/",
        ),
        (
            ("GET", f"{SYNAPSE}/_matrix/key/v2/server"),
            (200, {"server_name": "x.org"}),
            "homeserver-name",
            "there x.org",
        ),
        (("GET", f"{API}/v3/login"), (404, {}), "homeserver-proxy", "/v3/login: 404"),
        (("POST", f"{API}/v3/refresh"), (404, {}), "homeserver-proxy", "/v3/refresh: 404"),
        (("POST", f"{API}/r0/logout"), NoAnswer("timeout"), "homeserver-proxy", "/r0/logout: no answer"),
        (("GET", f"{API}/v3/sync"), (404, {}), "homeserver-proxy", "everything else"),
    ],
)
def test_what_is_wrong_is_found_and_has_a_cure(world, where, says, check, detail):
    world.said[where] = says
    found = failures()
    assert detail in found[check].detail
    assert len(found[check].cure) > 20
    code, said = run("--no-proxy-rules")
    assert code == 1
    assert f"failed   {check}:" in said
    assert "cure: " in said


@pytest.mark.parametrize(
    ("says", "detail"),
    [((401, {}), "refuses the secret"), ((404, {}), "404"), ((200, {"active": False}), "without the secret")],
)
def test_introspection_is_tried_with_and_without_the_secret(world, says, detail):
    world.introspection = says
    assert detail in failures()["introspection"].detail


def test_clocks_that_differ_are_found(world):
    world.date = clock.after(-60)
    assert "seconds apart" in failures()["homeserver-clock"].detail


def test_a_queue_that_stands_still_is_found(world, time_machine_after):
    users.create("ann")
    assert "homeserver-queue" not in failures()
    HomeserverTask.objects.update(last_error="query_user: 403 M_UNKNOWN", tries=3)
    time_machine_after(400)
    assert "query_user: 403 M_UNKNOWN" in failures()["homeserver-queue"].detail


def test_accounts_that_are_not_connected_are_found(world):
    user = users.create("ann")
    HomeserverTask.objects.all().delete()
    HomeserverAccount.objects.create(user=user, localpart="ann", problem="name-taken")
    assert "1 account not connected" in failures()["homeserver-queue"].detail


def test_the_name_is_asked_of_a_known_user_where_keys_are_not_served(world):
    world.said["GET", f"{SYNAPSE}/_matrix/key/v2/server"] = (404, {})
    assert results()["homeserver-name"].result == doctor.SKIPPED
    HomeserverAccount.objects.create(user=users.create("ann"), localpart="ann", connected_at=clock.now())
    world.said["GET", f"{SYNAPSE}/_synapse/mas/query_user"] = (200, {"user_id": "@ann:other.org"})
    assert "there other.org" in failures()["homeserver-name"].detail


def test_without_a_homeserver_only_ourselves_are_looked_at(world, settings):
    settings.MATRIX_HOMESERVER_URL = ""
    for (method, url), said in list(world.said.items()):
        world.said[method, url.replace(CLIENTS, US)] = said
    found = {name: finding.result for name, finding in results().items()}
    for ours in ("metadata", "qr-offered", "qr-sessions", "device-ids"):
        assert found.pop(ours) == doctor.GOOD
    assert set(found.values()) == {doctor.SKIPPED}
    assert "nginx" not in run()[1]


def test_a_check_that_breaks_is_a_failure_and_the_others_go_on(world, monkeypatch):
    def breaks() -> doctor.Finding:
        raise ZeroDivisionError

    broken = (doctor.Check("broken", "a check", breaks), *doctor.CHECKS)
    monkeypatch.setattr(doctor, "CHECKS", broken)
    assert failures()["broken"].detail == "the check itself failed: ZeroDivisionError"
    assert len(results()) == len(broken)


def test_json_names_every_check(world):
    world.said["POST", f"{API}/v3/refresh"] = (404, {})
    code, said = run("--json")
    rows = json.loads(said)
    assert code == 1
    assert [row["name"] for row in rows] == [check.name for check in doctor.CHECKS]
    assert {row["name"] for row in rows if row["result"] == "failed"} == {"homeserver-proxy"}
    assert all(set(row) == {"name", "title", "result", "detail", "cure"} for row in rows)


def test_the_rules_name_this_installation(world, settings):
    settings.HOST, settings.PORT = "127.0.0.1", 8000
    _, said = run()
    for text in (SYNAPSE, "matrix.example.org", "id.example.org", "http://127.0.0.1:8000", proxy_rules.OURS):
        assert text in said
    assert "shared" not in said


def test_the_secret_goes_to_the_two_servers_only(world):
    results()
    with_secret = {url.partition("?")[0] for _, url, headers in world.asked if "shared" in str(headers)}
    assert with_secret == {f"{US}/oauth2/introspect", f"{SYNAPSE}/_synapse/mas/query_user"}


@pytest.fixture
def plain_server() -> Iterator[str]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: Any) -> None:
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=lambda: server.serve_forever(poll_interval=0.05), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def test_an_answer_tells_the_time(plain_server):
    assert "date" in transport.ask("GET", plain_server).headers

"""Each door through whatever stands in front of it, as `doctor` sees it."""

from types import SimpleNamespace
from typing import Any

import pytest

from accounts import upstream_providers
from idp.doctor import doors
from tests.idp.doctor.conftest import NO_ANSWER, US, World, failed, good, skipped

pytestmark = pytest.mark.django_db
HTML = {"content-type": "text/html; charset=utf-8", "set-cookie": "csrf=1"}
ORIGIN = {"access-control-allow-origin": "*"}
METADATA = {"issuer": f"{US}/", "token_endpoint": f"{US}/oauth2/token", "jwks_uri": f"{US}/oauth2/keys.json"}
PAGE = b'<link rel="stylesheet" href="/static/latchkey/pages.1f.css">'
WELL: dict[str, dict[tuple[str, str], Any]] = {
    "door-session": {("GET", "/loki/v1/get_challenge"): (200, {"cipherText64": "x", "serverPubKey64": "y"})},
    "door-matrix": {
        ("GET", "/_matrix/client/versions"): (200, {"versions": ["v1.15"]}),
        ("GET", "/_matrix/client/v3/login"): (200, {"flows": [{}]}),
    },
    "door-otp": {("GET", "/api/me"): (401, {}, {"www-authenticate": "Bearer"})},
    "door-oauth": {
        ("GET", "/.well-known/openid-configuration"): (200, METADATA),
        ("GET", "/.well-known/oauth-authorization-server"): (200, METADATA),
        ("GET", "/oauth2/keys.json"): (200, {"keys": [{}]}),
    },
    "door-pages": {
        ("GET", "/account/login/"): (200, PAGE, HTML),
        ("GET", "/static/latchkey/pages.1f.css"): (200, b"", {"content-type": "text/css"}),
    },
    "admin": {("GET", "/admin/login/"): (200, b"", HTML)},
    "cors": {
        ("OPTIONS", "/_matrix/client/v3/login"): (200, {}, ORIGIN),
        ("GET", "/_matrix/client/v3/account/whoami"): (401, {}, ORIGIN),
        ("OPTIONS", "/loki/v1/submit_challenge"): (200, {}, ORIGIN),
        ("GET", "/api/me"): (401, {}, ORIGIN),
        ("OPTIONS", "/oauth2/token"): (200, {}, ORIGIN),
    },
}


@pytest.mark.parametrize("name", WELL)
def test_a_door_that_answers_is_good(world: World, name):
    world.said |= WELL[name]
    assert good(name)


@pytest.mark.parametrize(
    ("name", "question"), [(name, question) for name, questions in WELL.items() for question in questions]
)
@pytest.mark.parametrize("says", [NO_ANSWER, (502, b"<html>Bad Gateway</html>", {"content-type": "text/html"})])
def test_a_door_that_does_not_answer_is_told_with_its_path(world: World, name, question, says):
    world.said |= WELL[name] | {question: says}
    told = failed(name)
    assert question[1] in told
    assert ("no answer" in told) is (says is NO_ANSWER) or name == "cors"
    if says is NO_ANSWER:
        assert "check DNS" in told or name == "cors"


@pytest.mark.parametrize(
    ("name", "question", "says", "words"),
    [
        ("door-session", ("GET", "/loki/v1/get_challenge"), (200, b"<p>hello"), "something else"),
        ("door-matrix", ("GET", "/_matrix/client/versions"), (200, {"versions": []}), "something else"),
        ("door-matrix", ("GET", "/_matrix/client/v3/login"), (200, {}), "something else"),
        ("door-otp", ("GET", "/api/me"), (401, {}), "/api/me: 401"),
        (
            "door-oauth",
            ("GET", "/.well-known/oauth-authorization-server"),
            (200, METADATA | {"issuer": "http://x/"}),
            "http://x/",
        ),
        (
            "door-oauth",
            ("GET", "/.well-known/openid-configuration"),
            (200, METADATA | {"token_endpoint": "http://10.0.0.1/oauth2/token"}),
            "token_endpoint lie elsewhere",
        ),
        ("door-oauth", ("GET", "/oauth2/keys.json"), (200, {"keys": []}), "something else"),
        ("door-pages", ("GET", "/account/login/"), (200, PAGE, {"content-type": "text/html"}), "sets no cookie"),
        ("door-pages", ("GET", "/account/login/"), (200, b"<p>", HTML), "no style sheet"),
        ("admin", ("GET", "/admin/login/"), (403, b"", HTML), "/admin/login/: 403"),
        ("cors", ("GET", "/api/me"), (401, {}, {"access-control-allow-origin": "*, *"}), "GET /api/me: *, *"),
        ("cors", ("GET", "/api/me"), (401, {}), "GET /api/me: nothing"),
        (
            "cors",
            ("OPTIONS", "/oauth2/token"),
            (200, {}, ORIGIN | {"access-control-allow-credentials": "true"}),
            "with credentials",
        ),
    ],
)
def test_what_a_proxy_spoils_is_found(world: World, name, question, says, words):
    world.said |= WELL[name] | {question: says}
    assert words in failed(name)


def test_the_laverna_door_answers_for_nobody(world: World, monkeypatch):
    monkeypatch.setattr(doors.asking, "nobody", lambda: "nobody")
    for says, is_good in (((200, {}), True), ((404, {}), True), ((502, b""), False), ((404, b"", HTML), False)):
        world.said["GET", "/api/users/name/nobody"] = says
        assert good("door-openpgp") if is_good else failed("door-openpgp")


def test_lists_and_switches_are_no_failures(world: World, settings):
    world.said["GET", "/loki/v1/get_challenge"] = (401, {"error": "not allowed"})
    assert "admit no stranger" in good("door-session")
    settings.OAUTH = False
    assert "OAUTH is off" in skipped("door-oauth")
    settings.MATRIX_LEGACY_LOGIN = False
    world.said["GET", "/_matrix/client/versions"] = (200, {"versions": ["v1"]})
    assert good("door-matrix")
    settings.ADMIN_NETWORKS = ["10.0.0.0/8"]
    world.said["GET", "/admin/login/"] = (403, b"", HTML)
    assert "closed to this network" in good("admin")


def test_upstream_providers_are_asked_for_their_metadata(world: World, monkeypatch):
    assert "no upstream provider" in skipped("upstream")
    corp = SimpleNamespace(name="Corp", settings={"server_url": "https://corp.example/realm"})
    monkeypatch.setattr(upstream_providers, "listed", lambda: [corp])
    where = ("GET", "https://corp.example/realm/.well-known/openid-configuration")
    world.said[where] = (200, {"issuer": "https://corp.example/realm"})
    assert good("upstream") == "Corp"
    world.said[where] = (404, {})
    assert "Corp: https://corp.example/realm/.well-known/openid-configuration: 404" in failed("upstream")


def test_no_secret_is_sent_to_any_door(world: World, settings):
    settings.MATRIX_HOMESERVER_SECRET = settings.METRICS_TOKEN = "hushhush"
    for name, answers in WELL.items():
        world.said |= answers
        good(name)
    assert "hushhush" not in str(world.asked)
    assert settings.SECRET_KEY not in str(world.asked)

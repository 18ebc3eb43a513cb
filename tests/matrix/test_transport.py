"""Transport, errors, discovery (matrix.md §1, §2, §13)."""

import json

import pytest

from tests.matrix.people import API, register

pytestmark = pytest.mark.django_db
CORS = {
    "access-control-allow-origin": "*",
    "access-control-allow-methods": "GET, HEAD, POST, PUT, DELETE, OPTIONS",
    "access-control-allow-headers": "X-Requested-With, Content-Type, Authorization, Date",
    "access-control-expose-headers": "Retry-After",
}


def error(answer):
    return answer.status, answer.json()["errcode"]


def has_cors(answer):
    return CORS.items() <= dict(answer.headers).items()


@pytest.mark.parametrize(
    ("method", "path", "status", "errcode"),
    [
        ("GET", "/_matrix/client/v3/sync", 404, "M_UNRECOGNIZED"),
        ("POST", "/_matrix/client/v3/nonsense", 404, "M_UNRECOGNIZED"),
        ("GET", "/_matrix/", 404, "M_UNRECOGNIZED"),
        ("GET", "/_synapse/admin/v1/users", 404, "M_UNRECOGNIZED"),
        ("GET", f"{API}/login/", 404, "M_UNRECOGNIZED"),
        ("POST", "/_matrix/client/v3/login/get_token", 404, "M_UNRECOGNIZED"),
        ("GET", "/_matrix/client/v3/register/m.login.registration_token/validity", 404, "M_UNRECOGNIZED"),
        ("GET", "/_matrix/client/api/v1/devices", 404, "M_UNRECOGNIZED"),
        ("DELETE", f"{API}/login", 405, "M_UNRECOGNIZED"),
        ("POST", f"{API}/account/whoami", 405, "M_UNRECOGNIZED"),
        ("GET", f"{API}/register", 405, "M_UNRECOGNIZED"),
        ("GET", f"{API}/account/whoami", 401, "M_MISSING_TOKEN"),
        ("GET", "/.well-known/matrix/client", 404, "M_NOT_FOUND"),
        ("GET", "/.well-known/matrix/nonsense", 404, "M_UNRECOGNIZED"),
    ],
)
def test_errors_have_their_form_and_cors(client, method, path, status, errcode):
    answer = client.request(method, path)
    assert error(answer) == (status, errcode)
    assert isinstance(answer.json()["error"], str)
    assert has_cors(answer)
    assert answer.header("cache-control") == "no-cache, no-store, must-revalidate"
    if status == 405:
        assert "OPTIONS" in answer.header("allow")


@pytest.mark.parametrize("path", [f"{API}/login", f"{API}/account/whoami", f"{API}/devices/X", "/_matrix/nonsense"])
def test_a_preflight_is_204_on_any_path(client, path):
    answer = client.request("OPTIONS", path, headers={"Authorization": "Bearer nonsense"})
    assert (answer.status, answer.body) == (204, b"")
    assert has_cors(answer)
    assert answer.header("access-control-allow-credentials") is None


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", None])
def test_a_body_is_json_whatever_it_calls_itself(client, kind):
    body = json.dumps({"type": "m.login.password"}).encode()
    headers = {"Content-Type": kind} if kind else {}
    assert error(client.post(f"{API}/login", body=body, headers=headers)) == (400, "M_MISSING_PARAM")


@pytest.mark.parametrize(
    ("body", "errcode"),
    [
        (b"", "M_NOT_JSON"),
        (b"not json", "M_NOT_JSON"),
        (b'{"a":1', "M_NOT_JSON"),
        (b"\xff\xfe", "M_NOT_JSON"),
        (b'{"type":"\\ud800"}', "M_NOT_JSON"),
        (b"[" * 100_00, "M_NOT_JSON"),
        (b"[]", "M_BAD_JSON"),
        (b'"text"', "M_BAD_JSON"),
        (b"null", "M_BAD_JSON"),
    ],
)
@pytest.mark.parametrize("path", [f"{API}/login", f"{API}/register", f"{API}/refresh", f"{API}/account/password"])
def test_bodies_that_are_no_json_object(client, path, body, errcode):
    assert error(client.post(path, body=body)) == (400, errcode)


def test_a_body_over_64_kib_is_refused(client):
    answer = client.post(f"{API}/login", body=b'{"type":"' + b"x" * 65_536 + b'"}')
    assert error(answer) == (413, "M_TOO_LARGE")
    assert has_cors(answer)


def test_an_empty_body_counts_as_an_object_where_section_1_says(client):
    ann = register(client, "ann")
    for method, path in (
        ("POST", "/_matrix/client/v1/login/get_token"),
        ("POST", f"{API}/account/deactivate"),
        ("DELETE", f"{API}/devices/X"),
    ):
        assert set(client.request(method, path, token=ann.token).json()) == {"session", "flows", "params"}
    assert error(client.post(f"{API}/delete_devices", token=ann.token)) == (400, "M_NOT_JSON")
    assert client.post(f"{API}/logout", token=ann.token).json() == {}


def test_head_works_wherever_get_does(client):
    ann = register(client, "ann")
    paths = ("login", "account/whoami", "devices", f"devices/{ann.device_id}", "capabilities", "profile/@ann:localhost")
    for path in (*(f"{API}/{path}" for path in paths), "/_matrix/client/versions"):
        answer = client.request("HEAD", path, token=ann.token)
        assert (answer.status, answer.body) == (200, b""), path


def test_versions_name_what_is_served_and_may_be_cached(client):
    answer = client.get("/_matrix/client/versions", headers={"Authorization": "Bearer nonsense"})
    assert {"r0.0.1", "r0.6.1", "v1.1", "v1.14"} <= set(answer.json()["versions"])
    assert "v1.15" in answer.json()["versions"]  # its OAuth metadata is served
    assert answer.json()["unstable_features"]["org.matrix.msc3882"] is True
    assert answer.header("cache-control") == "public, max-age=600"


def test_the_well_known_is_served_once_the_public_url_is_set(client, settings):
    settings.PUBLIC_URL_IS_SET, settings.PUBLIC_URL = True, "https://id.example.org"
    answer = client.get("/.well-known/matrix/client")
    here = {"issuer": "https://id.example.org/", "account": "https://id.example.org/account/"}
    told = {"m.homeserver": {"base_url": here["issuer"]}, "org.matrix.msc2965.authentication": here}
    assert answer.json() == told
    assert "max-age" in answer.header("cache-control")
    assert has_cors(answer)
    register(client, "ann")
    login = client.post(
        f"{API}/login", data={"type": "m.login.password", "user": "ann", "password": "correct horse battery"}
    )
    assert login.json()["well_known"] == told

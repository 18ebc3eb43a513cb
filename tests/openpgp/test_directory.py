"""The public directory, the forms of bodies and names, CORS on every answer (laverna.md §1, §2)."""

from urllib.parse import quote

import pytest

from accounts import credentials, users
from accounts.models import OpenPGPKey, User
from tests.openpgp.door import FORM, Person, log_in, register, registered

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def wide(settings):
    settings.RATE_LIMIT_SCALE = 100


def test_a_person_is_found_by_name_and_by_fingerprint_in_any_case(client):
    person = registered(client, "alice")
    whole = {"username": "alice", "fingerprint": person.fingerprint, "publicKey": person.armored}
    for path in (
        "name/alice",
        "name/ALICE",
        "name/%61lice",
        f"fingerprint/{person.fingerprint}",
        f"fingerprint/{person.fingerprint.upper()}",
    ):
        answer = client.get(f"/api/users/{path}")
        assert (answer.status, answer.json()) == (200, whole), path
        assert answer.header("content-type").startswith("application/json")
    head = client.request("HEAD", "/api/users/name/alice")
    assert (head.status, head.body) == (200, b"")


def test_a_key_is_served_byte_for_byte(client):
    person = Person()
    text = "\r\n" + person.armored.replace("\n", "\r\n") + "\r\n \r\n"
    fields = {"username": "alice", "publicKey": text}
    assert client.post("/api/users", data=fields).status == 200
    assert client.get("/api/users/name/alice").json()["publicKey"] == text


@pytest.mark.parametrize(
    "path",
    [
        "name/nobody",
        "name/%20",
        "name/%00",
        "name/%ff",
        "name/a%2Fb",
        "name/" + "a" * 300,
        "fingerprint/00",
        "fingerprint/" + "0" * 40,
        "fingerprint/%00",
    ],
)
def test_who_is_not_there_is_a_404(client, path):
    answer = client.get(f"/api/users/{path}")
    assert (answer.status, answer.json()) == (404, {"message": "Not Found"})
    assert answer.header("access-control-allow-origin") == "*"


def test_an_account_without_a_key_is_a_404_and_its_name_is_taken_all_the_same(client):
    users.create("bob", password="correct horse battery")
    assert client.get("/api/users/name/bob").status == 404
    assert register(client, Person("bob")).status == 400


def test_names_of_other_doors_are_found_percent_encoded(client):
    for number, name in enumerate(("a/b", "a=b", "UPPER", "username")):
        user = User.objects.create(username=name, folded_username=name.lower())
        OpenPGPKey.objects.create(user=user, fingerprint=f"{number}" * 40, armored="x")
        encoded = quote(name, safe="")
        assert client.get(f"/api/users/name/{encoded}").json()["username"] == name
        assert client.get(f"/api/token/{encoded}").status == 200
        assert client.get(f"/api/token/username/{encoded}").status == 200
    assert client.get("/api/users/name/a/b").status == 404
    assert client.get("/api/token/a/b").status == 404


def test_a_deactivated_account_is_gone_and_a_locked_one_is_not(client):
    registered(client, "alice")
    users.lock(users.get("alice"))
    assert client.get("/api/users/name/alice").status == 200
    users.unlock(users.get("alice"))
    users.deactivate(users.get("alice"))
    assert client.get("/api/users/name/alice").status == 404


def test_only_the_published_key_is_served(client):
    person, other = registered(client, "alice"), Person("alice")
    key = OpenPGPKey.objects.create(
        user=users.get("alice"), fingerprint=other.fingerprint, armored=other.armored, is_published=False
    )
    assert client.get("/api/users/name/alice").json()["fingerprint"] == person.fingerprint
    assert client.get(f"/api/users/fingerprint/{other.fingerprint}").status == 404
    credentials.publish_openpgp_key(key.user, key.fingerprint)
    assert client.get("/api/users/name/alice").json()["fingerprint"] == other.fingerprint
    assert client.get(f"/api/users/fingerprint/{person.fingerprint}").status == 404


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/api/users/name/nobody", b"", 404),
        ("GET", "/api/users/fingerprint/xyz", b"", 404),
        ("GET", "/api/users", b"", 405),
        ("GET", "/api/auth", b"", 405),
        ("PUT", "/api/auth", b"", 405),
        ("POST", "/api/token/alice", b"", 405),
        ("POST", "/api/users", b"{", 400),
        ("POST", "/api/users", b"", 400),
        ("POST", "/api/users", b"x" * 102_401, 413),
        ("POST", "/api/auth", b"x" * 102_401, 413),
        ("POST", "/api/auth", b"", 200),
        ("PUT", "/api/users/name/nobody", b"{}", 404),
        ("DELETE", "/api/users/name/nobody", b"{}", 404),
        ("GET", "/api/users/", b"", 404),
        ("POST", "/api/users/", b"{}", 404),
        ("POST", "/api/auth/", b"{}", 404),
        ("GET", "/api/users/name/", b"", 404),
        ("GET", "/api/token/", b"", 404),
        ("GET", "/api/token/alice/", b"", 404),
        ("GET", "/api/token/username/", b"", 404),
        ("GET", "/api/token", b"", 404),
        ("GET", "/api/nothing", b"", 404),
        ("GET", "/api/users/me/keys", b"", 401),
        ("POST", "/api/users/me/keys/token", b"", 401),
    ],
)
def test_every_answer_is_json_with_cors_and_none_redirects(client, method, path, body, status):
    answer = client.request(method, path, body=body)
    assert answer.status == status
    assert answer.header("access-control-allow-origin") == "*"
    assert answer.header("access-control-allow-credentials") is None
    assert answer.header("content-type").startswith("application/json")
    assert answer.header("set-cookie") is None
    assert isinstance(answer.json()["message"], str)


@pytest.mark.parametrize(
    "path",
    [
        "/api/users",
        "/api/users/name/alice",
        "/api/users/fingerprint/00",
        "/api/token/alice",
        "/api/token/username/alice",
        "/api/auth",
        "/api/users/me/keys",
    ],
)
def test_a_preflight_grants_the_headers_it_asks_for(client, path):
    asked = {
        "Origin": "https://app.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type,x-own",
    }
    answer = client.request("OPTIONS", path, headers=asked)
    assert (answer.status, answer.body) == (204, b"")
    assert answer.header("access-control-allow-origin") == "*"
    assert answer.header("access-control-allow-headers") == "content-type,x-own"
    assert "POST" in answer.header("access-control-allow-methods")
    odd = client.request("OPTIONS", path, headers={"Access-Control-Request-Headers": "a\tb;c"})
    assert odd.header("access-control-allow-headers") == "X-Requested-With, Content-Type, Authorization"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"{", "application/json"),
        (b"[]", "application/json"),
        (b"null", "application/json"),
        (b"7", "application/json"),
        (b'"x"', "application/json"),
        (b"\xff\xfe", "application/json"),
        (b'{"username":"a","username":"b"}', "application/json"),
        (b'{"username":"\\ud800","publicKey":"x"}', "application/json"),
        (b'{"username":"a\\u0000","publicKey":"x"}', "application/json"),
        (b'{"username":NaN}', "application/json"),
        (b'{"username":' + b"9" * 5000 + b"}", "application/json"),
        (b"[" * 20_000, "application/json"),
        (b"username=%ff&publicKey=x", FORM),
        (b"username=a%00&publicKey=x", FORM),
        (b"\xff\xfe", FORM),
        (b"username=alice&username=bob&publicKey=x", FORM),
        (b"&".join(b"a=b" for _ in range(101)), FORM),
        (b"--x\r\n\r\n", "multipart/form-data; boundary=x"),
        (b"username=alice", "text/plain"),
    ],
)
def test_a_malformed_body_is_a_400_and_at_the_login_nobody(client, body, kind):
    headers = {"content-type": kind}
    for path in ("/api/users", "/api/users/me/keys"):
        answer = client.post(path, body=body, headers=headers)
        assert answer.status in {400, 401}, path
        assert answer.json().keys() == {"message"}
    answer = client.post("/api/auth", body=body, headers=headers)
    assert (answer.status, answer.json()) == (200, {"success": False, "message": "User not found"})


def test_look_ups_of_one_address_are_limited(client, settings, standing_clock):
    settings.RATE_LIMIT_SCALE = 1
    statuses = [client.get("/api/users/name/nobody").status for _ in range(61)]
    assert statuses == [404] * 60 + [429]
    answer = client.get("/api/users/fingerprint/00")
    assert answer.status == 429
    assert int(answer.header("retry-after")) >= 1
    assert answer.header("access-control-allow-origin") == "*"


def test_the_small_api_takes_the_auth_token(client):
    token = log_in(client, registered(client, "alice"))
    answer = client.get("/api/me", token=token).json()
    assert (answer["username"], answer["flow"], answer["amr"]) == ("alice", "openpgp", ["hwk"])

"""The session token and the login: every answer in its order, tokens, limits (laverna.md §3, §4; R15, R28, R35)."""

import base64
import hmac
import json
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.conf import settings as django_settings

from accounts import key_rings, rules, tokens, users
from accounts.errors import Refusal
from accounts.models import AuditEvent, Challenge, OpenPGPKey, Token
from challenges.openpgp import jwts, sign_in
from tests.openpgp.door import Person, auth, log_in, new_key, registered, send, session_token, status_of

pytestmark = pytest.mark.django_db
NOT_FOUND = {"success": False, "message": "User not found"}
WRONG_KEY = {"success": False, "message": "Wrong fingerprint"}
INVALID = {"success": False, "message": "Invalid signature"}


@pytest.fixture(autouse=True)
def wide(settings):
    settings.RATE_LIMIT_SCALE = 100


@pytest.fixture
def alice(client):
    return registered(client, "alice")


def claims(token):
    header, payload, _ = token.split(".")
    return tuple(json.loads(base64.urlsafe_b64decode(part + "==")) for part in (header, payload))


def encoded(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def forged(token, *, key=None, header=(), payload=()):
    old_header, old_payload = claims(token)
    text = f"{encoded({**old_header, **dict(header)})}.{encoded({**old_payload, **dict(payload)})}"
    mac = hmac.digest(key or b"another", text.encode(), "sha256")
    return f"{text}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"


@pytest.mark.parametrize(
    "path", ["/api/token/alice", "/api/token/username/alice", "/api/token/ALICE", "/api/token/%20Alice%20"]
)
def test_both_spellings_give_a_session_token(client, alice, path):
    answer = client.get(path)
    assert answer.status == 200
    assert answer.json().keys() == {"sessionToken"}
    assert answer.header("cache-control") == "no-store"
    header, payload = claims(answer.json()["sessionToken"])
    assert (header["alg"], header["typ"]) == ("HS256", "openpgp-session+jwt")
    assert payload["sessionTokenFor"] == "alice"
    assert payload["exp"] - payload["iat"] == 480
    assert len(payload["jti"]) == 32
    assert payload["iss"] == django_settings.PUBLIC_URL
    assert not Challenge.objects.exists()
    assert client.request("HEAD", path).status == 200


def test_the_names_refresh_and_username_are_names_like_any_other(client):
    for name, paths in (("refresh", ["refresh", "username/refresh"]), ("username", ["username", "username/username"])):
        for path in paths:
            assert client.get(f"/api/token/{path}").status == 404
        registered(client, name)
        for path in paths:
            answer = client.get(f"/api/token/{path}")
            assert claims(answer.json()["sessionToken"])[1]["sessionTokenFor"] == name
    assert client.post("/api/token/refresh", data={}).json()["error"] == "invalid_request"


def test_a_session_token_of_nobody_is_a_404_unless_users_are_hidden(client, alice, settings):
    assert client.get("/api/token/nobody").status == 404
    settings.OPENPGP_HIDE_USERS = True
    token = client.get("/api/token/nobody").json()["sessionToken"]
    assert claims(token)[1]["sessionTokenFor"] == "nobody"
    assert auth(client, Person("nobody"), Person("nobody").answer(token)).json() == NOT_FOUND
    assert auth(client, alice, alice.answer(session_token(client, alice))).json()["success"] is True


@pytest.mark.parametrize("form", [False, True], ids=["json", "form"])
def test_a_signed_answer_gives_an_auth_token(client, alice, form):
    fields = alice.credentials(alice.answer(session_token(client, alice)))
    fields |= {"username": "ALICE", "fingerprint": alice.fingerprint.upper()}
    answer = send(client, "POST", "/api/auth", fields, form=form)
    assert answer.status == 200
    body = answer.json()
    assert body.keys() == {"success", "token"}
    header, payload = claims(body["token"])
    assert header["typ"] == "openpgp-auth+jwt"
    assert payload["loggedInAs"] == "alice"
    assert payload["fingerprint"] == alice.fingerprint
    assert payload["exp"] - payload["iat"] == 86_400
    row = Token.objects.get()
    assert (row.flow, row.credential, row.user.username) == ("openpgp", alice.fingerprint, "alice")
    assert int(row.expires_at.timestamp()) == payload["exp"]
    assert OpenPGPKey.objects.get().last_used_at
    assert AuditEvent.objects.filter(event="login", outcome="success", subject="alice").count() == 1


@pytest.mark.parametrize("username", ["nobody", "", None, 7, ["alice"], {}, ..., "alice\u0000", "\ud800", "a" * 300])
def test_an_unknown_user_comes_first(client, alice, username):
    fields = {"username": username, "fingerprint": "00", "signature": "x"}
    body = json.dumps({name: value for name, value in fields.items() if value is not ...}).encode()
    answer = client.post("/api/auth", body=body, headers={"content-type": "application/json"})
    assert (answer.status, answer.json()) == (200, NOT_FOUND)


@pytest.mark.parametrize("fingerprint", ["", None, 7, [], ..., "00", "0" * 40])
def test_another_fingerprint_comes_second(client, alice, fingerprint):
    assert auth(client, alice, "x", fingerprint=fingerprint).json() == WRONG_KEY
    assert auth(client, alice, alice.answer(session_token(client, alice)), fingerprint=fingerprint).json() == WRONG_KEY


@pytest.mark.parametrize(
    "signature", ["", None, 7, [], {}, ..., "x", "-----BEGIN PGP SIGNED MESSAGE-----", "x" * 50_000]
)
def test_what_is_no_signature_is_invalid(client, alice, signature):
    answer = auth(client, alice, signature)
    assert (answer.status, answer.json()) == (200, INVALID)


@pytest.mark.parametrize(
    "payload",
    [
        "null",
        "[]",
        "7",
        '"x"',
        "",
        "{",
        "{}",
        "true",
        "[" * 20_000,
        '{"a":' * 10_000,
        "nothing",
        '{"username":"alice","username":"alice"}',
        '{"username":NaN}',
    ],
)
def test_a_signed_text_that_is_no_such_object_is_invalid(client, alice, payload):
    assert auth(client, alice, alice.signed(payload)).json() == INVALID


@pytest.mark.parametrize(
    "change",
    [
        {"username": "bob"},
        {"username": 7},
        {"username": None},
        {"username": ...},
        {"username": "alice "},
        {"msg": "signal_auth_request"},
        {"msg": "DELETE_REQUEST"},
        {"msg": None},
        {"msg": ...},
        {"msg": ["SIGNAL_AUTH_REQUEST"]},
        {"sessionToken": ...},
        {"sessionToken": None},
        {"sessionToken": 7},
        {"sessionToken": ""},
        {"sessionToken": "x.y.z"},
    ],
)
def test_a_payload_that_says_something_else_is_invalid(client, alice, change):
    payload = {"sessionToken": session_token(client, alice), "msg": "SIGNAL_AUTH_REQUEST", "username": "alice"} | change
    text = alice.signed({name: value for name, value in payload.items() if value is not ...})
    assert auth(client, alice, text).json() == INVALID
    assert not Token.objects.exists()
    assert not Challenge.objects.exists(), "a refused answer uses nothing up"


def test_case_order_and_further_members_of_a_payload_are_no_matter(client, alice):
    payload = {"publicKey": "other", "x": {"y": [1]}, "username": "ALICE", "msg": "SIGNAL_AUTH_REQUEST"}
    text = alice.signed(json.dumps({**payload, "sessionToken": session_token(client, alice)}, indent=1))
    assert auth(client, alice, text).json()["success"] is True


def test_a_captured_signature_logs_in_once(client, alice):
    signature = alice.answer(session_token(client, alice))
    assert auth(client, alice, signature).json()["success"] is True
    assert auth(client, alice, signature).json() == INVALID
    assert Token.objects.count() == 1


def test_a_session_token_is_used_once_whoever_signs_again(client, alice):
    token = session_token(client, alice)
    assert auth(client, alice, alice.answer(token)).json()["success"] is True
    assert auth(client, alice, alice.answer(token, further="x")).json() == INVALID


def test_anothers_session_token_and_anothers_key_are_invalid(client, alice):
    bob = registered(client, "bob")
    assert auth(client, alice, alice.answer(session_token(client, bob))).json() == INVALID
    token = session_token(client, alice)
    assert auth(client, alice, Person("alice", bob.key).answer(token)).json() == INVALID
    assert auth(client, alice, alice.answer(token)).json()["success"] is True


def test_no_token_of_this_door_passes_as_another(client, alice):
    session = session_token(client, alice)
    token = log_in(client, alice)
    assert auth(client, alice, alice.answer(token)).json() == INVALID
    assert jwts.read_auth(session) is None
    assert jwts.read_session(token) is None
    assert client.get("/api/me", token=session).status == 401
    assert client.get("/token", token=token).status == 401
    assert client.get("/_matrix/client/v3/account/whoami", token=token).status == 401


def test_no_forged_token_is_one(client, alice):
    token = session_token(client, alice)
    _, key = key_rings.derived("openpgp-session", django_settings.SECRET_KEY)
    assert jwts.read_session(forged(token, key=key)), "the test does not sign as the server does"
    other = key_rings.derived("openpgp-auth", django_settings.SECRET_KEY)[1]
    for bad in (
        forged(token),
        forged(token, key=other),
        forged(token, key=key, header={"alg": "none"}),
        forged(token, key=key, header={"kid": "other"}),
        forged(token, key=key, header={"typ": "openpgp-auth+jwt"}),
        forged(token, key=key, header={"jku": "https://evil.example"}),
        forged(token, key=key, payload={"aud": "https://evil.example"}),
        forged(token, key=key, payload={"iss": "https://evil.example"}),
        forged(token, key=key, payload={"exp": "x"}),
        forged(token, key=key, payload={"sessionTokenFor": 7}),
        forged(token, key=key, payload={"jti": None}),
        token.rsplit(".", 1)[0] + ".",
        token + "x",
    ):
        assert jwts.read_session(bad) is None, bad
        assert auth(client, alice, alice.answer(bad)).json() == INVALID


def test_a_session_token_has_its_time(client, alice):
    now = datetime.now(UTC)
    with time_machine.travel(now - timedelta(seconds=481), tick=False):
        late = session_token(client, alice)
    with time_machine.travel(now - timedelta(seconds=470), tick=False):
        early = session_token(client, alice)
    assert auth(client, alice, alice.answer(late)).json() == INVALID
    assert auth(client, alice, alice.answer(early)).json()["success"] is True


def test_a_signature_older_than_its_token_is_invalid(client, alice):
    now = datetime.now(UTC)
    with time_machine.travel(now + timedelta(seconds=290), tick=False):
        token = session_token(client, alice)
        assert auth(client, alice, alice.answer(token)).json()["success"] is True
    with time_machine.travel(now + timedelta(seconds=310), tick=False):
        token = session_token(client, alice)
        assert auth(client, alice, alice.answer(token)).json() == INVALID


def test_an_expired_key_opens_nothing_any_more(client):
    person = Person("alice", new_key(validity_seconds=3600))
    assert client.post("/api/users", data={"username": "alice", "publicKey": person.armored}).status == 200
    assert log_in(client, person)
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=2), tick=False):
        assert auth(client, person, person.answer(session_token(client, person))).json() == INVALID


@pytest.mark.parametrize(("field", "pattern"), [("username", "alice"), ("fingerprint", ...), ("ip", "203.0.113.7")])
def test_a_deny_holds_at_every_step_and_ends_what_was_open(client, alice, field, pattern):
    token, challenge = log_in(client, alice), session_token(client, alice)
    rules.add("deny", field, alice.fingerprint if pattern is ... else pattern)
    assert client.get("/api/token/alice").status == 404
    assert auth(client, alice, alice.answer(challenge)).json() == INVALID
    assert status_of(client, token) in {401, 403}
    with pytest.raises(Refusal):
        sign_in.bearer(token, username="alice", ip="203.0.113.7")
    assert bool(Token.objects.get().revoked_at) is (field != "ip")


def test_whitelist_mode_admits_only_who_is_on_it(client, alice):
    challenge = session_token(client, alice)
    rules.set_mode("openpgp", whitelist=True)
    assert auth(client, alice, alice.answer(challenge)).json() == INVALID
    rules.add("allow", "fingerprint", alice.fingerprint, flow="openpgp")
    assert auth(client, alice, alice.answer(challenge)).json()["success"] is True


def test_a_locked_account_is_refused_like_a_wrong_signature_and_gets_its_token_back(client, alice):
    token = log_in(client, alice)
    users.lock(users.get("alice"))
    assert auth(client, alice, alice.answer(session_token(client, alice))).json() == INVALID
    assert status_of(client, token) == 401
    users.unlock(users.get("alice"))
    assert status_of(client, token) == 200


def test_a_deactivated_account_is_nobody(client, alice):
    challenge = session_token(client, alice)
    users.deactivate(users.get("alice"))
    assert auth(client, alice, alice.answer(challenge)).json() == NOT_FOUND


def test_failures_are_limited_by_user_and_address_and_then_nothing_is_verified(client, alice, settings, standing_clock):
    settings.RATE_LIMIT_SCALE = 1
    good = alice.answer(session_token(client, alice))
    for number in range(10):
        assert auth(client, alice, "x").json() == INVALID, number
    answer = auth(client, alice, good)
    assert answer.status == 429
    assert answer.json() == {"success": False, "message": "Too many requests, try again later"}
    assert int(answer.header("retry-after")) >= 1
    assert answer.header("access-control-allow-origin") == "*"
    assert auth(client, alice, "x", username="nobody").json() == NOT_FOUND
    client.address = "203.0.113.8"
    assert auth(client, alice, good).json()["success"] is True
    assert AuditEvent.objects.filter(event="login", outcome="refused").count() == 10


def test_a_login_tells_no_more_names_than_the_directory(client, alice, settings, standing_clock):
    settings.RATE_LIMIT_SCALE = 1
    good = alice.answer(session_token(client, alice))
    for number in range(60):
        assert auth(client, alice, "x", username=f"nobody{number}").json() == NOT_FOUND
    told = [auth(client, alice, "x", username="nobody"), auth(client, alice, "x", fingerprint="0" * 40)]
    assert [answer.status for answer in told] == [429, 429]
    assert told[0].body == told[1].body
    assert client.get("/api/users/name/alice").status == 429
    assert auth(client, alice, good).json()["success"] is True


def test_session_tokens_of_one_address_are_limited(client, alice, settings, standing_clock):
    settings.RATE_LIMIT_SCALE = 1
    client.address = "203.0.113.9"
    assert [client.get("/api/token/alice").status for _ in range(31)] == [200] * 30 + [429]


def test_the_bearer_is_who_the_token_names_and_no_other(client, alice):
    registered(client, "bob")
    token = log_in(client, alice)
    for name in ("alice", "ALICE", " alice "):
        found = sign_in.bearer(token, username=name, ip="")
        assert (found.username, found.credential) == ("alice", alice.fingerprint)
    for wrong in ("bob", "", "nobody", "\x00", "a" * 300):
        with pytest.raises(Refusal):
            sign_in.bearer(token, username=wrong, ip="")
    for text in ("", "x", session_token(client, alice), token[:-1]):
        with pytest.raises(Refusal):
            sign_in.bearer(text, username="alice", ip="")
    tokens.revoke(Token.objects.all(), reason="test")
    with pytest.raises(Refusal):
        sign_in.bearer(token, username="alice", ip="")


def test_the_session_token_needs_few_constant_queries(client, alice, django_assert_num_queries):
    client.get("/api/token/alice")
    with django_assert_num_queries(1):
        sign_in.session_token("alice", ip="203.0.113.7")


def test_no_refusal_tells_what_was_sent(client, alice, caplog):
    caplog.set_level("DEBUG")
    signature = alice.answer(session_token(client, alice), msg="other", secret="a-secret-member")
    assert auth(client, alice, signature).json() == INVALID
    assert "a-secret-member" not in caplog.text
    assert signature[60:90] not in caplog.text
    assert all("a-secret-member" not in f"{event.facts} {event.reason}" for event in AuditEvent.objects.all())

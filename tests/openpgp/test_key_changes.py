"""PUT and DELETE of a name by a signature alone (laverna.md §6.11; one-origin.md §3)."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from pysequoia import Cert

from accounts import credentials, users
from accounts.models import AuditEvent, OpenPGPKey, Token, User
from challenges.openpgp.verifying import read_certificate
from tests.openpgp.door import Person, auth, log_in, new_key, register, registered, send, session_token, status_of

pytestmark = pytest.mark.django_db
UPDATE, DELETE = "KEY_UPDATE_REQUEST", "DELETE_REQUEST"


@pytest.fixture(autouse=True)
def wide(settings):
    settings.RATE_LIMIT_SCALE = 100


@pytest.fixture
def alice(client):
    return registered(client, "alice")


def renewed(person, **more):
    """The same key with another user id: a newer copy."""
    return str(person.key.extract_certificate().add_user_id("More <more@example.org>", person.key.certifier()))


def ending(person, at):
    return str(person.key.extract_certificate().set_expiration(at, person.key.certifier()))


def revoked(person):
    cert = person.key.extract_certificate()
    return str(cert.merge(Cert.from_bytes(bytes(cert) + bytes(cert.revoke(person.key.certifier())))))


def put(client, person, armored, *, signature=None, form=False, **more):
    signature = signature or person.answer(session_token(client, person), UPDATE, **more)
    return send(
        client, "PUT", f"/api/users/name/{person.name}", {"signature": signature, "publicKey": armored}, form=form
    )


def delete(client, person, *, signature=None, form=False):
    signature = signature or person.answer(session_token(client, person), DELETE)
    return send(client, "DELETE", f"/api/users/name/{person.name}", {"signature": signature}, form=form)


@pytest.mark.parametrize("form", [False, True], ids=["json", "form"])
def test_a_newer_copy_takes_the_place_and_tokens_stay(client, alice, form):
    token = log_in(client, alice)
    copy = renewed(alice)
    answer = put(client, alice, copy, form=form)
    assert (answer.status, answer.json()) == (200, {"message": "Updated the key."})
    assert client.get("/api/users/name/alice").json()["publicKey"] == copy
    assert "More <more@example.org>" in OpenPGPKey.objects.get().user_ids
    assert status_of(client, token) == 200
    assert auth(client, alice, alice.answer(session_token(client, alice))).json()["success"] is True


def test_a_revoked_copy_ends_what_the_key_opened_for_good(client, alice):
    token, copy = log_in(client, alice), revoked(alice)
    assert put(client, alice, copy).status == 200
    assert OpenPGPKey.objects.get().revoked_at
    assert client.get("/api/users/name/alice").json()["publicKey"] == copy
    assert status_of(client, token) == 401
    assert auth(client, alice, alice.answer(session_token(client, alice))).json()["message"] == "Invalid signature"
    answer = put(client, alice, alice.armored)
    assert (answer.status, answer.json()["message"]) == (403, "The key that is here has been revoked, for good.")


def test_a_copy_with_an_end_is_taken_and_what_has_expired_renews_nothing(client, alice):
    now = datetime.now(UTC)
    token = log_in(client, alice)
    soon = ending(alice, now + timedelta(hours=1))
    assert put(client, alice, soon).status == 200
    assert status_of(client, token) == 200
    assert OpenPGPKey.objects.get().expires_at
    with time_machine.travel(now + timedelta(hours=2), tick=False):
        assert put(client, alice, soon).status == 401, "what has expired renews nothing"


def test_an_expired_key_is_renewed_by_its_newer_copy(client):
    person, now = Person("alice"), datetime.now(UTC)
    soon, end = ending(person, now + timedelta(seconds=100)), (now + timedelta(days=9)).replace(microsecond=0)
    fresh = ending(person, end)
    while taken_together(soon, fresh) != {end}:  # of two signatures of one second either may count
        fresh = ending(person, end)
    assert client.post("/api/users", data={"username": "alice", "publicKey": soon}).status == 200
    with time_machine.travel(now + timedelta(seconds=200), tick=False):  # a signature of now is in time
        assert auth(client, person, person.answer(session_token(client, person))).json()["success"] is False
        assert put(client, person, fresh).status == 200
        assert auth(client, person, person.answer(session_token(client, person))).json()["success"] is True


def taken_together(one, other):
    """When a key of these two copies ends, for those who look at it."""
    merged = Cert.from_bytes(one.encode()).merge(Cert.from_bytes(other.encode()))
    return {merged.expiration, read_certificate(str(merged), now=datetime.now(UTC), usable=False).expires_at}


def test_an_expired_copy_ends_what_the_key_opened(client, alice):
    token, over = log_in(client, alice), ending(alice, datetime.now(UTC) + timedelta(seconds=100))
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=200), tick=False):
        assert put(client, alice, over).status == 200
        assert status_of(client, token) == 401
        assert client.get("/api/users/name/alice").json()["publicKey"] == over


def test_another_key_is_no_copy(client, alice):
    answer = put(client, alice, Person().armored)
    assert answer.status == 400
    assert "another key" in answer.json()["message"]
    assert client.get("/api/users/name/alice").json()["publicKey"] == alice.armored


@pytest.mark.parametrize("key", ["", "x", None, 7])
def test_what_is_no_key_is_no_copy(client, alice, key):
    assert put(client, alice, key, signature="x").status == 400


def test_a_change_needs_a_fresh_signature_for_this_purpose(client, alice):
    copy = renewed(alice)
    used = alice.answer(session_token(client, alice), UPDATE)
    assert put(client, alice, copy, signature=used).status == 200
    other = Person("alice")
    for bad in (
        used,
        "x",
        alice.answer(session_token(client, alice)),
        alice.answer(session_token(client, alice), DELETE),
        other.answer(session_token(client, alice), UPDATE),
        alice.answer(session_token(client, alice), UPDATE, username="bob"),
        alice.answer(session_token(client, alice), UPDATE, publicKey="another text"),
    ):
        answer = put(client, alice, copy, signature=bad)
        assert (answer.status, answer.json()) == (401, {"message": "Invalid signature"})
    assert put(client, alice, copy, publicKey=copy).status == 200


def test_failed_changes_use_up_the_allowance_of_failed_logins(client, alice, settings, standing_clock):
    settings.RATE_LIMIT_SCALE = 1
    signature = alice.answer(session_token(client, alice), DELETE)
    assert [delete(client, alice, signature="x").status for _ in range(10)] == [401] * 10
    assert delete(client, alice, signature=signature).status == 429
    assert auth(client, alice, "x").status == 429


@pytest.mark.parametrize("form", [False, True], ids=["json", "form"])
def test_deleting_the_only_key_ends_the_account_and_the_name_stays_taken(client, alice, form):
    token = log_in(client, alice)
    answer = delete(client, alice, form=form)
    assert (answer.status, answer.json()) == (200, {"message": "Deleted the user."})
    assert client.get("/api/users/name/alice").status == 404
    assert client.get("/api/token/alice").status == 404
    assert status_of(client, token) == 401
    assert User.objects.get().deactivated_at
    assert register(client, Person("alice")).status == 400
    assert register(client, Person("bob", alice.key)).status == 200, "the key is free again"


def test_deleting_one_of_two_ways_in_leaves_the_account(client, alice):
    users.set_password(users.get("alice"), "correct horse battery")
    token = log_in(client, alice)
    assert delete(client, alice).json() == {"message": "Deleted the key."}
    assert status_of(client, token) == 401
    assert users.get("alice").state == User.State.ACTIVE
    assert not OpenPGPKey.objects.exists()
    assert delete(client, alice, signature="x").status == 404


def test_a_deletion_is_signed_for_and_used_once(client, alice):
    bob = registered(client, "bob")
    for bad in (alice.answer(session_token(client, alice)), bob.answer(session_token(client, bob), DELETE), "x"):
        assert delete(client, alice, signature=bad).status == 401
    for missing in ({}, {"signature": ""}, {"signature": 7}):
        assert send(client, "DELETE", "/api/users/name/alice", missing).status == 400
    assert client.get("/api/users/name/alice").status == 200


# linking


def in_own_name(client, token, person, armored=None, *, name="alice", signature=None):
    challenge = client.post("/api/users/me/keys/token", token=token).json()["sessionToken"]
    signature = signature or Person(name, person.key).answer(challenge, "KEY_ADD_REQUEST")
    fields = {"signature": signature, "publicKey": armored or person.armored}
    return send(client, "POST", "/api/users/me/keys", fields, token=token)


@pytest.fixture
def matrix_token(client):
    users.create("carol", password="correct horse battery")
    login = {
        "type": "m.login.password",
        "identifier": {"type": "m.id.user", "user": "carol"},
        "password": "correct horse battery",
    }
    return client.post("/_matrix/client/v3/login", data=login).json()["access_token"]


def test_a_signed_in_person_adds_a_key_and_signs_in_with_it(client, matrix_token):
    person = Person("carol", new_key("Carol"))
    answer = in_own_name(client, matrix_token, person, name="carol")
    assert answer.status == 200
    assert answer.json()["fingerprint"] == person.fingerprint
    assert answer.json()["isPublished"] is True
    assert client.get("/api/users/name/carol").json()["publicKey"] == person.armored
    assert log_in(client, person)
    assert [key["fingerprint"] for key in client.get("/api/users/me/keys", token=matrix_token).json()["keys"]] == [
        person.fingerprint
    ]
    assert in_own_name(client, matrix_token, person, name="carol").status == 200, "the same again changes nothing"


def test_adding_needs_a_proof_for_this_account(client, matrix_token, alice):
    person = Person("carol")
    stolen = person.answer(session_token(client, alice), "KEY_ADD_REQUEST")
    challenge = client.post("/api/users/me/keys/token", token=matrix_token).json()["sessionToken"]
    for bad in ("x", stolen, person.answer(challenge), Person("carol").answer(challenge, "KEY_ADD_REQUEST")):
        answer = in_own_name(client, matrix_token, person, name="carol", signature=bad)
        assert (answer.status, answer.json()) == (401, {"message": "Invalid signature"})
    assert not OpenPGPKey.objects.filter(user__username="carol").exists()


def test_a_key_moves_from_an_account_that_nothing_else_opens(client, matrix_token, alice):
    token = log_in(client, alice)
    answer = in_own_name(client, matrix_token, alice, name="carol")
    assert answer.status == 200
    assert status_of(client, token) == 401
    assert users.get("alice").state == User.State.DEACTIVATED
    assert client.get("/api/users/name/alice").status == 404
    assert client.get("/api/users/name/carol").json()["fingerprint"] == alice.fingerprint
    assert AuditEvent.objects.get(event="key-moved").facts == {"from": "alice"}


def test_a_key_does_not_move_from_an_account_that_something_else_opens(client, matrix_token, alice):
    users.set_password(users.get("alice"), "correct horse battery")
    answer = in_own_name(client, matrix_token, alice, name="carol")
    assert (answer.status, answer.json()) == (400, {"message": "That key belongs to an account already"})
    assert client.get("/api/users/name/alice").status == 200


def test_the_published_key_is_chosen_and_what_the_other_opened_ends(client, alice):
    token = log_in(client, alice)
    other = Person("alice")
    assert in_own_name(client, token, other).json()["isPublished"] is False
    assert auth(client, other, other.answer(session_token(client, other))).json()["message"] == "Wrong fingerprint"
    answer = client.put(f"/api/users/me/keys/{other.fingerprint.upper()}/published", token=token)
    assert (answer.status, answer.json()["isPublished"]) == (200, True)
    assert status_of(client, token) == 401
    assert client.get("/api/users/name/alice").json()["fingerprint"] == other.fingerprint
    fresh = log_in(client, other)
    for wrong in ("0" * 40, "x", Person().fingerprint):
        assert client.put(f"/api/users/me/keys/{wrong}/published", token=fresh).status == 404
    assert delete(client, other).json() == {"message": "Deleted the key."}
    assert client.get("/api/users/name/alice").json()["fingerprint"] == alice.fingerprint


def test_own_keys_need_a_live_token_that_is_not_limited(client, alice, matrix_token):
    Token.objects.filter(user__username="carol").update(scope="openid")
    assert client.get("/api/users/me/keys", token=matrix_token).status == 403
    for wrong in ("", "x", session_token(client, alice)):
        for method, path in (
            ("GET", "keys"),
            ("POST", "keys"),
            ("POST", "keys/token"),
            ("PUT", f"keys/{'0' * 40}/published"),
        ):
            answer = client.request(method, f"/api/users/me/{path}", token=wrong, data={})
            assert answer.status == 401, (wrong, method)
            assert answer.header("access-control-allow-origin") == "*"


def test_an_account_has_so_many_keys_at_most(client, alice, monkeypatch):
    token = log_in(client, alice)
    monkeypatch.setattr(credentials, "MOST_OPENPGP_KEYS", 1)
    answer = in_own_name(client, token, Person("alice"))
    assert (answer.status, answer.json()) == (403, {"message": "An account has 1 keys at most."})
    assert in_own_name(client, token, alice).status == 200, "what is there already is none more"
    assert OpenPGPKey.objects.count() == 1


def test_a_suspended_person_changes_nothing_that_others_see(client, alice):
    token = log_in(client, alice)
    users.suspend(users.get("alice"))
    assert in_own_name(client, token, Person("alice")).status == 403
    assert OpenPGPKey.objects.count() == 1

"""Using and ending a token: session-open-group.md §4.3 to §4.6."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from accounts import rules, users
from accounts.models import Device, Token
from challenges.session import moderation
from tests.session_client import SessionIdentity

pytestmark = pytest.mark.django_db

BAD_TOKEN = {
    "meta": {"code": 401, "error_message": "Call requires authentication: Authentication required to fetch token."}
}


@pytest.fixture
def identity():
    return SessionIdentity()


@pytest.fixture
def token(client, identity):
    return identity.log_in(client)


def test_the_body_has_the_originals_members_and_types(client, identity, token):
    body = client.get("/token", token=token).json()
    assert body["meta"] == {"code": 200}
    data = body["data"]
    assert set(data) == {"app", "scopes", "limits", "storage", "user", "invite_link"}
    assert data["scopes"] == ["stream", "messages", "export", "write_post", "follow"]
    user = data["user"]
    assert user["id"] == str(users.get(identity.public_key).pk)
    assert user["username"] == identity.public_key
    assert user["created_at"].endswith("Z")
    assert len(user["created_at"]) == 20
    assert "name" not in user
    assert user["counts"] == {"following": 0, "posts": 0, "followers": 0, "stars": 0}
    assert user["avatar_image"] == {"url": None, "width": None, "height": None, "is_default": False}


@pytest.mark.parametrize("path", ["/token", "/token/", "//token", "/stream/0/token"])
def test_query_and_header_give_identical_bodies(client, token, path):
    header = client.request("GET", path, token=token)
    query = client.request("GET", path, params={"access_token": token})
    assert header.status == query.status == 200
    assert header.body == query.body
    assert header.header("cache-control") == query.header("cache-control") == "no-store"


def test_the_query_wins_even_when_it_is_wrong(client, token):
    assert client.get("/token?access_token=wrong", token=token).status == 401
    assert client.get(f"/token?access_token={token}", token="wrong").status == 200


def test_an_empty_query_leaves_the_word_to_the_header(client, token):
    assert client.get("/token?access_token=", token=token).status == 200


def test_a_repeated_query_value_counts_once_and_differing_ones_not_at_all(client, token):
    same = [("access_token", token), ("access_token", token)]
    assert client.get("/token", params=same).status == 200
    assert client.get("/token", params=[*same, ("access_token", "x")]).status == 401


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_has_any_case(client, token, scheme):
    assert client.get("/token", headers={"Authorization": f"{scheme} {token}"}).status == 200


@pytest.mark.parametrize(
    "authorization", ["", "Bearer", "Bearer ", "Basic abc", "Bearer \xff\xfe", "Bearer " + "a" * 96]
)
def test_no_token_and_a_bad_one_are_the_same_401(client, authorization):
    response = client.get("/token", headers={"Authorization": authorization} if authorization else {})
    assert (response.status, response.json()) == (401, BAD_TOKEN)


def test_an_inert_token_is_unknown_everywhere(client, identity):
    inert = identity.answer(client)
    assert client.get("/token", token=inert).json() == BAD_TOKEN
    assert client.get("/loki/v1/user_info", token=inert).json() == BAD_TOKEN
    assert client.delete("/token", token=inert).json() == BAD_TOKEN
    assert client.patch("/users/me", token=inert, data={"name": "x"}).json() == BAD_TOKEN


def test_head_follows_get_without_a_body(client, token):
    response = client.request("HEAD", "/token", token=token)
    assert (response.status, response.body) == (200, b"")
    assert int(response.header("content-length")) > 400


def test_a_token_in_the_url_can_be_switched_off(client, token, settings):
    settings.SESSION_TOKEN_IN_URL = False
    assert client.get("/token", params={"access_token": token}).json() == BAD_TOKEN
    assert client.get("/loki/v1/user_info", params={"access_token": token}).status == 401
    assert client.get("/token", token=token).status == 200


def ban(identity):
    rules.add("deny", "pubkey", identity.public_key)


def lock(identity):
    users.lock(users.get(identity.public_key))


def deactivate(identity):
    users.deactivate(users.get(identity.public_key))


def ban_by_name(identity):
    rules.add("deny", "username", identity.public_key, flow="session")


def ban_by_address(identity):
    rules.add("deny", "ip", "203.0.113.0/24")


def whitelist_others(identity):
    rules.set_mode("session", whitelist=True)


@pytest.mark.parametrize("fate", [ban, lock, deactivate, ban_by_name, ban_by_address, whitelist_others])
@pytest.mark.parametrize("path", ["/token", "/loki/v1/user_info"])
def test_a_token_that_is_no_good_for_any_reason_is_401_with_meta_code_401(client, identity, token, fate, path):
    assert client.get(path, token=token).status == 200
    fate(identity)
    response = client.get(path, token=token)
    assert (response.status, response.json()) == (401, BAD_TOKEN)


def test_lifting_a_ban_does_not_revive_tokens(client, identity, token):
    ban(identity)
    rules.remove(rules.find("deny", "pubkey", identity.public_key))
    assert client.get("/token", token=token).status == 401
    assert identity.log_in(client)


def test_tokens_work_again_when_a_key_is_back_on_the_whitelist(client, identity, token):
    rules.set_mode("session", whitelist=True)
    assert client.get("/token", token=token).status == 401
    rules.add("allow", "pubkey", identity.public_key, flow="session")
    assert client.get("/token", token=token).status == 200


def test_unlocking_gives_the_token_back(client, identity, token):
    lock(identity)
    users.unlock(users.get(identity.public_key))
    assert client.get("/token", token=token).status == 200


def test_a_token_dies_after_180_days_without_use_and_not_before(client, token):
    now = timezone.now()
    with time_machine.travel(now + timedelta(days=179)):
        assert client.get("/token", token=token).status == 200
    with time_machine.travel(now + timedelta(days=358)):
        assert client.get("/token", token=token).status == 200
    with time_machine.travel(now + timedelta(days=539)):
        assert client.get("/token", token=token).status == 401


def test_an_absolute_lifetime_can_be_set(client, identity, settings):
    settings.SESSION_TOKEN_LIFETIME = 3600
    token = identity.log_in(client)
    assert client.get("/loki/v1/user_info", token=token).json()["data"]["expires_at"].endswith("Z")
    with time_machine.travel(timezone.now() + timedelta(seconds=3601)):
        assert client.get("/token", token=token).status == 401


def test_the_last_use_is_written_at_most_every_few_minutes(client, token):
    before = Token.objects.get().last_used_at
    client.get("/token", token=token)
    assert Token.objects.get().last_used_at == before
    with time_machine.travel(timezone.now() + timedelta(seconds=301)):
        client.get("/token", token=token)
    assert Token.objects.get().last_used_at > before
    assert Device.objects.get().last_seen_at == Token.objects.get().last_used_at


def test_user_info_says_what_the_token_is(client, identity, token):
    data = client.get("/loki/v1/user_info", token=token).json()["data"]
    assert data["user_id"] == users.get(identity.public_key).pk
    assert data["client_id"] == "messenger"
    assert data["scopes"] == "basic stream write_post follow messages update_profile files export"
    assert data["created_at"].endswith("Z")
    assert len(data["created_at"]) == 24
    assert data["expires_at"] is None
    assert data["moderator_status"] is False


def test_moderator_status_is_true_or_the_channels(client, identity, token):
    moderation.add(identity.public_key)
    assert client.get("/loki/v1/user_info", token=token).json()["data"]["moderator_status"] is True
    moderation.add(identity.public_key, channels="1,2")
    assert client.get("/loki/v1/user_info", token=token).json()["data"]["moderator_status"] == "1,2"


def test_user_info_without_token_says_authorization_required(client):
    expected = {"meta": {"code": 401, "error_message": "Authorization required"}}
    response = client.get("/loki/v1/user_info")
    assert (response.status, response.json()) == (401, expected)


def test_a_name_is_set_and_shown(client, token):
    response = client.patch("/users/me", token=token, data={"name": "bob", "annotations": [{"type": "x"}]})
    assert response.json()["data"]["name"] == "bob"
    assert client.get("/token", token=token).json()["data"]["user"]["name"] == "bob"


def test_annotations_alone_leave_the_name(client, token):
    client.patch("/users/me", token=token, data={"name": "bob"})
    response = client.patch("/users/me", token=token, data={"annotations": []})
    assert (response.status, response.json()["data"]["name"]) == (200, "bob")


def test_patch_without_token_is_answered_as_the_original_does(client):
    expected = {"meta": {"code": 401, "error": "Need token"}, "data": False}
    response = client.patch("/users/me", data={"name": "bob"})
    assert (response.status, response.json()) == (401, expected)


@pytest.mark.parametrize("name", [1, [], {}, True, "a" * 257, "line\nbreak", "\x7f"])
def test_a_name_that_cannot_be_shown_is_400(client, token, name):
    response = client.patch("/users/me", token=token, data={"name": name})
    assert response.status == 400
    assert response.json()["meta"]["code"] == 400


def test_a_deleted_token_is_dead_and_others_live(client, identity, token):
    other = identity.log_in(client)
    response = client.delete("/token", token=token)
    assert (response.status, response.json()) == (200, {"meta": {"code": 200}, "data": []})
    assert client.get("/token", token=token).json() == BAD_TOKEN
    assert client.delete("/token", token=token).json() == BAD_TOKEN
    assert client.get("/token", token=other).status == 200
    assert Device.objects.count() == 1


def test_post_to_token_belongs_to_oauth(client):
    response = client.post("/token", data={})
    assert (response.status, response.json()["error"]) == (400, "invalid_request")
    allow = client.request("OPTIONS", "/token").header("allow")
    assert allow == "DELETE, GET, HEAD, OPTIONS, POST"

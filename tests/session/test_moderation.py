"""The moderation dialect (session-open-group.md §6.3) and what §6.2 changes in it."""

import pytest

from accounts import policy, rules, users
from accounts.models import AccessRule, AuditEvent, User
from challenges.session import moderation
from challenges.session.models import Moderator
from tests.session_client import SessionIdentity

pytestmark = pytest.mark.django_db
DONE = (200, {"meta": {"code": 200}, "data": []})


@pytest.fixture
def moderator(client):
    identity = SessionIdentity()
    moderation.add(identity.public_key)  # named before the first login
    return identity.log_in(client)


@pytest.fixture
def member(client):
    identity = SessionIdentity()
    identity.token = identity.log_in(client)
    return identity


def outcome(response):
    return response.status, response.json()


@pytest.mark.parametrize("form", ["@key", "number"])
def test_a_ban_kills_all_tokens_and_ends_moderator_rights(client, moderator, member, form):
    moderation.add(member.public_key)
    name = f"@{member.public_key}" if form == "@key" else str(users.get(member.public_key).pk)
    second = member.log_in(client)
    assert outcome(client.post(f"/loki/v1/moderation/blacklist/{name}", token=moderator)) == DONE
    assert client.get("/token", token=member.token).status == client.get("/token", token=second).status == 401
    assert member.challenge(client).status == 401
    assert not Moderator.objects.filter(public_key=member.public_key).exists()


def test_unban_returns_the_key_to_neither_list(client, moderator, member):
    path = f"/loki/v1/moderation/blacklist/@{member.public_key}"
    client.post(path, token=moderator)
    assert outcome(client.delete(path, token=moderator)) == DONE
    assert outcome(client.delete(path, token=moderator)) == DONE  # nothing left to change
    assert not AccessRule.objects.exists()
    assert member.log_in(client)


def test_a_key_that_never_logged_in_is_banned_and_whitelisted_without_making_an_account(client, moderator):
    stranger = SessionIdentity()
    before = User.objects.count()
    assert outcome(client.post(f"/loki/v1/moderation/whitelist/@{stranger.public_key}", token=moderator)) == DONE
    assert outcome(client.post(f"/loki/v1/moderation/blacklist/@{stranger.public_key}", token=moderator)) == DONE
    assert User.objects.count() == before
    assert stranger.challenge(client).status == 401  # the ban wins


def test_a_moderator_lifts_no_rule_of_an_administrator_for_all_doors(client, moderator, member):
    rules.add("deny", "pubkey", member.public_key)
    assert outcome(client.delete(f"/loki/v1/moderation/blacklist/@{member.public_key}", token=moderator)) == DONE
    assert member.challenge(client).status == 401


def test_whitelisting_admits_in_whitelist_mode(client, moderator, member):
    rules.set_mode("session", whitelist=True)
    assert client.get("/token", token=member.token).status == 401
    moderation.put_on("whitelist", f"@{member.public_key}", actor="test")
    assert client.get("/token", token=member.token).status == 200


def test_moderators_are_made_and_unmade(client, moderator, member):
    path = f"/loki/v1/moderators/@{member.public_key}"
    assert outcome(client.post(path, token=moderator)) == DONE
    assert outcome(client.post(path, token=moderator)) == DONE
    assert moderation.status(member.public_key) is True
    assert outcome(client.delete(path, token=moderator)) == DONE
    assert moderation.status(member.public_key) is False


@pytest.mark.parametrize("path", ["/loki/v1/channels/1/moderators", "/loki/v1/channel/1/get_moderators"])
def test_the_moderators_of_a_channel_are_public(client, path):
    world, one, two = (SessionIdentity().public_key for _ in range(3))
    moderation.add(world)
    moderation.add(one, channels="1")
    moderation.add(two, channels="2")
    assert client.get(path).json() == {"moderators": [world, one]}


@pytest.mark.parametrize("number", ["x", "-1", "1.5", "١", "9" * 30])
def test_a_channel_that_is_no_number_is_400(client, number):
    response = client.get(f"/loki/v1/channels/{number}/moderators")
    assert outcome(response) == (400, {"error": "id not a valid number"})


def test_who_may_not_moderate_is_told_in_three_ways(client, member):
    path = f"/loki/v1/moderation/blacklist/@{member.public_key}"
    assert client.post(path).json()["meta"]["error_message"] == "Authorization required"
    assert client.post(path, token="x").json()["meta"]["error_message"].startswith("Call requires authentication")
    refused = client.post(path, token=member.token)
    message = "Call requires moderation: Moderation required for this endpoint."
    assert outcome(refused) == (401, {"meta": {"code": 401, "error_message": message}})


def test_a_moderator_of_one_channel_moderates_no_lists(client, member):
    moderation.add(member.public_key, channels="1")
    assert client.post(f"/loki/v1/moderation/blacklist/@{member.public_key}", token=member.token).status == 401


@pytest.mark.parametrize(
    ("kind", "name", "expected"),
    [
        ("moderation/blacklist", "999999", (410, {"error": "user id not found"})),
        ("moderation/blacklist", "nobody", (410, {"error": "user id not found"})),
        ("moderation/blacklist", "9" * 40, (410, {"error": "user id not found"})),
        ("moderation/blacklist", "@05", (422, {"error": "pubKey invalid"})),
        ("moderators", "@05" + "ab" * 31 + "2b", (410, {"error": "user id not found"})),
    ],
)
def test_who_cannot_be_named_is_not_found(client, moderator, kind, name, expected):
    assert outcome(client.post(f"/loki/v1/{kind}/{name}", token=moderator)) == expected


def test_what_a_moderator_does_is_audited_with_the_key(client, moderator, member):
    client.post(f"/loki/v1/moderation/blacklist/@{member.public_key}", token=moderator)
    assert AuditEvent.objects.filter(event="rule-added", subject=member.public_key).exists()


def test_the_whitelist_never_overrides_a_ban(client, member):
    rules.set_mode("session", whitelist=True)
    moderation.put_on("whitelist", f"@{member.public_key}", actor="test")
    moderation.put_on("blacklist", f"@{member.public_key}", actor="test")
    decision = policy.decide("session", policy.Subject(pubkey=member.public_key))
    assert not decision.admitted
    assert decision.rule is not None
    assert decision.rule.effect == "deny"


def test_a_moderator_does_not_rewrite_an_administrators_ban(client, moderator, member):
    rules.add("deny", "pubkey", member.public_key, flow="session", note="court order")
    assert outcome(client.post(f"/loki/v1/moderation/blacklist/@{member.public_key}", token=moderator)) == DONE
    assert AccessRule.objects.get().note == "court order"

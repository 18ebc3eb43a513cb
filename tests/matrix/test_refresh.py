"""Refreshing (matrix.md §8)."""

import random
from datetime import timedelta

import pytest
import time_machine

from accounts import clock, emails, mail, users
from accounts.models import AuditEvent, Device, QueuedMail, Token, User
from tests.matrix.people import API, logged_in, refresh, register, who_am_i

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann(client):
    register(client, "ann")
    return logged_in(client, "ann", refresh_token=True)


def pair(answer):
    assert answer.status == 200, answer.text
    return answer.json()["access_token"], answer.json()["refresh_token"]


def is_dead(client, token):
    answer = refresh(client, token)
    return (answer.status, answer.json().get("errcode")) == (401, "M_UNKNOWN_TOKEN")


def test_a_refresh_gives_a_pair_that_lives_five_minutes(client, ann):
    body = refresh(client, ann.refresh_token).json()
    assert set(body) == {"access_token", "refresh_token", "expires_in_ms"}
    assert body["expires_in_ms"] == 300_000
    assert body["refresh_token"].startswith("mar_")


@pytest.mark.parametrize(
    "path", ["v3/refresh", "r0/refresh", "unstable/refresh", "unstable/org.matrix.msc2918.refresh_token/refresh"]
)
def test_every_path_of_refresh(client, ann, path):
    assert client.post(f"/_matrix/client/{path}", data={"refresh_token": ann.refresh_token}).status == 200


def test_refresh_is_not_under_v1(client, ann):
    assert client.post("/_matrix/client/v1/refresh", data={"refresh_token": ann.refresh_token}).status == 404


def test_an_answer_that_was_lost_can_be_asked_for_again(client, ann):
    lost_access, lost_refresh = pair(refresh(client, ann.refresh_token))
    access, renewed = pair(refresh(client, ann.refresh_token))
    assert who_am_i(client, lost_access).status == 401
    assert is_dead(client, lost_refresh)
    assert who_am_i(client, access).status == 200
    assert not is_dead(client, renewed)


def test_the_old_access_token_lives_until_the_new_one_is_used(client, ann):
    access, _ = pair(refresh(client, ann.refresh_token))
    assert who_am_i(client, ann.token).status == 200
    assert who_am_i(client, access).status == 200
    assert who_am_i(client, ann.token).status == 401
    assert is_dead(client, ann.refresh_token)


def test_using_the_new_refresh_token_spends_the_old_one_too(client, ann):
    _, renewed = pair(refresh(client, ann.refresh_token))
    access, _ = pair(refresh(client, renewed))
    assert is_dead(client, ann.refresh_token)
    assert who_am_i(client, access).status == 200


def test_a_replay_within_the_grace_is_refused_and_ends_nothing(client, ann):
    access, renewed = pair(refresh(client, ann.refresh_token))
    who_am_i(client, access)
    with time_machine.travel(clock.now() + timedelta(seconds=55), tick=False):
        assert is_dead(client, ann.refresh_token)
        assert who_am_i(client, access).status == 200
        assert not is_dead(client, renewed)


def test_a_replay_after_the_grace_ends_the_session_and_the_owner_is_told(client, ann):
    emails.add_confirmed(User.objects.get(username="ann"), "ann@example.org")
    access, renewed = pair(refresh(client, ann.refresh_token))
    who_am_i(client, access)
    with time_machine.travel(clock.now() + timedelta(seconds=65), tick=False):
        assert is_dead(client, ann.refresh_token)
        assert who_am_i(client, access).status == 401
        assert is_dead(client, renewed)
    event = AuditEvent.objects.get(event="refresh-token-replayed")
    assert (event.subject, event.outcome) == ("ann", "refused")
    queued = QueuedMail.objects.get()
    assert (queued.template, queued.recipient) == ("session-stolen", "ann@example.org")
    with time_machine.travel(clock.now() + timedelta(seconds=66), tick=False):
        assert mail.deliver_due() == 1


def test_a_refresh_token_unused_for_90_days_asks_for_a_soft_logout(client, ann):
    with time_machine.travel(clock.now() + timedelta(days=91), tick=False):
        answer = refresh(client, ann.refresh_token)
        assert (answer.status, answer.json()["errcode"], answer.json()["soft_logout"]) == (401, "M_UNKNOWN_TOKEN", True)


def test_a_client_away_for_a_year_is_still_told_to_keep_its_keys(client, ann):
    from accounts import retention

    with time_machine.travel(clock.now() + timedelta(days=400), tick=False):
        retention.purge_all()
        assert Device.objects.filter(device_id=ann.device_id).exists()
        for answer in (refresh(client, ann.refresh_token), who_am_i(client, ann.token)):
            assert answer.json()["soft_logout"] is True


def test_an_unknown_refresh_token_is_no_soft_logout(client, ann):
    client.post(f"{API}/logout", token=ann.token)
    assert refresh(client, ann.refresh_token).json()["soft_logout"] is False
    assert refresh(client, "nonsense").json()["soft_logout"] is False


@pytest.mark.parametrize(
    ("body", "errcode"), [({}, "M_MISSING_PARAM"), ({"refresh_token": 7}, "M_BAD_JSON"), ([], "M_BAD_JSON")]
)
def test_a_malformed_refresh_is_400(client, body, errcode):
    answer = client.post(f"{API}/refresh", data=body)
    assert (answer.status, answer.json()["errcode"]) == (400, errcode)


def test_a_locked_account_does_not_refresh_and_can_again_after_unlock(client, ann):
    user = User.objects.get(username="ann")
    users.lock(user)
    assert refresh(client, ann.refresh_token).json()["errcode"] == "M_USER_LOCKED"
    users.unlock(user)
    assert refresh(client, ann.refresh_token).status == 200


@pytest.mark.parametrize("prefix", ["r0", "v2_alpha", "api/v1", "unstable"])
def test_tokenrefresh_of_2015(client, ann, prefix):
    path = f"/_matrix/client/{prefix}/tokenrefresh"
    body = client.post(path, data={"refresh_token": ann.refresh_token}).json()
    assert set(body) == {"access_token", "refresh_token"}
    answer = client.post(path, data={"refresh_token": "nonsense"})
    assert (answer.status, answer.json()["errcode"]) == (403, "M_FORBIDDEN")


def test_chains_with_answers_lost_at_random_never_log_the_client_out(client, ann):
    choose = random.Random(20261122)
    token = ann.refresh_token
    with time_machine.travel(clock.now(), tick=False) as traveller:
        for _ in range(120):
            traveller.shift(choose.choice([6, 30, 90, 400]))
            answer = refresh(client, token)
            assert answer.status == 200, answer.text
            if choose.random() < 0.5:
                continue  # the answer never arrived: the client knows only its old token
            access, token = pair(answer)
            if choose.random() < 0.7:
                assert who_am_i(client, access).status == 200
    assert Token.objects.filter(kind="access", revoked_at=None).count() <= 2


@pytest.mark.usefixtures("standing_clock")
def test_refreshes_of_a_device_are_limited(client, ann):
    statuses = [refresh(client, ann.refresh_token).status for _ in range(12)]
    assert statuses[:10] == [200] * 10
    assert 429 in statuses

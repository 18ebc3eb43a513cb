"""The token store: architecture.md §3, matrix.md §8, R15, R24."""

import secrets
import uuid
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from accounts import tokens, users
from accounts.errors import Reason, Refusal
from accounts.models import Token

pytestmark = pytest.mark.django_db
GRACE = 60.0


def minted(lifetime=None, idle=None):
    return tokens.Minted(secrets.token_urlsafe(32), lifetime, idle)


@pytest.fixture
def user():
    return users.create("alice", password="correct horse battery")


@pytest.fixture
def login(user):
    """(access, refresh) texts of one login."""
    family = uuid.uuid4()
    access, refresh = minted(300), minted()
    tokens.issue(access, user=user, flow="matrix", family=family)
    tokens.issue(refresh, user=user, flow="matrix", kind="refresh", family=family)
    return access.secret, refresh.secret


def alive(secret, kind="access"):
    return tokens.check(secret, flow="matrix", kind=kind) is not None


def rotate(refresh):
    access, successor = minted(300), minted()
    tokens.rotate(refresh, flow="matrix", access=access, refresh=successor, grace=GRACE)
    return access.secret, successor.secret


def refused(refresh):
    with pytest.raises(Refusal) as refusal:
        rotate(refresh)
    return refusal.value.reason


def test_a_token_is_found_by_its_secret_flow_and_kind_only(user):
    token = minted()
    tokens.issue(token, user=user, flow="matrix")
    assert tokens.check(token.secret, flow="matrix").username == "alice"
    assert tokens.check(token.secret, flow="session") is None
    assert tokens.check(token.secret, flow="matrix", kind="refresh") is None
    assert tokens.check(token.secret + "x", flow="matrix") is None
    assert tokens.check("\ud800", flow="matrix") is None


def test_looking_a_token_up_is_one_query(user, django_assert_num_queries):
    token = minted()
    tokens.issue(token, user=user, flow="matrix")
    with django_assert_num_queries(1):
        assert tokens.check(token.secret, flow="matrix")


def test_only_the_digest_is_stored(user):
    token = minted()
    row = tokens.issue(token, user=user, flow="matrix")
    stored = Token.objects.filter(pk=row.pk).values_list().get()
    assert token.secret not in str(stored)
    assert bytes(row.digest) == tokens.digest(token.secret)


def test_the_same_secret_is_never_issued_twice(user):
    token = minted()
    tokens.issue(token, user=user, flow="matrix")
    with pytest.raises(Refusal) as refusal:
        tokens.issue(token, user=user, flow="matrix")
    assert refusal.value.reason is Reason.CHALLENGE_INVALID


def test_an_inert_token_opens_nothing_until_it_is_activated_once(user):
    token = minted()
    tokens.issue(token, user=user, flow="otp", kind="remembered", active=False)
    assert tokens.check(token.secret, flow="otp", kind="remembered") is None
    assert tokens.activate(token.secret, flow="otp", kind="remembered").user == user
    assert tokens.check(token.secret, flow="otp", kind="remembered")
    with pytest.raises(Refusal):
        tokens.activate(token.secret, flow="otp", kind="remembered")


def test_a_token_expires_and_an_idle_one_too(user):
    hard, idle = minted(lifetime=100), minted(idle=1000)
    tokens.issue(hard, user=user, flow="matrix")
    tokens.issue(idle, user=user, flow="matrix")
    now = timezone.now()
    with time_machine.travel(now + timedelta(seconds=101)):
        assert not alive(hard.secret)
    with time_machine.travel(now + timedelta(seconds=900)):
        assert alive(idle.secret)
    with time_machine.travel(now + timedelta(seconds=1800)):
        assert alive(idle.secret)
    with time_machine.travel(now + timedelta(seconds=2801)):
        assert not alive(idle.secret)


def test_a_locked_accounts_bearer_is_marked_and_refused(user):
    token = minted()
    tokens.issue(token, user=user, flow="matrix")
    users.lock(user)
    assert tokens.check(token.secret, flow="matrix").locked
    with pytest.raises(Refusal) as refusal:
        tokens.require(token.secret, flow="matrix")
    assert refusal.value.reason is Reason.ACCOUNT_LOCKED
    users.unlock(user)
    assert not tokens.require(token.secret, flow="matrix").locked


def test_revoking_is_final_and_counted_once(user):
    token = minted()
    tokens.issue(token, user=user, flow="matrix")
    assert tokens.revoke(Token.objects.filter(user=user), reason="test") == 1
    assert tokens.revoke(Token.objects.filter(user=user), reason="test") == 0
    assert not alive(token.secret)


def test_a_refreshed_pair_replaces_the_old_one_at_its_first_use(login):
    access, refresh = login
    new_access, new_refresh = rotate(refresh)
    assert alive(access)  # the client may not have the answer yet
    assert alive(new_access)  # it has: this is the first use
    assert not alive(access)
    assert refused(refresh) is Reason.TOKEN_UNKNOWN
    assert alive(new_access)
    assert rotate(new_refresh)


def test_a_lost_answer_is_asked_for_again(login):
    _, refresh = login
    lost_access, lost_refresh = rotate(refresh)
    access, successor = rotate(refresh)
    assert not alive(lost_access)
    assert refused(lost_refresh) is Reason.TOKEN_UNKNOWN
    assert alive(access)
    assert rotate(successor)


def test_using_the_new_refresh_token_spends_the_old_one_too(login):
    access, refresh = login
    _, second = rotate(refresh)
    rotate(second)
    assert not alive(access)
    assert refused(refresh) is Reason.TOKEN_UNKNOWN


def test_spent_refresh_token_ends_the_family_after_the_grace(login):
    _, refresh = login
    new_access, new_refresh = rotate(refresh)
    assert alive(new_access)
    assert refused(refresh) is Reason.TOKEN_UNKNOWN
    assert alive(new_access)  # within the grace it is a client that was slow
    with time_machine.travel(timezone.now() + timedelta(seconds=GRACE + 1)):
        assert refused(refresh) is Reason.TOKEN_UNKNOWN
        assert not alive(new_access)
        assert refused(new_refresh) is Reason.TOKEN_UNKNOWN


def test_an_access_token_is_no_refresh_token(login):
    access, refresh = login
    assert refused(access) is Reason.TOKEN_UNKNOWN
    assert not alive(refresh)


def test_a_locked_or_deactivated_account_gets_no_new_pair(user, login):
    _, refresh = login
    users.lock(user)
    assert refused(refresh) is Reason.ACCOUNT_LOCKED
    users.unlock(user)
    users.deactivate(user)
    assert refused(refresh) is Reason.TOKEN_UNKNOWN


def test_a_new_password_ends_every_other_session(user, login):
    access, _ = login
    kept = minted()
    row = tokens.issue(kept, user=user, flow="matrix")
    users.set_password(user, "another good passphrase", keep=Token.objects.filter(pk=row.pk))
    assert not alive(access)
    assert alive(kept.secret)


def test_purge_keeps_tombstones_for_a_week(user):
    token = minted()
    tokens.issue(token, user=user, flow="matrix")
    tokens.revoke(Token.objects.filter(user=user), reason="test")
    assert tokens.purge() == 0
    with time_machine.travel(timezone.now() + timedelta(days=8)):
        assert tokens.purge() == 1
    assert not Token.objects.exists()


def test_purge_takes_generations_in_any_order(login):
    _, refresh = login
    _, successor = rotate(refresh)
    rotate(successor)
    tokens.revoke(Token.objects.all(), reason="test")
    with time_machine.travel(timezone.now() + timedelta(days=8)):
        while tokens.purge(batch=1):
            pass
    assert not Token.objects.exists()

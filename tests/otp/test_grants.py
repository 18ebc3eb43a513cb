"""The pair that a sign-in gives, and what ends it (one-origin.md §4, R24)."""

import json
import time

import jwt
import pytest
import time_machine

from accounts import devices, emails, rules, tokens, users
from accounts.errors import Reason, Refusal
from accounts.models import Device, Token
from challenges.otp import grants
from tests.otp import door
from tests.otp.door import FAKE, IP

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def alice():
    return door.alice()


def opens(access):
    return tokens.check(access, flow="otp") is not None


def refused(secret):
    with pytest.raises(Refusal) as caught:
        grants.refresh(secret, ip=IP)
    return caught.value.reason


def test_the_claims_say_who_for_whom_and_until_when(alice, settings):
    _, answer = door.signed_in()
    for name in ("access", "refresh"):
        claims = jwt.decode(answer[name], options={"verify_signature": False})
        assert set(claims) == {"sub", "iss", "aud", "exp", "iat", "jti", "typ"}
        assert (claims["sub"], claims["typ"], claims["iss"]) == (alice.sub, name, settings.PUBLIC_URL)
        assert "alice" not in json.dumps(claims)
    assert grants.is_ours(answer["access"])
    assert not grants.is_ours(answer["refresh"])
    assert grants.is_ours(answer["refresh"], kind="refresh")
    assert not grants.is_ours(answer["access"] + "x")
    assert not grants.is_ours("mat_x")


def test_a_refresh_gives_a_new_pair_of_the_same_kind_and_spends_the_old_once_it_is_used():
    _, answer = door.signed_in()
    pair = grants.refresh(answer["refresh"], ip=IP)
    assert pair.expires_in == 300
    assert opens(answer["access"])
    bearer = tokens.check(pair.access, flow="otp")
    assert bearer.amr == "pwd otp"
    assert not opens(answer["access"])


def test_a_lost_answer_may_be_asked_for_again():
    _, answer = door.signed_in()
    lost = grants.refresh(answer["refresh"], ip=IP)
    pair = grants.refresh(answer["refresh"], ip=IP)
    assert not opens(lost.access)
    assert opens(pair.access)


def test_a_spent_refresh_token_ends_its_family_but_no_other():
    token, answer = door.signed_in()
    other = door.confirm(token, FAKE)
    pair = grants.refresh(answer["refresh"], ip=IP)
    assert opens(pair.access)
    time.sleep(0.001)
    assert refused(answer["refresh"]) is Reason.TOKEN_UNKNOWN
    assert not opens(pair.access)
    assert refused(pair.refresh) is Reason.TOKEN_UNKNOWN
    assert opens(other["access"])
    assert door.confirm(token, FAKE)["code"] == "1103"


def test_refreshing_does_not_prolong_the_remembered_login():
    with time_machine.travel("2026-11-22 12:00", tick=False) as clock:
        _, answer = door.signed_in(token_expiry=600_000)
        secret = answer["refresh"]
        for left in (300, 201, 2):
            clock.shift(199)
            pair = grants.refresh(secret, ip=IP)
            assert pair.expires_in <= max(left, 3) + 200
            assert opens(pair.access)
            secret = pair.refresh
        clock.shift(4)
        assert not opens(pair.access)
        assert refused(secret) is Reason.TOKEN_UNKNOWN


@pytest.mark.parametrize("text", ["", "x", "a.b.c", "\ud800", "é" * 40, "." * 3])
def test_what_is_no_refresh_token_is_unknown(text):
    assert refused(text) is Reason.TOKEN_UNKNOWN


def test_lock_and_lists_stop_a_refresh(alice):
    _, answer = door.signed_in()
    users.lock(alice)
    assert refused(answer["refresh"]) is Reason.ACCOUNT_LOCKED
    users.unlock(alice)
    rules.add("deny", "ip", "192.0.2.0/24")
    assert refused(answer["refresh"]) is Reason.NOT_ADMITTED


def end_device(user):
    devices.end(Device.objects.filter(user=user), reason="test")


def revoke_remembered(user):
    tokens.revoke(Token.objects.filter(user=user, kind="remembered"), reason="test")


def end_all(user):
    users.end_all_sessions(user)


def change_password(user):
    users.set_password(user, "another good one")


def change_password_keeping_others(user):
    users.set_password(user, "another good one", keep=Token.objects.exclude(kind="remembered"))


def add_address(user):
    emails.add_confirmed(user, "second@example.org")


def remove_address(user):
    emails.remove(user, door.ADDRESS)


def ban(user):
    rules.add("deny", "username", "alice")


@pytest.mark.parametrize(
    "fate",
    [
        end_device,
        revoke_remembered,
        end_all,
        change_password,
        change_password_keeping_others,
        add_address,
        remove_address,
        ban,
    ],
)
def test_what_a_remembered_login_gave_dies_with_it(alice, fate):
    token, answer = door.signed_in()
    renewed = grants.refresh(door.confirm(token, FAKE)["refresh"], ip=IP)
    assert opens(renewed.access)
    fate(alice)
    assert not opens(answer["access"])
    assert not opens(renewed.access)
    assert refused(answer["refresh"]) is Reason.TOKEN_UNKNOWN
    assert refused(renewed.refresh) is Reason.TOKEN_UNKNOWN
    assert door.confirm(token, FAKE)["code"] in {"1105", "1101"}


def test_another_remembered_login_lives_on(alice):
    token, answer = door.signed_in()
    second = door.token(browser="other")
    given = door.confirm(second, door.code(), browser="other")
    tokens.revoke(Token.objects.filter(digest=tokens.digest(nonce(token))), reason="test")
    assert not opens(answer["access"])
    assert opens(given["access"])
    assert door.confirm(second, FAKE, browser="other")["code"] == "1103"


def nonce(token):
    return jwt.decode(token, options={"verify_signature": False})["nonce"]


@pytest.mark.parametrize("fate", [change_password, change_password_keeping_others, add_address, remove_address])
def test_a_change_of_password_or_address_cancels_pending_logins(alice, fate):
    token = door.token()
    code = door.code()
    fate(alice)
    assert door.confirm(token, code)["code"] == "1102"


def test_matrix_sessions_survive_a_change_of_address(alice):
    tokens.issue(tokens.Minted("a matrix session"), user=alice, flow="matrix")
    door.signed_in()
    add_address(alice)
    assert tokens.check("a matrix session", flow="matrix")


def test_revoking_a_token_that_is_no_remembered_login_ends_nothing_else_of_its_device(alice):
    device = devices.open(alice, kind="matrix")
    for secret in ("one", "two"):
        tokens.issue(tokens.Minted(secret), user=alice, flow="matrix", device=device)
    assert tokens.revoke(Token.objects.filter(digest=tokens.digest("one")), reason="test") == 1
    assert tokens.check("two", flow="matrix")


def test_the_count_of_a_revocation_holds_what_died_with_it(alice):
    door.signed_in()
    assert tokens.revoke(Token.objects.filter(kind="remembered"), reason="test") == 3

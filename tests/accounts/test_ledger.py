"""The challenge store: R15, R16, R17, R9."""

from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from accounts import ledger
from accounts.errors import Reason, Refusal
from accounts.models import Challenge

pytestmark = pytest.mark.django_db


def opened(secret="secret", **more):
    return ledger.open(secret, flow="otp", purpose="login", lifetime=600, **more)


def refused(verb, *arguments, **more):
    with pytest.raises(Refusal) as refusal:
        verb(*arguments, **more)
    return refusal.value.reason is Reason.CHALLENGE_INVALID


def test_a_challenge_is_used_once():
    challenge = opened()
    ledger.consume(ledger.find("secret", flow="otp", purpose="login"))
    assert refused(ledger.consume, challenge)
    assert refused(ledger.find, "secret", flow="otp", purpose="login")


def test_a_challenge_is_bound_to_its_purpose_and_to_whom_it_was_issued():
    opened(binding="client A")
    assert ledger.find("secret", flow="otp", purpose="login", binding="client A")
    assert refused(ledger.find, "secret", flow="otp", purpose="login", binding="client B")
    assert refused(ledger.find, "secret", flow="otp", purpose="reset", binding="client A")
    assert refused(ledger.find, "secret", flow="matrix", purpose="login", binding="client A")
    assert refused(ledger.find, "other", flow="otp", purpose="login", binding="client A")


def test_an_expired_challenge_is_nothing():
    challenge = opened()
    with time_machine.travel(timezone.now() + timedelta(seconds=601)):
        assert refused(ledger.find, "secret", flow="otp", purpose="login")
        assert refused(ledger.consume, challenge)


def test_a_used_challenge_stays_used_when_the_clock_steps_back():
    challenge = opened()
    ledger.consume(challenge)
    with time_machine.travel(timezone.now() - timedelta(hours=1)):
        assert refused(ledger.consume, challenge)


def test_five_wrong_codes_kill_even_the_right_one():
    challenge = opened(code="493817", tries=5)
    assert [ledger.answer(challenge, "000000") for _ in range(5)] == [False] * 5
    assert refused(ledger.answer, challenge, "493817")


def test_a_right_code_opens_the_way_to_consume():
    challenge = opened(code="493817", tries=5)
    assert refused(ledger.consume, challenge, answered=True)
    assert ledger.answer(challenge, "493817")
    ledger.consume(challenge, answered=True)


def test_a_code_survives_a_change_of_key_and_dies_with_the_old_key(settings):
    challenge = opened(code="493817", tries=5)
    old, settings.SECRET_KEY = settings.SECRET_KEY, "another key of sufficient length 0123456789"
    assert not ledger.answer(challenge, "493817")
    settings.SECRET_KEY_FALLBACKS = [old]
    assert ledger.answer(challenge, "493817")


def test_nothing_stored_can_be_presented():
    opened("wire-secret", code="493817", tries=5)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {Challenge._meta.db_table}")
        stored = repr([bytes(v) if isinstance(v, memoryview) else v for v in cursor.fetchone()])
    assert "wire-secret" not in stored
    assert "493817" not in stored


def test_a_stateless_secret_is_used_once():
    ledger.consume_stateless("jti", flow="openpgp", purpose="login", lifetime=480)
    assert refused(ledger.consume_stateless, "jti", flow="openpgp", purpose="login", lifetime=480)


def test_cancelled_challenges_are_dead_and_purged_later():
    challenge = opened()
    assert ledger.expire(Challenge.objects.all()) == 1
    assert refused(ledger.consume, challenge)
    assert ledger.purge() == 0
    with time_machine.travel(timezone.now() + timedelta(hours=2)):
        assert ledger.purge() == 1

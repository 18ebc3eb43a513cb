"""Rate limits: R37, R38, R40."""

from datetime import timedelta

import pytest
import redis
import time_machine
from django.utils import timezone

from accounts import throttle
from accounts.errors import Refusal
from accounts.models import Allowance

LIMIT = throttle.Limit("test", count=3, seconds=60)


def allowed(limit=LIMIT, *key):
    try:
        throttle.hit(limit, *(key or ("a",)))
    except Refusal as refusal:
        assert (refusal.retry_after or 0) > 0
        return False
    return True


@pytest.fixture
def clock():
    with time_machine.travel(timezone.now(), tick=False) as traveller:
        yield traveller


def test_a_burst_then_an_even_refill(clock):
    assert [allowed() for _ in range(4)] == [True, True, True, False]
    clock.shift(timedelta(seconds=21))
    assert [allowed(), allowed()] == [True, False]
    clock.shift(timedelta(hours=1))
    assert [allowed() for _ in range(4)] == [True, True, True, False]


def test_the_wait_that_is_told_is_enough(clock):
    while allowed():
        pass
    with pytest.raises(Refusal) as refusal:
        throttle.hit(LIMIT, "a")
    clock.shift(timedelta(seconds=refusal.value.retry_after + 0.001))
    assert allowed()


def test_keys_and_limits_are_apart(clock):
    while allowed():
        pass
    assert allowed(LIMIT, "b")
    assert allowed(throttle.Limit("other", 3, 60), "a")


def test_peek_takes_nothing_and_refuses_when_hit_would(clock):
    for _ in range(10):
        throttle.peek(LIMIT, "a")
    while allowed():
        pass
    with pytest.raises(Refusal):
        throttle.peek(LIMIT, "a")


def test_clear_gives_all_back(clock):
    while allowed():
        pass
    throttle.clear(LIMIT, "a")
    assert [allowed() for _ in range(4)] == [True, True, True, False]


def test_the_scale_multiplies_scaled_limits_only(clock, settings):
    settings.RATE_LIMIT_SCALE = 2
    assert sum(allowed() for _ in range(20)) == 6
    fixed = throttle.Limit("fixed", 3, 60, scaled=False)
    assert sum(allowed(fixed) for _ in range(20)) == 3


def test_a_clock_that_steps_back_locks_nobody_out(clock):
    while allowed():
        pass
    clock.shift(timedelta(hours=-1))
    assert not allowed()
    clock.shift(timedelta(seconds=61))
    assert allowed()


@pytest.mark.django_db
def test_a_spent_allowance_survives_a_restart_without_redis(clock, settings):
    settings.REDIS_URL = ""
    while allowed():
        pass
    throttle.save()
    throttle.forget()  # the process ends
    assert allowed()
    throttle.forget()
    throttle.load()
    assert not allowed()


@pytest.mark.django_db
def test_the_table_holds_no_address_in_clear(clock, settings):
    settings.REDIS_URL = ""
    throttle.hit(LIMIT, "192.0.2.77")
    throttle.save()
    assert "192.0.2.77" not in Allowance.objects.get().key
    throttle.clear(LIMIT, "192.0.2.77")
    throttle.save()
    assert not Allowance.objects.exists()


@pytest.mark.django_db
def test_full_buckets_are_purged(clock, settings):
    settings.REDIS_URL = ""
    throttle.hit(LIMIT, "a")
    throttle.save()
    assert throttle.purge() == 0
    clock.shift(timedelta(seconds=61))
    assert throttle.purge() == 1


def test_when_redis_is_gone_half_the_allowance_is_counted_here(clock, settings, monkeypatch):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    limit = throttle.Limit("half", 10, 60)
    monkeypatch.setattr(throttle, "_redis_resumes_at", 0.0)
    throttle._redis.cache_clear()
    throttle._script.cache_clear()
    assert sum(allowed(limit) for _ in range(30)) == 5
    throttle._redis.cache_clear()
    throttle._script.cache_clear()
    monkeypatch.setattr(throttle, "_redis_resumes_at", 0.0)


def test_while_redis_is_gone_one_thread_at_a_time_asks_it(clock, settings, monkeypatch):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    asked = []

    def away(*_, **__):
        asked.append(1)
        raise redis.ConnectionError

    monkeypatch.setattr(throttle, "_script", lambda: away)
    monkeypatch.setattr(throttle, "_redis_resumes_at", 0.0)
    limit = throttle.Limit("asked", 100, 60)
    assert all(allowed(limit) for _ in range(20))
    assert len(asked) == 1
    monkeypatch.setattr(throttle, "_redis_resumes_at", 1e-9)  # the pause is over
    assert allowed(limit)
    assert allowed(limit)
    assert len(asked) == 2
    monkeypatch.setattr(throttle, "_script", lambda: lambda **_: asked.append(2) or "0")
    monkeypatch.setattr(throttle, "_redis_resumes_at", 1e-9)
    assert allowed(limit)
    assert allowed(limit)
    assert asked == [1, 1, 2, 2], "it is back, for everybody"


def test_redis_counts_for_all_processes(settings, clock):
    if not settings.REDIS_URL:
        pytest.skip("needs REDIS_URL: set it to a Redis server such as redis://127.0.0.1:6379/5")
    limit = throttle.Limit(f"redis-{timezone.now().timestamp()}", 3, 60)
    assert [allowed(limit) for _ in range(4)] == [True, True, True, False]
    throttle.forget()  # another process
    assert not allowed(limit)
    throttle.clear(limit, "a")
    assert allowed(limit)
    assert redis.Redis.from_url(settings.REDIS_URL).keys(f"*{limit.name}*")


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("192.0.2.77", "192.0.2.77"),
        ("::ffff:192.0.2.77", "192.0.2.77"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("", ""),
    ],
)
def test_ipv6_is_counted_by_64(address, key):
    assert throttle.address_key(address) == key

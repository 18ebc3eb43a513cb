"""The one clock: in a server it never goes back (R30)."""

from datetime import UTC, datetime, timedelta

import pytest

from accounts import clock, timekeeping
from accounts.models import Lease

HOUR = 3600.0


class Machine:
    """The two clocks of a machine."""

    def __init__(self):
        self.now, self.ticks = 1_800_000_000.0, 50.0

    def time(self):
        return self.now

    def monotonic(self):
        return self.ticks

    def passes(self, seconds):
        self.now += seconds
        self.ticks += seconds


@pytest.fixture
def machine(monkeypatch):
    made = Machine()
    monkeypatch.setattr(clock, "time", made)
    monkeypatch.setattr(clock, "_forward", None)
    return made


def test_without_being_a_servers_it_is_the_machines(machine):
    assert clock.seconds() == machine.now
    machine.now -= HOUR
    assert clock.seconds() == machine.now
    assert clock.now() == datetime.fromtimestamp(machine.now, UTC)


def test_after_a_step_back_it_goes_half_as_fast_until_the_two_agree(machine):
    clock.never_back()
    before = clock.seconds()
    machine.now -= HOUR
    assert clock.seconds() == before
    assert clock.ahead() == HOUR
    machine.passes(10)
    assert clock.seconds() == before + 5
    last = clock.seconds()
    for _ in range(80):
        machine.passes(100)
        assert clock.seconds() >= last
        last = clock.seconds()
    assert clock.seconds() == machine.now
    assert clock.ahead() == 0


def test_a_step_forward_is_followed_at_once(machine):
    clock.never_back()
    clock.seconds()
    machine.now += HOUR
    assert clock.seconds() == machine.now


def test_a_clock_that_was_far_ahead_is_not_waited_for(machine):
    clock.never_back()
    clock.seconds()
    machine.now -= 2 * clock.MOST
    assert clock.seconds() == machine.now


@pytest.mark.django_db
def test_a_process_that_starts_after_the_step_goes_on_where_the_others_are(machine, monkeypatch):
    clock.never_back()
    timekeeping.note()
    machine.passes(15)
    timekeeping.note()
    told = clock.seconds()
    machine.now -= HOUR
    monkeypatch.setattr(clock, "_forward", None)
    assert clock.seconds() == machine.now
    timekeeping.take_up()
    assert clock.seconds() == pytest.approx(told)


@pytest.mark.django_db
def test_an_earlier_moment_changes_nothing_unless_the_later_was_far_from_the_truth(machine):
    timekeeping.note()
    latest = timekeeping.latest()
    machine.now -= HOUR
    timekeeping.note()
    assert timekeeping.latest() == latest
    Lease.objects.update(until=latest + timedelta(days=400))
    timekeeping.note()
    assert timekeeping.latest() == clock.now()

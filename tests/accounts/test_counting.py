"""Counts of the audit log by the hour."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from accounts import audit, clock, counting, tokens, users
from accounts.counting import Key
from accounts.models import AuditEvent, Flow, HourlyCount

NOON = datetime(2026, 3, 5, 12, 0, tzinfo=UTC)
pytestmark = pytest.mark.django_db


@pytest.fixture
def at():
    """Puts an event into the log at a moment."""

    def put(moment, event="login", outcome="success", flow="matrix", reason=""):
        return AuditEvent.objects.create(at=moment, event=event, outcome=outcome, flow=flow, reason=reason)

    return put


def count_all():
    """As the background does it: run after run, each of a few seconds."""
    while not counting.count_new():
        pass


def ago(**passed):
    return NOON - timedelta(**passed)


@pytest.fixture(autouse=True)
def noon():
    with time_machine.travel(NOON, tick=False):
        yield


def stored():
    rows = HourlyCount.objects.values_list("hour", "event", "flow", "outcome", "reason", "count")
    return {(counting.moment_of(row[0]), *row[1:5]): row[5] for row in rows}


def test_each_hour_is_counted_by_what_happened_in_it(at):
    at(ago(hours=3, minutes=1))
    at(ago(hours=3, minutes=59))
    at(ago(hours=2, minutes=30), outcome="refused", reason="credential-wrong")
    count_all()
    assert stored() == {
        (ago(hours=4), "login", "matrix", "success", ""): 2,
        (ago(hours=3), "login", "matrix", "refused", "credential-wrong"): 1,
    }


def test_an_event_counts_once_however_often_the_log_is_counted(at):
    at(ago(hours=1))
    for _ in range(3):
        count_all()
    with time_machine.travel(NOON + timedelta(minutes=10), tick=False):
        at(NOON + timedelta(minutes=5))
        for _ in range(3):
            count_all()
    assert sum(stored().values()) == 2


def test_an_hour_that_was_counted_in_part_is_added_to(at):
    with time_machine.travel(ago(minutes=20), tick=False):
        at(ago(minutes=30))
        count_all()
    at(ago(minutes=10))
    count_all()
    assert stored() == {(ago(hours=1), "login", "matrix", "success", ""): 2}


def test_an_event_on_the_edge_of_an_hour_counts_once(at):
    at(ago(hours=2))
    at(ago(hours=2) - timedelta(microseconds=1))
    count_all()
    assert sorted(stored().values()) == [1, 1]


def test_what_may_still_be_uncommitted_waits(at):
    at(ago(seconds=5))
    count_all()
    assert stored() == {}
    with time_machine.travel(NOON + timedelta(minutes=2), tick=False):
        count_all()
    assert sum(stored().values()) == 1


def test_an_old_log_is_counted_for_a_month(at):
    at(ago(days=40))
    at(ago(days=30))
    count_all()
    assert sum(stored().values()) == 1


def test_reading_adds_what_is_younger_than_the_last_count(at):
    at(ago(hours=2))
    count_all()
    at(ago(seconds=2))
    found = counting.by_time(ago(days=1), events={"login"}, hours=1)
    key = Key("login", "matrix", "success", "")
    assert found == {(counting.number_of(ago(hours=2)), key): 1, (counting.number_of(ago(seconds=2)), key): 1}


def test_reading_needs_no_background_work(at):
    at(ago(hours=2))
    at(ago(days=3))
    found = counting.by_time(ago(days=1), events={"login"}, hours=1)
    assert sum(found.values()) == 1


def test_days_gather_hours(at):
    for hours in (1, 2, 3, 26):
        at(ago(hours=hours))
    count_all()
    found = counting.by_time(ago(days=2), events={"login"}, hours=24)
    assert sorted(found.values()) == [1, 3]


def test_only_the_events_that_were_asked_for_are_read(at):
    at(ago(hours=1), event="logout")
    at(ago(seconds=1), event="logout")
    count_all()
    assert counting.by_time(ago(days=1), events={"login"}, hours=1) == {}


def test_refusals_are_read_with_their_reasons(at):
    at(ago(hours=1), outcome="refused", reason="credential-wrong")
    at(ago(seconds=1), outcome="refused", reason="credential-wrong")
    at(ago(seconds=1))
    count_all()
    assert counting.refused(ago(days=1)) == {Key("login", "matrix", "refused", "credential-wrong"): 2}


def test_the_log_may_be_purged_and_the_counts_stay(at):
    at(ago(hours=5))
    count_all()
    AuditEvent.objects.all().delete()
    count_all()
    assert sum(stored().values()) == 1


def test_counts_are_kept_for_a_year_and_a_month():
    for days in (399, 401):
        hour = counting.number_of(ago(days=days))
        HourlyCount.objects.create(hour=hour, event="login", flow="matrix", outcome="success", count=1)
    assert counting.purge() == 1
    assert HourlyCount.objects.count() == 1


def test_a_clock_that_was_set_back_counts_nothing_twice(at):
    at(ago(hours=3))
    count_all()
    with time_machine.travel(ago(hours=2), tick=False):
        count_all()
    count_all()
    assert sum(stored().values()) == 1


def test_an_idle_server_remembers_how_far_it_counted(at):
    at(ago(days=2))
    count_all()
    with time_machine.travel(NOON + timedelta(days=3), tick=False):
        count_all()
        assert counting._until(counting.StoredFigures.objects.get(name="counted")) == clock.after(-45.0)


def test_sizes_are_those_that_were_measured():
    user = users.create("ann", by_administrator=True)
    tokens.issue(tokens.Minted("one", 3600), user=user, flow=Flow.MATRIX)
    tokens.issue(tokens.Minted("two", 3600), user=user, flow=Flow.MATRIX, active=False)
    assert counting.sizes()[0]["sessions"] == {"matrix": 1}
    counting.measure()
    tokens.issue(tokens.Minted("three", 3600), user=user, flow=Flow.SESSION)
    numbers, at = counting.sizes()
    assert (numbers["accounts"], numbers["sessions"], at) == (1, {"matrix": 1}, NOON)
    counting.measure()
    assert counting.sizes()[0]["sessions"] == {"matrix": 1, "session": 1}


def test_the_tokens_of_one_login_are_one_session():
    user = users.create("ann", by_administrator=True)
    first = tokens.issue(tokens.Minted("one", 3600), user=user, flow=Flow.MATRIX)
    tokens.issue(tokens.Minted("two", 3600), user=user, flow=Flow.MATRIX, kind="refresh", family=first.family)
    numbers, _ = counting.sizes()
    assert (numbers["sessions"], numbers["tokens"]) == ({"matrix": 1}, {"matrix": 2})


def test_real_events_come_in():
    audit.record("login", flow=Flow.MATRIX, subject="ann")
    assert sum(counting.by_time(ago(days=1), events={"login"}, hours=24).values()) == 1

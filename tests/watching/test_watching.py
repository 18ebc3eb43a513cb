"""What is not well by itself is told once, and once more when it is over, by one of the processes."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.utils.timezone import now

from accounts import leases, mail, watching
from accounts.homeserver import client
from accounts.models import Condition, Happening, JobState, QueuedMail
from idp import background
from idp import watching as threads

pytestmark = pytest.mark.django_db


def told():
    return list(Happening.objects.order_by("pk").values_list("kind", flat=True))


@pytest.fixture
def homeserver(settings, monkeypatch):
    """A homeserver of which a test says how it answers."""
    settings.MATRIX_HOMESERVER_URL, settings.MATRIX_HOMESERVER_SECRET = "http://homeserver:8008", "s3cret"

    class Answering:
        failure = None

        def __call__(self, localpart):
            if self.failure:
                raise self.failure

    answering = Answering()
    monkeypatch.setattr(client, "query_user", answering)
    return answering


def test_mail_that_is_stuck_is_told_once_and_that_it_flows_once(clock, settings):
    settings.MAIL_STUCK_AFTER = 600
    mail.send("register", to="bob@example.org", facts={"link": "x"})
    clock.shift(timedelta(seconds=599))
    assert watching.look() == 0
    clock.shift(timedelta(seconds=2))
    for _ in range(5):
        assert watching.look() == 1
        clock.shift(timedelta(hours=1))
    assert told() == ["mail-stuck"]
    event = Happening.objects.get()
    assert (event.severity, event.facts["seconds"], event.facts["waiting"]) == ("critical", 601, 1)
    QueuedMail.objects.all().delete()
    for _ in range(3):
        watching.look()
    assert told() == ["mail-stuck", "mail-flows"]
    assert not Condition.objects.exists()


def test_a_homeserver_must_be_silent_for_a_while_before_it_is_told(clock, settings, homeserver):
    settings.HOMESERVER_SILENT_AFTER = 100
    watching.look()
    homeserver.failure = client.CallFailed("query_user", errcode="ConnectionRefusedError")
    watching.look()
    clock.shift(timedelta(seconds=60))
    watching.look()
    assert told() == []
    clock.shift(timedelta(seconds=60))
    watching.look()
    watching.look()
    event = Happening.objects.get()
    assert (event.kind, event.subject) == ("homeserver-silent", "http://homeserver:8008")
    assert event.facts["error"] == "query_user: no answer ConnectionRefusedError"
    homeserver.failure = None
    watching.look()
    watching.look()
    assert told() == ["homeserver-silent", "homeserver-answers"]


def test_a_homeserver_that_stumbles_once_is_not_told(clock, settings, homeserver):
    for _ in range(5):
        homeserver.failure = client.CallFailed("query_user", status=502)
        watching.look()
        clock.shift(timedelta(minutes=10))
        homeserver.failure = None
        watching.look()
    assert told() == []


def test_a_homeserver_that_refuses_one_question_answers(clock, homeserver):
    homeserver.failure = client.CallFailed("query_user", status=400, errcode="M_UNKNOWN")
    assert watching.look() == 0


def test_without_a_homeserver_nobody_asks_one(monkeypatch):
    def asked(*_):
        raise AssertionError

    monkeypatch.setattr(client, "query_user", asked)
    assert watching.look() == 0


def test_a_job_that_fails_for_a_while_is_told_with_its_error(clock):
    JobState.objects.create(job="purge", succeeded_at=now(), failed_at=now() - timedelta(hours=1))
    JobState.objects.create(job="mail", failed_at=now(), last_error="OperationalError")
    assert watching.look() == 1
    assert told() == []
    clock.shift(timedelta(seconds=61))
    watching.look()
    watching.look()
    event = Happening.objects.get()
    assert (event.kind, event.subject, event.facts["error"]) == ("job-failing", "mail", "OperationalError")
    JobState.objects.filter(job="mail").update(succeeded_at=now())
    watching.look()
    assert told() == ["job-failing", "job-works"]


def test_a_job_that_is_no_longer_listed_is_over(clock):
    JobState.objects.create(job="homeserver", failed_at=now(), last_error="X")
    watching.look()
    clock.shift(timedelta(seconds=61))
    watching.look()
    JobState.objects.all().delete()
    watching.look()
    assert told() == ["job-failing", "job-works"]


@pytest.mark.django_db(transaction=True)
def test_of_processes_that_look_at_once_one_tells(settings):
    settings.MAIL_STUCK_AFTER = 10
    mail.send("register", to="bob@example.org", facts={"link": "x"})
    QueuedMail.objects.update(created_at=now() - timedelta(hours=1))
    together = threading.Barrier(6)

    def process(_):
        together.wait(60)
        try:
            watching.look()
        finally:
            connection.close()

    for expected in (["mail-stuck"], ["mail-stuck", "mail-flows"]):
        with ThreadPoolExecutor(6) as pool:
            list(pool.map(process, range(6)))
        assert told() == expected
        QueuedMail.objects.all().delete()


@pytest.mark.django_db(transaction=True)
def test_only_the_holder_of_the_lease_tells_messages_and_gives_it_back(settings):
    from accounts import happenings

    happenings.tell("test")
    assert leases.take("events", "another process", seconds=600)
    threads.tell_due(threading.Event(), "me")
    assert Happening.objects.filter(spread_at=None).exists()
    assert leases.take("events", "another process", seconds=-1)
    threads.tell_due(threading.Event(), "me")
    assert not Happening.objects.filter(spread_at=None).exists()
    assert leases.take("events", "another process", seconds=-1)


@pytest.mark.django_db(transaction=True)
def test_the_threads_count_tell_and_end(monkeypatch, fail):
    """As a server runs them: a failure is written down within the interval, without anybody asking."""
    from accounts import failures
    from accounts.models import Guesser

    stopping = threading.Event()
    monkeypatch.setattr(threads, "_COUNT_INTERVAL", 0.05)
    before = set(threading.enumerate())
    threads.start(stopping, background._attempt, "me")
    mine = set(threading.enumerate()) - before
    assert {thread.name for thread in mine} == {"guessers", "events", "watch"}
    moment = now()
    failures.put_back([(failures.Failure("198.51.100.7", "matrix", "alice"), failures.Tally(1, moment, moment))])
    deadline = 600
    while deadline and not Guesser.objects.exists():
        deadline -= 1
        stopping.wait(0.1)
    assert Guesser.objects.exists()
    stopping.set()
    for thread in mine:
        thread.join(60)
        assert not thread.is_alive()


def test_what_was_counted_last_is_written_down_when_the_server_stops(alice):
    from accounts import audit
    from accounts.models import Guesser

    audit.record("login", outcome=audit.REFUSED, reason="credential-wrong", subject="alice", ip="198.51.100.7")
    threads.stop()
    assert Guesser.objects.filter(network="198.51.100.7").exists()

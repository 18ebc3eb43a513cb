"""When background jobs ran, and how that ended."""

from datetime import timedelta

import pytest
import time_machine
from django.db import OperationalError

from accounts import clock, jobs, processes
from accounts.models import JobState, ServerProcess
from idp import background

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch):
    monkeypatch.setattr(background, "close_old_connections", lambda: None)  # a test's transaction outlives a job
    jobs._known.clear()
    yield
    jobs._known.clear()


def state(name="mail"):
    return JobState.objects.get(job=name)


def test_a_run_is_written(standing_clock):
    jobs.ran("mail", seconds=0.25, every=60.0, holder="here:1")
    found = state()
    assert (found.seconds, found.holder, found.failures, found.last_error) == (0.25, "here:1", 0, "")
    assert found.ran_at == found.succeeded_at == clock.now()
    assert found.next_at == clock.after(60.0)
    assert not jobs.is_failing(found)


def test_a_failure_is_written_and_a_success_ends_it():
    jobs.ran("mail", seconds=0.1)
    jobs._known["mail"].written_at -= 100
    jobs.ran("mail", seconds=0.1, error="SMTPException")
    assert jobs.is_failing(state())
    assert (state().last_error, state().failures) == ("SMTPException", 1)
    jobs.ran("mail", seconds=0.1)
    assert not jobs.is_failing(state())
    assert state().last_error == "SMTPException", "what it was is still told"


def test_a_job_that_always_looks_writes_now_and_then(django_assert_num_queries):
    jobs.ran("notices", seconds=0.0, every=0.5)
    with django_assert_num_queries(0):
        for _ in range(20):
            jobs.ran("notices", seconds=0.0, every=0.5)


def test_failures_between_two_writings_are_all_counted():
    for _ in range(5):
        jobs.ran("mail", seconds=0.0, error="OSError")
    assert state().failures == 1
    jobs._known["mail"].written_at -= 100
    jobs.ran("mail", seconds=0.0, error="OSError")
    assert state().failures == 6


def test_a_database_that_does_not_answer_is_told_later(monkeypatch):
    def gone(*_, **__):
        raise OperationalError("gone")

    with monkeypatch.context() as patched:
        patched.setattr(jobs, "_write", gone)
        jobs.ran("mail", seconds=0.0, error="OperationalError")
    jobs._known["mail"].written_at -= 100
    jobs.ran("mail", seconds=0.0)
    assert state().failures == 1


def test_jobs_that_no_process_has_any_more_are_forgotten():
    jobs.ran("mail", seconds=0.0)
    with time_machine.travel(clock.now() + timedelta(days=8)):
        assert jobs.states() == []
        assert jobs.purge() == 1


class TestBackground:
    """What the server's threads note."""

    def test_a_run_is_noted_under_the_name_of_the_job(self):
        background._attempt(lambda: None, "tidy", every=5.0)
        assert state("tidy").next_at is not None

    def test_a_failure_ends_nothing_and_is_noted_by_its_class(self):
        def fail():
            raise ValueError("a secret")

        background._attempt(fail, "tidy")
        assert state("tidy").last_error == "ValueError"

    def test_a_job_that_another_process_does_is_no_run(self):
        background._attempt(lambda: False, "tidy")
        assert not JobState.objects.exists()

    def test_purge_is_done_by_the_process_that_has_the_lease(self, settings):
        assert background._purge() is True
        JobState.objects.all().delete()
        from accounts import leases

        leases.take("purge", background._holder, seconds=-10)
        assert leases.take("purge", "somebody else", seconds=100)
        assert background._purge() is False


class TestProcesses:
    """Which processes serve."""

    def test_a_process_is_there_while_it_says_so(self):
        moment = clock.now()
        processes.tell("here:1", started_at=moment, sockets={"otp": 3}, memory=1024)
        processes.tell("here:1", started_at=moment, sockets={"otp": 2}, memory=2048)
        [found] = processes.living()
        assert (found.sockets, found.memory) == ({"otp": 2}, 2048)
        processes.leave("here:1")
        assert not processes.living()

    def test_one_that_is_silent_is_gone_and_later_forgotten(self):
        processes.tell("here:1", started_at=clock.now(), sockets={}, memory=0)
        with time_machine.travel(clock.now() + timedelta(minutes=2)):
            assert not processes.living()
        with time_machine.travel(clock.now() + timedelta(hours=2)):
            processes.tell("here:2", started_at=clock.now(), sockets={}, memory=0)
            assert ServerProcess.objects.count() == 1

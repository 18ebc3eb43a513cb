"""Database, schema, Redis, clocks and background work, as `doctor` sees them."""

from datetime import timedelta
from typing import Any

import pytest
import redis
from django.db import OperationalError, connection

from accounts import clock
from accounts.models import JobState, Lease
from idp.doctor import stores
from idp.lifecycle import schema
from tests.idp.doctor.conftest import failed, good, skipped

pytestmark = pytest.mark.django_db


def test_a_database_is_written_and_read_and_nothing_is_left_in_it():
    assert good("database") in {"SQLite", "Postgres"}
    assert not Lease.objects.filter(job="doctor").exists()


def test_a_database_that_cannot_be_written_is_told_in_a_line(monkeypatch):
    def refuses(*_: object, **__: object) -> None:
        raise OperationalError("attempt to write a readonly database\nand more")

    monkeypatch.setattr(Lease.objects, "update_or_create", refuses)
    told = failed("database")
    assert "attempt to write a readonly database" in told
    assert "DATABASE_URL" in told


def test_a_schema_of_this_code_is_good():
    assert good("migrations") == "all are applied"


def test_a_schema_that_is_older_wants_migrate_and_a_newer_one_the_newer_code(monkeypatch):
    applied = schema.applied()
    gone = next(key for key in applied if key[0] == "accounts")
    monkeypatch.setattr(schema, "applied", lambda: applied - {gone})
    assert f"1 migration missing, such as {'.'.join(gone)}" in failed("migrations")
    monkeypatch.setattr(schema, "applied", lambda: applied | {("accounts", "9999_later")})
    told = failed("migrations")
    assert "the schema is newer than this code: it has accounts.9999_later" in told
    assert "upgrade" in told


class FakeRedis:
    """As much of one as is asked."""

    def __init__(self, *, fails: bool = False, forgets: bool = False, off: float = 0.0) -> None:
        self.fails, self.forgets, self.off, self.held = fails, forgets, off, dict[str, bytes]()

    def from_url(self, url: str, **_: object) -> "FakeRedis":
        return self

    def set(self, key: str, value: str, ex: int) -> None:
        if self.fails:
            raise redis.ConnectionError("nobody there, password hushhush")
        self.held[key] = value.encode()

    def get(self, key: str) -> bytes | None:
        return b"other" if self.forgets else self.held.get(key)

    def delete(self, key: str) -> None:
        self.held.pop(key, None)

    def time(self) -> tuple[int, int]:
        moment = clock.now().timestamp() + self.off
        return int(moment), int(moment % 1 * 1e6)


@pytest.fixture
def fake_redis(settings, monkeypatch: pytest.MonkeyPatch) -> Any:
    settings.REDIS_URL = "redis://:hushhush@10.0.0.1/0"

    def use(**how: Any) -> FakeRedis:
        found = FakeRedis(**how)
        monkeypatch.setattr(stores.redis.Redis, "from_url", found.from_url)
        return found

    return use


def test_without_redis_there_is_nothing_to_look_at(settings):
    settings.REDIS_URL = ""
    assert "REDIS_URL is not set" in skipped("redis")


def test_redis_is_written_and_read_and_nothing_is_left_in_it(fake_redis):
    found = fake_redis()
    assert good("redis") == "written and read"
    assert found.held == {}


def test_a_redis_that_does_not_answer_or_is_shared_is_found_and_its_password_is_not_told(fake_redis):
    fake_redis(fails=True)
    told = failed("redis")
    assert "ConnectionError" in told
    assert "hushhush" not in told
    fake_redis(forgets=True)
    assert "something else than was written" in failed("redis")


def test_clocks_of_other_machines_are_compared(fake_redis):
    fake_redis(off=3)
    assert "Redis agrees" in good("clocks")
    fake_redis(off=-7)
    assert "Redis is 7 s off" in failed("clocks")
    fake_redis(off=4000)
    assert "NTP" in failed("clocks")


@pytest.mark.skipif(connection.vendor == "postgresql", reason="Postgres has a clock of its own")
def test_without_another_machine_no_clock_is_compared(settings):
    settings.REDIS_URL = ""
    assert "on this machine" in skipped("clocks")


def test_background_work_that_goes_on_is_good_and_none_at_all_is_a_server_that_does_not_run():
    assert "serve" in failed("background")
    JobState.objects.create(job="notices", ran_at=clock.now(), succeeded_at=clock.now(), next_at=clock.after(0.5))
    JobState.objects.create(
        job="purge", ran_at=clock.after(-3000), succeeded_at=clock.after(-3000), next_at=clock.after(600)
    )
    assert good("background") == "2 jobs"


def test_background_work_that_fails_or_stopped_is_named():
    moment = clock.now()
    state = JobState.objects.create(
        job="mail", ran_at=moment, succeeded_at=moment - timedelta(hours=1), failed_at=moment, last_error="TimeoutError"
    )
    assert "failing: mail (TimeoutError)" in failed("background")
    state.succeeded_at, state.ran_at = moment, moment - timedelta(minutes=10)
    state.next_at = state.ran_at + timedelta(seconds=1)
    state.save()
    assert "late: mail" in failed("background")

"""Database and Redis: they answer, take what is written, have the schema of this code, and the same time."""

import secrets
from datetime import UTC, datetime, timedelta

import redis
from django.conf import settings
from django.db import Error, connection

from accounts import clock, jobs, words
from accounts.models import Lease
from idp.doctor.findings import Check, Finding, failed, good, skipped
from idp.lifecycle import schema

_KEY = "latchkey:doctor"
_MOST_SECONDS_APART = 5.0
_LATE, _SLACK = 2, 60.0  # intervals of a job; seconds, because quick jobs write now and then only


def database() -> Finding:
    """A row is written, read and deleted, each in a transaction of its own."""
    engine = {"sqlite": "SQLite", "postgresql": "Postgres"}[connection.vendor]
    mark = secrets.token_hex(8)
    try:
        Lease.objects.update_or_create(job="doctor", defaults={"holder": mark, "until": clock.now()})
        found = Lease.objects.get(job="doctor").holder
        Lease.objects.filter(job="doctor").delete()
    except Error as error:
        cure = "Check DATABASE_URL, that the database runs, that its user may write, and that its disk is not full."
        return failed(f"{engine}: {next(iter(str(error).splitlines()), type(error).__name__)}", cure)
    if found != mark:
        return failed(f"{engine} gives back something else than was written", "Restore a backup; look at the disk.")
    return good(engine)


def migrations() -> Finding:
    """This code and the schema are of one age."""
    age = schema.age_of(schema.applied())
    if age.missing:
        first = ".".join(age.missing[0])
        return failed(
            f"{words.count(len(age.missing), 'migration')} missing, such as {first}", "Run `manage.py migrate`."
        )
    if age.unknown:
        first = ".".join(age.unknown[0])
        return failed(
            f"the schema is newer than this code: it has {first}",
            "That is right in the middle of an upgrade only: finish it, or install the newer version again.",
        )
    return good("all are applied")


def redis_answers() -> Finding:
    """A key is written, read and deleted."""
    if not settings.REDIS_URL:
        return skipped("REDIS_URL is not set: one process needs none")
    mark = secrets.token_hex(8)
    try:
        client = redis.Redis.from_url(settings.REDIS_URL, socket_timeout=3.0, socket_connect_timeout=3.0)
        client.set(_KEY, mark, ex=60)
        found = client.get(_KEY)
        client.delete(_KEY)
    except redis.RedisError as error:
        return failed(f"Redis: {type(error).__name__}", "Check REDIS_URL, and that Redis runs and has memory left.")
    if found != mark.encode():
        return failed("Redis gives back something else than was written", "Give this installation a Redis of its own.")
    return good("written and read")


def clocks() -> Finding:
    """The moments of the database and of Redis: lifetimes are compared across machines."""
    apart = {}
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT clock_timestamp()")
            apart["Postgres"] = _apart(cursor.fetchone()[0])
    if settings.REDIS_URL:
        client = redis.Redis.from_url(settings.REDIS_URL, socket_timeout=3.0, socket_connect_timeout=3.0)
        seconds, micros = client.time()  # type: ignore[misc]  # redis' types say it may be awaitable
        apart["Redis"] = _apart(datetime.fromtimestamp(seconds + micros / 1e6, UTC))
    if not apart:
        return skipped("the database is on this machine")
    wrong = [f"{name} is {seconds:.0f} s off" for name, seconds in apart.items() if seconds > _MOST_SECONDS_APART]
    if wrong:
        return failed(", ".join(wrong), "Let all machines take the time from NTP (timedatectl set-ntp true).")
    return good(", ".join(f"{name} agrees" for name in apart))


def background() -> Finding:
    """What the server does beside answering: it is under way, and succeeds."""
    states = jobs.states()
    if not states:
        return failed("no job has ever run", "Start the server (`manage.py serve`): it does this work itself.")
    bad = [f"{state.job} ({state.last_error})" for state in states if jobs.is_failing(state)]
    if bad:
        return failed(f"failing: {', '.join(bad)}", "Look into the server's log, and at the first page of the admin.")
    late = [state.job for state in states if state.next_at and _is_late(state.ran_at, state.next_at)]
    if late:
        return failed(f"late: {', '.join(late)}", "Is the server running? One of its processes does this work.")
    return good(words.count(len(states), "job"))


def _is_late(ran_at: datetime, next_at: datetime) -> bool:
    return clock.now() > next_at + _LATE * (next_at - ran_at) + timedelta(seconds=_SLACK)


def _apart(moment: datetime) -> float:
    return abs((clock.now() - moment).total_seconds())


CHECKS = (
    Check("database", "the database takes and gives", database),
    Check("migrations", "code and schema are of one age", migrations),
    Check("redis", "Redis takes and gives", redis_answers),
    Check("clocks", "all machines have the same time", clocks),
    Check("background", "the server does its work beside answering", background),
)

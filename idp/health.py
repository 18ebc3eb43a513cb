"""Whether this installation can serve requests (operations.md §4)."""

from functools import cache

import redis
from django.conf import settings
from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor

from accounts import mail


def missing() -> str:
    """The name of the first thing that is not as it should be, "" when all is: `database`, `migrations`, `redis`,
    `mail`."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        if not _migrated():
            return "migrations"
    except Error:
        return "database"
    if settings.REDIS_URL:
        try:
            _redis().ping()
        except redis.RedisError:
            return "redis"
    return "mail" if _mail_is_stuck() else ""


def _mail_is_stuck() -> bool:
    """Not after an hour of a mail server that is down: every instance would leave the balancer at once, with the doors
    that need no mail. After READY_MAIL_AGE nobody is looking, and something has to say so."""
    try:
        return bool(settings.READY_MAIL_AGE) and mail.oldest_due_age() > settings.READY_MAIL_AGE
    except Error:
        return False  # the database was there a moment ago; the next look names it


_known_migrated = False


def _migrated() -> bool:
    """Whether every migration is applied; once true it stays true for this code."""
    global _known_migrated
    if not _known_migrated:
        executor = MigrationExecutor(connection)
        _known_migrated = not executor.migration_plan(executor.loader.graph.leaf_nodes())
    return _known_migrated


@cache
def _redis() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=1.0, socket_connect_timeout=1.0)

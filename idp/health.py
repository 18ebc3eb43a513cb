"""Whether this installation can serve requests (operations.md §4)."""

from functools import cache

import redis
from django.conf import settings
from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor


def missing() -> str:
    """The name of the first thing that does not answer, "" when all do."""
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
    return ""


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

"""What a database holds, as this code sees it: whose it is, of which age, and whether anything is in it."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.apps import apps
from django.db import connections
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import Model

_MARK = "accounts"  # every installation has migrations of this application
_WRITTEN_BY_MIGRATING = {"django_migrations", "django_content_type", "auth_permission", "accounts_revision"}
Migration = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Age:
    """Migrations that this code has and the database has not, and the other way round."""

    missing: tuple[Migration, ...]
    unknown: tuple[Migration, ...]


def age_of(applied: Iterable[Migration]) -> Age:
    """Compares what a database says was applied with this code. A squashed migration counts as those it replaces."""
    done, loader = set(applied), MigrationLoader(None)
    replaced = {key for migration in loader.disk_migrations.values() for key in migration.replaces}
    known = set(loader.disk_migrations) | replaced
    missing = [
        key
        for key, migration in loader.disk_migrations.items()
        if key not in done and not (migration.replaces and done.issuperset(migration.replaces))
    ]
    return Age(tuple(sorted(missing)), tuple(sorted(done - known)))


def is_ours(applied: Iterable[Migration]) -> bool:
    """Whether it is a database of this software at all."""
    return any(app == _MARK for app, _ in applied)


def applied(alias: str = "default") -> set[Migration]:
    """What a database says was applied; nothing where it has no tables yet."""
    return set(MigrationRecorder(connections[alias]).applied_migrations())


def tables(alias: str = "default") -> list[str]:
    """The names of all tables that are there."""
    return sorted(connections[alias].introspection.table_names())


def first_with_rows(alias: str = "default") -> str:
    """The first table in which somebody has left something; "" when there is none but what migrating alone writes."""
    connection = connections[alias]
    with connection.cursor() as cursor:
        for table in tables(alias):
            if table not in _WRITTEN_BY_MIGRATING:
                cursor.execute(f"SELECT 1 FROM {connection.ops.quote_name(table)} LIMIT 1")  # noqa: S608  # its own name
                if cursor.fetchone():
                    return table
    return ""


def models() -> list[type[Model]]:
    """Every model with a table of its own, join tables included, in an order that does not change."""
    found = apps.get_models(include_auto_created=True)
    with_table = [model for model in found if model._meta.managed and not model._meta.proxy]
    return sorted(with_table, key=lambda model: model._meta.label)

"""What a migration must not do while servers of the release before are running on the same database (R60).

Expand, backfill, contract: a release adds; old rows are filled in batches; what nobody uses any more goes a release
later. A migration of the third kind says so: `contracts = "the release that stopped using it"` in its class; one with
code of its own says why that does no harm to the release before: `beside_the_old = "…"`.
"""

from collections.abc import Iterator
from typing import Any

from django.db import connection
from django.db.migrations import Migration, operations
from django.db.migrations.state import ProjectState
from django.db.models import NOT_PROVIDED

from accounts.gently import AddIndexGently

_TAKES_AWAY = (operations.RemoveField, operations.DeleteModel, operations.RenameField, operations.RenameModel,
               operations.AlterModelTable)  # fmt: skip
_OWN_CODE = (operations.RunPython, operations.RunSQL, operations.SeparateDatabaseAndState)
_TIGHTENS = (operations.AddConstraint, operations.AlterUniqueTogether)


def dangers(migration: Migration, before: ProjectState) -> Iterator[str]:
    """Why the release before could not live with it; nothing when it could. `before` is the state it starts from."""
    made, state = set[str](), before.clone()
    for operation in migration.operations:
        if isinstance(operation, operations.CreateModel):
            made.add(operation.name_lower)
        elif getattr(operation, "model_name_lower", getattr(operation, "name_lower", "")) not in made:
            yield from _dangers_of(operation, migration, state)
        operation.state_forwards(migration.app_label, state)


def _dangers_of(operation: Any, migration: Migration, state: ProjectState) -> Iterator[str]:
    what = operation.describe()
    if isinstance(operation, _TAKES_AWAY) and not getattr(migration, "contracts", ""):
        yield f"{what}: the release before uses it; take it away a release later, with `contracts`"
    elif isinstance(operation, _OWN_CODE) and not getattr(migration, "beside_the_old", ""):
        yield f"{what}: say in `beside_the_old` why the release before does not mind"
    elif isinstance(operation, _TIGHTENS):
        yield f"{what}: the release before may write what it forbids; let the code forbid it for a release first"
    elif isinstance(operation, AddIndexGently):
        if migration.atomic:
            yield f"{what}: needs `atomic = False`"
    elif isinstance(operation, operations.AddIndex):
        yield f"{what}: it locks out writers while it is built; take accounts.gently.AddIndexGently"
    elif isinstance(operation, operations.AddField):
        yield from _added(operation, what)
    elif isinstance(operation, operations.AlterField):
        yield from _altered(operation, migration, state, what)


def _added(operation: Any, what: str) -> Iterator[str]:
    field = operation.field
    if field.many_to_many:
        return
    if not field.null and field.db_default is NOT_PROVIDED and not getattr(field, "generated", False):
        yield f"{what}: NOT NULL without db_default; the release before inserts rows without it"
    if field.unique and field.db_default is not NOT_PROVIDED:
        yield f"{what}: unique with a default; the second row of the release before is refused"
    if field.db_index and not field.unique and not field.remote_field:
        yield f"{what}: its index locks out writers while it is built; add it by AddIndexGently"


def _altered(operation: Any, migration: Migration, state: ProjectState, what: str) -> Iterator[str]:
    model = state.apps.get_model(migration.app_label, operation.model_name)
    old, new = model._meta.get_field(operation.name), operation.field.clone()
    new.set_attributes_from_name(operation.name)
    new.model = model
    if old.null and not new.null:
        yield f"{what}: NOT NULL now; the release before may write NULL"
    if new.unique and not old.unique:
        yield f"{what}: unique now; the release before may write the same twice"
    if old.column != (new.db_column or new.get_attname_column()[1]):
        yield f"{what}: another column"
    if not _takes_all(old, new):
        yield f"{what}: another type or shorter; the release before may write what does not fit"
    if old.db_default is not NOT_PROVIDED and new.db_default is NOT_PROVIDED and not new.null:
        yield f"{what}: no default any more; the release before inserts rows without it"


def _takes_all(old: Any, new: Any) -> bool:
    """Whether the new column holds whatever the old one held."""
    if old.get_internal_type() == new.get_internal_type():
        return new.max_length is None or (old.max_length is not None and new.max_length >= old.max_length)
    texts = {"CharField", "EmailField", "SlugField", "URLField"}
    if old.get_internal_type() in texts and new.get_internal_type() == "TextField":
        return True
    return bool(old.db_type(connection) == new.db_type(connection))

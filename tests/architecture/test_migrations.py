"""No migration breaks the release before, which goes on serving beside it (R60; docs/lifecycle.md)."""

from typing import Any

import pytest
from django.db import migrations, models
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ModelState, ProjectState

from accounts.gently import AddIndexGently
from tests.architecture.expanding import dangers

OURS = ("accounts", "openpgp", "session", "oauth", "otp", "rendezvous", "idp")
# Nothing ever ran beside them; the later ones are tried with the code before them (tests/upgrade).
BEFORE_THE_RULE = {
    *(("accounts", number) for number in ("0001", "0002", "0003")),
    *((app, "0001") for app in OURS),
}
LOADER = MigrationLoader(None)
NEW = sorted(key for key in LOADER.disk_migrations if key[0] in OURS and (key[0], key[1][:4]) not in BEFORE_THE_RULE)


@pytest.mark.parametrize("key", NEW, ids=".".join)
def test_the_release_before_lives_with_it(key):
    before = LOADER.project_state(key, at_end=False)
    assert list(dangers(LOADER.disk_migrations[key], before)) == []


def test_there_is_something_to_look_at():
    assert ("accounts", "0011_kept_keys") in NEW


def table(name: str = "thing", **fields: models.Field) -> ModelState:
    own: dict[str, models.Field] = {
        "id": models.BigAutoField(primary_key=True),
        "name": models.CharField(max_length=32, null=True),
    }
    shown: dict[str, models.Field] = {**own, **fields}
    return ModelState("accounts", name, list(shown.items()))


def found(*operations: object, **said: object) -> list[str]:
    migration = migrations.Migration("9999_test", "accounts")
    for name, value in {"operations": list(operations), **said}.items():
        setattr(migration, name, value)
    state = ProjectState()
    state.add_model(table(code=models.CharField(max_length=10), kept=models.IntegerField(db_default=3)))
    return list(dangers(migration, state))


def text(**more: Any) -> models.Field:
    return models.CharField(**{"max_length": 32, **more})


@pytest.mark.parametrize(
    ("operation", "words"),
    [
        (migrations.RemoveField("thing", "name"), "uses it"),
        (migrations.DeleteModel("thing"), "uses it"),
        (migrations.RenameField("thing", "name", "title"), "uses it"),
        (migrations.RenameModel("thing", "other"), "uses it"),
        (migrations.AlterModelTable("thing", "other"), "uses it"),
        (migrations.AddField("thing", "new", text()), "without db_default"),
        (migrations.AddField("thing", "new", text(default="x")), "without db_default"),
        (migrations.AddField("thing", "new", text(db_default="x", unique=True)), "second row"),
        (migrations.AddField("thing", "new", text(null=True, db_index=True)), "locks out writers"),
        (migrations.AlterField("thing", "name", text()), "may write NULL"),
        (migrations.AlterField("thing", "name", text(db_default="x")), "may write NULL"),
        (migrations.AlterField("thing", "code", text(max_length=9)), "shorter"),
        (migrations.AlterField("thing", "code", models.IntegerField()), "another type"),
        (migrations.AlterField("thing", "code", text(unique=True)), "the same twice"),
        (migrations.AlterField("thing", "code", text(db_column="c")), "another column"),
        (migrations.AlterField("thing", "kept", models.IntegerField()), "no default any more"),
        (migrations.AddConstraint("thing", models.UniqueConstraint(fields=["code"], name="u")), "forbids"),
        (migrations.AddIndex("thing", models.Index(fields=["code"], name="i")), "AddIndexGently"),
        (AddIndexGently("thing", models.Index(fields=["code"], name="i")), "atomic = False"),
        (migrations.RunPython(lambda *_: None), "beside_the_old"),
        (migrations.RunSQL("SELECT 1"), "beside_the_old"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_what_would_break_the_release_before_is_found(operation, words):
    assert words in " ".join(found(operation))


@pytest.mark.parametrize(
    "operation",
    [
        migrations.CreateModel("other", [("id", models.BigAutoField(primary_key=True)), ("code", text())]),
        migrations.AddField("thing", "new", text(null=True)),
        migrations.AddField("thing", "new", text(db_default="")),
        migrations.AlterField("thing", "code", text(max_length=11)),
        migrations.AlterField("thing", "code", models.TextField()),
        migrations.AlterField("thing", "code", text(max_length=10, null=True, verbose_name="codes")),
        migrations.AlterModelOptions("thing", {"verbose_name": "object"}),
    ],
    ids=lambda value: value.describe(),
)
def test_what_only_adds_is_let_through(operation):
    assert found(operation) == []


def test_a_table_of_the_same_migration_is_nobodys_yet():
    made = migrations.CreateModel("other", [("id", models.BigAutoField(primary_key=True))])
    unique = models.UniqueConstraint(fields=["code"], name="u")
    assert found(made, migrations.AddField("other", "code", text()), migrations.AddConstraint("other", unique)) == []


def test_what_goes_after_a_release_and_what_runs_code_says_why():
    assert found(migrations.RemoveField("thing", "name"), contracts="1.4 stopped reading it") == []
    assert (
        found(migrations.RunPython(lambda *_: None), beside_the_old="fills a column that only this release reads") == []
    )
    assert found(AddIndexGently("thing", models.Index(fields=["code"], name="i")), atomic=False) == []

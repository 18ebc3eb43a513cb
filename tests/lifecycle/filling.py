"""A row in every table, of every kind of column, so that whatever copies rows is tried on all of them."""

import itertools
import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core import serializers
from django.db import transaction
from django.db.models import Field, ForeignKey, Model

from idp.lifecycle import schema

_MOMENT = datetime(2026, 2, 3, 4, 5, 6, 789012, tzinfo=UTC)
_numbers = itertools.count(1)
_ODD = "Ünï 💥 \\N\ttab\nline \"quotes\" 'and' \\. end"


def fill(rows: int = 3) -> dict[str, int]:
    """Fills every table; how many rows each has then. Tables that migrating fills are left as they are."""
    with transaction.atomic():
        for _ in range(rows):
            for model in schema.models():
                if model._meta.db_table not in schema._WRITTEN_BY_MIGRATING:
                    _made(model, ())
    return {model._meta.db_table: model._base_manager.count() for model in schema.models()}


def told() -> dict[str, Any]:
    """Everything that is stored, as text: what two databases have to agree on."""
    found = {}
    for model in schema.models():
        if not model._meta.auto_created:
            for row in model._base_manager.order_by("pk"):
                found[f"{model._meta.label} {row.pk}"] = json.loads(serializers.serialize("json", [row]))[0]["fields"]
                found[f"{model._meta.label} {row.pk}"] |= {
                    field.attname: str(getattr(row, field.attname))
                    for field in model._meta.concrete_fields
                    if field.get_internal_type() == "DateTimeField"  # to the microsecond
                }
        else:
            rows = model._base_manager.order_by("pk").values_list()
            found[model._meta.label] = [list(row) for row in rows]
    return found


def _made(model: type[Model], on_the_way: tuple[type[Model], ...]) -> Model:
    values: dict[str, Any] = {}
    for field in model._meta.concrete_fields:
        if isinstance(field, ForeignKey):
            values[field.attname] = _related(field, (*on_the_way, model))
        elif not (field.primary_key and field.get_internal_type() in {"AutoField", "BigAutoField"}):
            values[field.attname] = _value(field)
    row = model(**values)
    model._base_manager.bulk_create([row])
    return row


def _related(field: "ForeignKey[Any, Any]", on_the_way: tuple[type[Model], ...]) -> Any:
    target = field.related_model
    assert not isinstance(target, str)
    if field.null and (target in on_the_way or next(_numbers) % 3 == 0):
        return None
    if target._meta.db_table in schema._WRITTEN_BY_MIGRATING:
        found = target._base_manager.first()
        assert found is not None
        return found.pk
    return _made(target, on_the_way).pk


def _value(field: "Field[Any, Any]") -> Any:
    number, kind = next(_numbers), field.get_internal_type()
    if field.choices and not field.unique:
        values = [value for value, _ in field.flatchoices]
        return values[number % len(values)]
    if field.null and not field.unique and number % 4 == 0:
        return None
    if kind in {"CharField", "TextField", "EmailField", "SlugField", "URLField"}:
        return _text(field, number)
    return _OTHERS[kind](number)


def _text(field: "Field[Any, Any]", number: int) -> str:
    most = field.max_length or 200
    plain = f"{number:x}"
    return plain if field.unique or field.primary_key or most < 60 else f"{plain} {_ODD}"[:most]


_OTHERS: dict[str, Any] = {
    "BooleanField": lambda number: bool(number % 2),
    "DateTimeField": lambda number: _MOMENT + timedelta(microseconds=number),
    "BinaryField": lambda number: bytes([0, 255, 10, 9, 92]) + number.to_bytes(8, "big"),
    "UUIDField": lambda number: uuid.UUID(int=number),
    "JSONField": lambda number: {"n": number, "text": _ODD, "list": [1.5, None, True, {"ä": []}], "big": 2**53},
    "GenericIPAddressField": lambda number: "192.0.2.7" if number % 2 else "2001:db8::7",
    "FloatField": lambda number: number + 0.1,
    "IntegerField": lambda number: number,
    "BigIntegerField": lambda number: 2**62 - number,
    "PositiveIntegerField": lambda number: number,
    "PositiveBigIntegerField": lambda number: 2**62 - number,
    "PositiveSmallIntegerField": lambda number: number % 30_000,
    "SmallIntegerField": lambda number: number % 30_000,
    "AutoField": lambda number: number,
}

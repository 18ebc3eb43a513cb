"""What an administrator may turn while the server runs: it goes before the setting that gives its default.

In force in every process within a second: the rows are remembered for less than half of one (`accounts.recent`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from accounts import audit, clock, recent
from accounts.errors import Reason, Refusal
from accounts.models import TurnedSwitch

ON, OFF = "on", "off"
_KEY = "switches"


@dataclass(frozen=True, slots=True)
class Switch:
    """A switch: `setting` is the Django name of its default, `positions` are its values with what each means."""

    name: str
    setting: str
    label: str
    positions: Mapping[str, str]

    @property
    def default(self) -> str:
        """What the operator's setting says."""
        value: Any = getattr(settings, self.setting)
        return (ON if value else OFF) if isinstance(value, bool) else str(value)


_switches: dict[str, Switch] = {}


def register(switch: Switch) -> None:
    """Called once, when the application of its flow is ready."""
    _switches[switch.name] = switch


def listed() -> list[Switch]:
    """All of them, in the order of their labels."""
    return sorted(_switches.values(), key=lambda switch: switch.label)


def named(name: str) -> Switch:
    """The switch of this name; NOT_FOUND."""
    if name not in _switches:
        raise Refusal(Reason.NOT_FOUND, field="switch")
    return _switches[name]


def value(name: str) -> str:
    """Its position now; one constant query at the most."""
    switch = named(name)
    turned = _turned().get(name, "")
    return turned if turned in switch.positions else switch.default


def is_on(name: str) -> bool:
    """The same of a switch that is on or off."""
    return value(name) == ON


def is_turned(name: str) -> bool:
    """Whether an administrator has turned it, so that its setting does not count."""
    return _turned().get(name, "") in named(name).positions


def turn(name: str, position: str, *, actor: audit.Actor) -> None:
    """Turns it. NOT_FOUND; FIELD_INVALID for a position that it does not have."""
    if position not in named(name).positions:
        raise Refusal(Reason.FIELD_INVALID, field="position")
    with transaction.atomic():
        TurnedSwitch.objects.update_or_create(name=name, defaults={"position": position, "turned_at": clock.now()})
        _changed(name, position, actor)


def give_back(name: str, *, actor: audit.Actor) -> None:
    """From now on the setting counts again. NOT_FOUND."""
    switch = named(name)
    with transaction.atomic():
        if TurnedSwitch.objects.filter(name=name).delete()[0]:
            _changed(name, f"as {switch.setting}", actor)


def _changed(name: str, position: str, actor: audit.Actor) -> None:
    recent.forget_on_commit()
    audit.record_or_fail("switch-turned", actor=actor, subject=name, facts={"position": position})


def _turned() -> dict[str, str]:
    known: dict[str, str] | None = recent.get(_KEY)
    if known is not None:
        return known
    generation = recent.generation()
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT name, position FROM {TurnedSwitch._meta.db_table}")  # noqa: S608  # our name
        known = dict(cursor.fetchall())
    recent.put(_KEY, known, seen=generation)
    return known

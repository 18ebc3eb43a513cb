"""`manage.py switches`: what an administrator turns while the server runs."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from accounts import switches
from accounts.errors import Reason, Refusal
from accounts.management.base import HouseCommand, Verbs, add_json


class Command(HouseCommand):
    """`switches list`, `turn`, `give-back`."""

    help = "Switches that go before the operator's settings, in every process within a second."

    def add_arguments(self, parser: CommandParser) -> None:
        """The verbs."""
        verbs = Verbs(parser)
        add_json(verbs.add("list", self._list, "list all switches with their positions"))
        turn = verbs.add("turn", self._turn, "turn a switch; it goes before its setting from then on")
        turn.add_argument("name", metavar="NAME")
        turn.add_argument("position", metavar="POSITION")
        verbs.add("give-back", self._give_back, "let the setting count again").add_argument("name", metavar="NAME")

    def _list(self, *, as_json: bool, **_: Any) -> None:
        if as_json:
            self.json(_described(switch) for switch in switches.listed())
            return
        for switch in switches.listed():
            self._show(switch)

    def _turn(self, *, name: str, position: str, **_: Any) -> None:
        switch = _named(name)
        try:
            switches.turn(name, position, actor=None)
        except Refusal as refusal:
            if refusal.reason is not Reason.FIELD_INVALID:
                raise
            raise CommandError(f"{name} has the positions {', '.join(switch.positions)}") from None
        self._show(switch, did="turned")

    def _give_back(self, *, name: str, **_: Any) -> None:
        switch = _named(name)
        switches.give_back(name, actor=None)
        self._show(switch, did="given back")

    def _show(self, switch: switches.Switch, *, did: str = "") -> None:
        origin = "turned" if switches.is_turned(switch.name) else f"as {switch.setting} says"
        self.line(switch.name, switches.value(switch.name), origin, did=did)


def _named(name: str) -> switches.Switch:
    try:
        return switches.named(name)
    except Refusal:
        raise CommandError(f"no switch {name}") from None


def _described(switch: switches.Switch) -> dict[str, Any]:
    return {
        "name": switch.name,
        "position": switches.value(switch.name),
        "turned": switches.is_turned(switch.name),
        "setting": switch.setting,
        "default": switch.default,
        "positions": dict(switch.positions),
    }

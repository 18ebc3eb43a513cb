"""`manage.py switches`."""

import json

import pytest
from django.core.management.base import CommandError

from accounts import switches
from accounts.models import AuditEvent
from tests.commands.run import run

pytestmark = pytest.mark.django_db
NAME = "device-code-links"


def test_a_switch_is_turned_and_given_back() -> None:
    assert f"{NAME}  on  as DEVICE_CODE_LINK says" in run("switches", "list").lines
    assert run("switches", "turn", NAME, "off").lines == [f"turned: {NAME}  off  turned"]
    assert not switches.is_on(NAME)
    assert AuditEvent.objects.get(event="switch-turned").actor == "command"
    assert run("switches", "give-back", NAME).lines == [f"given back: {NAME}  on  as DEVICE_CODE_LINK says"]
    assert switches.is_on(NAME)


def test_the_list_is_there_for_machines_too() -> None:
    switches.turn(NAME, "off", actor=None)
    (found,) = [one for one in json.loads("".join(run("switches", "list", "--json").lines)) if one["name"] == NAME]
    assert (found["position"], found["turned"], found["default"]) == ("off", True, "on")
    assert set(found["positions"]) == {"on", "off"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("turn", "x", "on"), "no switch x"),
        (("give-back", "x"), "no switch x"),
        (("turn", NAME, "perhaps"), f"{NAME} has the positions on, off"),
    ],
)
def test_what_is_no_switch_is_told(arguments: tuple[str, ...], words: str) -> None:
    with pytest.raises(CommandError, match=words):
        run("switches", *arguments)
    assert not switches.is_turned(NAME)

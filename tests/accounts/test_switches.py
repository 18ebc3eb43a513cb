"""What an administrator turns while the server runs."""

import pytest
from django.db import connection

from accounts import recent, switches, users
from accounts.errors import Reason, Refusal
from accounts.models import AuditEvent, TurnedSwitch
from devicelogin.oauth import device_grants

pytestmark = pytest.mark.django_db
LINKS = device_grants.LINKS.name
_put = recent.put  # tests run without this memory, but for those that are about it


def test_the_setting_counts_until_somebody_turns_it(settings):
    for setting in (True, False):
        settings.DEVICE_CODE_LINK = setting
        assert switches.is_on(LINKS) is setting
        assert not switches.is_turned(LINKS)


@pytest.mark.parametrize(("setting", "position"), [(True, "off"), (False, "on")])
def test_what_is_turned_goes_before_the_setting_and_is_given_back(settings, setting, position):
    ada = users.create("ada", administrator=True)
    settings.DEVICE_CODE_LINK = setting
    switches.turn(LINKS, position, actor=ada)
    assert switches.value(LINKS) == position
    assert switches.is_turned(LINKS)
    switches.turn(LINKS, position, actor=ada)
    switches.give_back(LINKS, actor=ada)
    switches.give_back(LINKS, actor=ada)  # it was given back already: nothing happens
    assert switches.is_on(LINKS) is setting
    events = AuditEvent.objects.filter(event="switch-turned", actor="ada", subject=LINKS).order_by("pk")
    assert [event.facts["position"] for event in events] == [position, position, "as DEVICE_CODE_LINK"]


def test_what_is_no_switch_and_no_position_is_refused():
    for wrong in (lambda: switches.value("x"), lambda: switches.turn("x", "on", actor=None)):
        with pytest.raises(Refusal) as refused:
            wrong()
        assert refused.value.reason is Reason.NOT_FOUND
    with pytest.raises(Refusal) as refused:
        switches.turn(LINKS, "perhaps", actor=None)
    assert refused.value.reason is Reason.FIELD_INVALID
    assert not TurnedSwitch.objects.exists()


def test_a_row_that_a_newer_version_wrote_leaves_the_setting_in_force(settings):
    settings.DEVICE_CODE_LINK = True
    TurnedSwitch.objects.create(name=LINKS, position="sometimes")
    assert switches.is_on(LINKS)
    assert not switches.is_turned(LINKS)


def test_looking_costs_a_query_twice_a_second_and_another_process_is_heard_within_one(monkeypatch):
    class Clock:
        now = 1000.0

        def monotonic(self):
            return self.now

    moment = Clock()
    monkeypatch.setattr(recent, "put", _put)
    monkeypatch.setattr(recent, "time", moment)
    assert switches.is_on(LINKS)
    TurnedSwitch.objects.create(name=LINKS, position="off")  # as another process does: nothing of this one is forgotten
    with connection.execute_wrapper(lambda *_: pytest.fail("a query")):
        assert switches.is_on(LINKS)
    moment.now += 0.5
    assert not switches.is_on(LINKS)


def test_this_process_hears_of_its_own_turn_at_once(monkeypatch, django_capture_on_commit_callbacks):
    monkeypatch.setattr(recent, "put", _put)
    assert switches.is_on(LINKS)
    with django_capture_on_commit_callbacks(execute=True):
        switches.turn(LINKS, "off", actor=None)
    assert not switches.is_on(LINKS)

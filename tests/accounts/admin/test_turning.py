"""The page of switches."""

import html

import pytest
from django.test import Client

from accounts import switches
from accounts.models import AuditEvent
from devicelogin.oauth import device_grants
from tests.oauth import people

PAGE = "/admin/accounts/turnedswitch/"
LINKS = device_grants.LINKS.name


def test_every_switch_is_on_the_page_with_its_position_and_where_that_comes_from(staff, said, settings):
    settings.DEVICE_CODE_LINK = False
    text = html.unescape(said(staff.get(PAGE)))
    for switch in switches.listed():
        assert switch.label in text
    assert "(as DEVICE_CODE_LINK says)" in text
    assert "Turn on" in text


def test_turning_asks_first_and_is_in_force_at_once(staff, said, client, ada):
    program = people.register(client)["client_id"]
    assert "verification_uri_complete" in people.ask_device(client, program).json()
    question = staff.get(f"{PAGE}{LINKS}/off/")
    assert "within a second" in said(question)
    assert switches.is_on(LINKS)
    done = staff.post(f"{PAGE}{LINKS}/off/", {"_confirmed": "yes"}, follow=True)
    assert "Links with a device's code: off." in html.unescape(said(done))
    assert "(turned here)" in said(done)
    assert "verification_uri_complete" not in people.ask_device(client, program).json()
    assert AuditEvent.objects.get(event="switch-turned").actor == "ada"
    assert "As DEVICE_CODE_LINK says" in said(staff.get(PAGE))
    staff.post(f"{PAGE}{LINKS}/as-set/", {"_confirmed": "yes"})
    assert not switches.is_turned(LINKS)
    assert "verification_uri_complete" in people.ask_device(client, program).json()


@pytest.mark.parametrize("path", [f"{LINKS}/perhaps/", "unknown/on/", f"{LINKS}/"])
def test_what_is_no_switch_is_no_page(staff, path):
    assert staff.get(f"{PAGE}{path}").status_code in {302, 404}
    assert staff.post(f"{PAGE}{path}", {"_confirmed": "yes"}).status_code in {302, 404}
    assert not switches.is_turned(LINKS)


def test_only_administrators_turn_it(db, account):
    stranger = Client()
    stranger.force_login(account("bob"))
    for path in ("", f"{LINKS}/off/"):
        assert stranger.post(f"{PAGE}{path}", {"_confirmed": "yes"}).status_code in {302, 403}
    assert switches.is_on(LINKS)


def test_turning_needs_the_token_of_its_form(ada):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(ada)
    assert strict.post(f"{PAGE}{LINKS}/off/", {"_confirmed": "yes"}).status_code == 403
    assert switches.is_on(LINKS)


def test_the_switches_stand_in_the_sidebar(staff):
    assert f'href="{PAGE}"' in staff.get("/admin/").content.decode()

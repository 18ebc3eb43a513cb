"""The administration's page of live sessions, and the purge's part (qr-login.md §2.8; R50)."""

import html
import re

import pytest
from django.test import Client as Browser

from accounts import switches, users
from tests.accounts.admin.conftest import said  # noqa: F401  # a fixture
from tests.matrix import people
from tests.rendezvous import slots
from tests.rendezvous.slots import PATHS, STABLE, TEXT, UNSTABLE, created

pytestmark = pytest.mark.django_db
PAGE = "/admin/rendezvous/rendezvoussession/"
SECRET = "sealed-words-of-a-device"


@pytest.fixture
def staff():
    ada = users.create("ada", password="correct horse battery", administrator=True, by_administrator=True)
    browser = Browser()
    browser.force_login(ada)
    return browser


@pytest.fixture
def page(staff, said):  # noqa: F811  # the fixture above
    return lambda: html.unescape(said(staff.get(PAGE)))


def test_the_empty_page_says_when_there_would_be_something(page):
    text = page()
    assert "No session lives at the moment" in text
    assert "0 of at most 100,000 sessions live now" in text


def test_sessions_are_counted_by_form_and_shown_by_address(client, page):
    for path in PATHS:
        created(client, path, SECRET)
    client.address = "2001:db8::17"
    slot = slots.written(client, created(client, TEXT), f"{SECRET}!")
    text = page()
    assert "4 of at most" in text
    assert "2 MSC4108 (2024), 2 MSC4388 (current)." in text
    assert "203.0.113.7 3" in text
    assert "2001:db8::/64" in text
    assert re.search(r"\b(300|2[0-9]{2}) seconds", text)
    assert SECRET not in text
    assert slot.id not in text
    assert slot.id[2:] not in text
    assert slot.token not in text


def test_whoever_signed_in_to_make_one_is_named(client, page, settings):
    settings.RENDEZVOUS_MODE = "authenticated"
    ann = people.register(client, "ann")
    client.post(UNSTABLE, data={"data": ""}, token=ann.token)
    text = page()
    assert "ann" in text
    assert "Mode: authenticated" in text


def test_the_mode_is_what_was_turned(client, page):
    switches.turn("rendezvous-mode", "off", actor="ada")
    assert "Mode: off" in page()
    assert client.get(STABLE).status == 404


def test_the_page_of_switches_turns_the_mode(client, staff, said):  # noqa: F811
    switches_page = "/admin/accounts/turnedswitch/"
    assert "QR login: who may open a session" in html.unescape(said(staff.get(switches_page)))
    staff.post(f"{switches_page}rendezvous-mode/authenticated/", {"_confirmed": "yes"})
    assert slots.error(client.post(STABLE, data={"data": ""})) == (401, "M_MISSING_TOKEN")


def test_only_administrators_see_it():
    stranger = Browser()
    assert stranger.get(PAGE).status_code == 302
    stranger.force_login(users.create("bob", by_administrator=True))
    assert stranger.get(PAGE).status_code in {302, 403}


def test_the_way_there_is_in_the_sidebar(staff):
    text = staff.get("/admin/").content.decode()
    assert PAGE in text
    assert "Rendezvous sessions" in text

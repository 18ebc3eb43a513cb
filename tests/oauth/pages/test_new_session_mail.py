"""A new device that a code or a device grant opens is told by mail, with a link that ends it (qr-login.md §7.6)."""

import re

import pytest

from accounts import mail, tokens, users
from accounts.models import AuditEvent, Device, QueuedMail, Token
from tests.oauth import people
from tests.oauth.pages.reading import is_page
from tests.pages import mails

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann(db):
    return people.person("ann", email="ann@example.org")


def told(mailoutbox):
    mail.deliver_due()
    return mailoutbox[-1]


def link_in(sent):
    found = re.search(r"http://localhost:8000(/account/new-device/\?token=\S+)", sent.body)
    assert found, sent.body
    return found[1]


def waiting(name):
    """Mails about it that were not sent yet; each approval here comes from a browser that is new too."""
    return [sent for sent in mails.queued() if f"{name} (example.com)" in sent.text]


def end(visitor, path):
    visitor.get(path)
    return visitor.send("/account/new-device/")


def test_a_session_of_a_code_is_told_to_the_owner(client, ann, program, mailoutbox):
    people.signed_in(client, ann, program)
    sent = told(mailoutbox)
    assert sent.to == ["ann@example.org"]
    assert sent.subject == "Element was signed in to your account at localhost"
    for words in (
        "Application: Element (example.com)",
        "Hello ann",
        "Device: Element on Firefox/Linux",
        "Program: Firefox on Linux",
        "Way in: Matrix",
        "Address: 203.0.113.7",
        "UTC",
    ):
        assert words in sent.body


def test_a_session_of_a_device_grant_is_told_too(client, ann, program, grant, mailoutbox):
    people.allow(grant["user_code"], ann)
    assert not waiting("Element")  # nothing is signed in yet
    assert people.poll(client, grant["device_code"], program).status == 200
    assert "Element" in told(mailoutbox).subject


def test_without_an_address_nothing_is_sent(client, program):
    people.signed_in(client, people.person("bob"), program)
    assert not QueuedMail.objects.exists()


def test_a_code_that_is_refused_sends_nothing(client, ann, program):
    code = people.approved(ann, program)
    assert people.redeem(client, code, program, code_verifier="w" * 64).status == 400
    assert not QueuedMail.objects.exists()


def test_the_name_of_a_program_writes_no_lines_into_the_mail(client, ann, mailoutbox):
    program = people.register(client, client_name="Pay here: http://evil.example/" + "x" * 200)["client_id"]
    people.signed_in(client, ann, program)
    assert "x" * 81 not in told(mailoutbox).body


def test_the_link_shows_the_session_and_ends_it_only_when_pressed(client, ann, program, visitor, mailoutbox):
    issued = people.signed_in(client, ann, program)
    path = link_in(told(mailoutbox))
    is_page(visitor.get(path))
    assert "the account ann" in visitor.text
    assert "Element ( example.com )" in visitor.text
    assert people.who_am_i(client, issued.access).status == 200
    assert "signed out" in is_page(visitor.send("/account/new-device/"))
    assert people.who_am_i(client, issued.access).status == 401
    assert people.refresh(client, issued.refresh, program).status == 400
    assert not Device.objects.filter(kind=Device.Kind.MATRIX).exists()
    event = AuditEvent.objects.get(event="device-ended-by-mail")
    assert (event.subject, event.ip) == ("ann", "203.0.113.7")
    assert (event.facts["name"], event.facts["device"]) == ("Element", "Element on Firefox/Linux")


def test_it_ends_that_session_and_no_other(client, ann, program, visitor, mailoutbox):
    first = people.signed_in(client, ann, program)
    path = link_in(told(mailoutbox))
    other = people.signed_in(client, ann, program, scope=people.device_scope("OTHEROTHER"))
    browser = people.browser_of(ann)
    end(visitor, path)
    assert people.who_am_i(client, first.access).status == 401
    assert people.who_am_i(client, other.access).status == 200
    assert tokens.live().filter(pk=browser.token_id).exists()


def test_a_device_that_signed_in_again_meanwhile_ends_too(client, ann, program, visitor, mailoutbox):
    """Or whoever got in would only have to do it twice: the second time the device is known, and nobody is told."""
    people.signed_in(client, ann, program)
    path = link_in(told(mailoutbox))
    again = people.signed_in(client, ann, program)
    assert not waiting("Element")
    is_page(end(visitor, path))
    assert people.who_am_i(client, again.access).status == 401


def test_a_session_that_was_refreshed_meanwhile_ends_too(client, ann, program, visitor, mailoutbox):
    issued = people.signed_in(client, ann, program)
    path = link_in(told(mailoutbox))
    renewed = people.issued(people.refresh(client, issued.refresh, program))
    end(visitor, path)
    assert people.who_am_i(client, renewed.access).status == 401


def test_a_program_without_a_device_is_told_of_once_and_can_be_ended(client, ann, program, visitor, mailoutbox):
    issued = people.signed_in(client, ann, program, scope="openid")
    sent = told(mailoutbox)
    assert "Application: Element (example.com)" in sent.body
    assert "Device:" not in sent.body
    other = people.signed_in(client, ann, program, scope="openid")  # the same program in the same browser
    assert not waiting("Element")
    is_page(end(visitor, link_in(sent)))
    assert client.get("/api/me", token=issued.access).status == 401
    assert client.get("/api/me", token=other.access).status == 200
    people.signed_in(client, ann, people.register(client, client_name="Notes")["client_id"], scope="openid")
    assert "Notes was signed in" in told(mailoutbox).subject


def test_the_session_of_a_locked_account_can_be_ended(client, ann, program, visitor, mailoutbox):
    people.signed_in(client, ann, program)
    path = link_in(told(mailoutbox))
    users.lock(ann)
    is_page(end(visitor, path))
    assert not Token.objects.filter(revoked_at=None, kind="refresh").exists()

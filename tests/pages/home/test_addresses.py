"""E-mail addresses of one's account: proved by a mailed code, chosen, removed."""

import pytest
import time_machine
from allauth.account.models import EmailAddress
from django.test import override_settings

from accounts import clock, emails, rules, users
from accounts.models import AuditEvent, Device, Flow, Token
from tests.pages import mails
from tests.pages.home.conftest import passes
from tests.pages.visitor import PASSWORD

LIST, ADD, CONFIRM = "/account/emails/", "/account/emails/add/", "/account/emails/confirm/"


def row(address):
    return EmailAddress.objects.get(email=address)


def add(visitor, address):
    return visitor.fill(ADD, email=address)


def enter(visitor, code):
    return visitor.fill(CONFIRM, code=code)


def test_an_address_is_added_by_the_code_in_its_mail(signed_in, ann):
    assert add(signed_in, "Ann@Work.Example").header("location") == CONFIRM
    assert emails.confirmed(ann.pk) == ["ann@example.org"]
    assert mails.last().to == "ann@work.example"
    assert "the account ann" in mails.last().text
    code = mails.code()
    assert enter(signed_in, f"{(int(code) + 1) % 1_000_000:06d}").status == 403
    assert enter(signed_in, code).header("location") == LIST
    assert emails.confirmed(ann.pk) == ["ann@example.org", "ann@work.example"]
    notice = mails.last()
    assert (notice.template, notice.to) == ("page-notice", "ann@example.org")
    assert AuditEvent.objects.filter(event="email-added", actor="ann", subject="ann").exists()
    assert enter(signed_in, code).header("location") == LIST  # the code is spent
    assert len(emails.confirmed(ann.pk)) == 2


def test_a_code_is_good_in_the_browser_that_asked_and_five_times(signed_in, visit, ann):
    add(signed_in, "ann@work.example")
    code = mails.code()
    other = visit()
    other.sign_in("ann")
    assert enter(other, code).header("location") == LIST
    wrong = f"{(int(code) + 1) % 1_000_000:06d}"
    for _ in range(5):
        enter(signed_in, wrong)
    enter(signed_in, code)
    assert emails.confirmed(ann.pk) == ["ann@example.org"]


def test_a_code_does_not_outlive_its_time(signed_in, ann, settings):
    add(signed_in, "ann@work.example")
    code = mails.code()
    with time_machine.travel(clock.after(settings.PAGE_LINK_LIFETIME + 1)):
        signed_in.sign_in("ann")
        enter(signed_in, code)
    assert emails.confirmed(ann.pk) == ["ann@example.org"]


def test_an_address_of_somebody_else_is_told_to_who_holds_it_only(signed_in, ann, bob):
    assert add(signed_in, "bob@example.org").status == 302
    assert mails.last().to == "bob@example.org"
    enter(signed_in, mails.code())
    signed_in.follow()
    assert "belongs to an account already" in signed_in.text
    assert emails.confirmed(bob.pk) == ["bob@example.org"]
    assert emails.confirmed(ann.pk) == ["ann@example.org"]


def test_what_is_no_address_or_confirmed_already_is_refused(signed_in, ann):
    before = len(mails.queued())
    for address in (
        "nobody",
        "a@b@c",
        "",
        "x" * 250 + "@example.org",
        "ann@example.org",
        "ä@example.org",
        "a\0@b.example",
    ):
        assert add(signed_in, address).status == 400, address
    assert len(mails.queued()) == before


def test_an_address_that_the_lists_refuse_is_not_added(signed_in, ann):
    rules.add(effect="deny", field="domain", pattern="spam.example", flow="all")
    assert add(signed_in, "ann@spam.example").status == 403
    add(signed_in, "ann@work.example")
    rules.add(effect="deny", field="email", pattern="ann@work.example", flow="all")
    enter(signed_in, mails.code())
    assert emails.confirmed(ann.pk) == ["ann@example.org"]
    assert signed_in.is_signed_in()


def test_mails_to_one_address_are_limited(signed_in, standing_clock):
    for _ in range(3):
        assert add(signed_in, "ann@work.example").status == 302
    refused = add(signed_in, "ann@work.example")
    assert refused.status == 429
    assert int(refused.header("retry-after")) > 0


def test_an_unconfirmed_address_is_confirmed_by_its_code(signed_in, ann):
    EmailAddress.objects.create(user=ann, email="ann@old.example", verified=False)
    signed_in.get(LIST)
    assert "Not confirmed" in signed_in.text
    assert signed_in.post(f"{LIST}{row('ann@old.example').pk}/primary/").header("location") == LIST
    signed_in.get(LIST)
    assert "Confirm this address first" in signed_in.text
    assert signed_in.post(ADD, {"email": "ann@old.example"}).header("location") == CONFIRM
    enter(signed_in, mails.code())
    assert set(emails.confirmed(ann.pk)) == {"ann@example.org", "ann@old.example"}


def test_the_address_for_mails_is_chosen(signed_in, ann):
    emails.add_confirmed(ann, "ann@work.example")
    signed_in.get(LIST)
    assert signed_in.post(f"{LIST}{row('ann@work.example').pk}/primary/").status == 302
    assert emails.confirmed(ann.pk) == ["ann@work.example", "ann@example.org"]
    assert mails.last().to == "ann@example.org"
    assert AuditEvent.objects.filter(event="email-primary", subject="ann").count() == 1


def test_removing_an_address_asks_first_and_ends_remembered_sign_ins(signed_in, ann):
    from tests.pages.home.conftest import open_device

    open_device(ann, "o1", kind=Device.Kind.OTP, flow=Flow.OTP)
    Token.objects.filter(user=ann, flow=Flow.OTP).update(kind=Token.Kind.REMEMBERED)
    path = f"{LIST}{row('ann@example.org').pk}/remove/"
    assert signed_in.get(path).status == 200
    assert emails.confirmed(ann.pk) == ["ann@example.org"]
    signed_in.send(path)
    assert emails.confirmed(ann.pk) == []
    assert mails.last().to == "ann@example.org"
    assert not Token.objects.filter(user=ann, flow=Flow.OTP, revoked_at=None).exists()
    assert AuditEvent.objects.filter(event="email-removed", subject="ann", actor="ann").exists()
    assert signed_in.send(path).header("location") == LIST


@override_settings(REGISTRATION_EMAIL="required")
def test_the_last_address_stays_where_every_account_has_one(signed_in, ann):
    signed_in.fill(f"{LIST}{row('ann@example.org').pk}/remove/")
    signed_in.follow()
    assert "Add another one before" in signed_in.text
    assert emails.confirmed(ann.pk) == ["ann@example.org"]


def test_another_persons_address_is_neither_shown_nor_chosen_nor_removed(signed_in, bob):
    theirs = row("bob@example.org").pk
    signed_in.get(LIST)
    assert "bob@example.org" not in signed_in.text
    assert signed_in.get(f"{LIST}{theirs}/remove/").header("location") == LIST
    for action in ("primary", "remove"):
        signed_in.get(LIST)
        assert signed_in.post(f"{LIST}{theirs}/{action}/").header("location") == LIST
    assert emails.confirmed(bob.pk) == ["bob@example.org"]


@pytest.mark.parametrize("path", [ADD, CONFIRM, f"{LIST}1/remove/"])
def test_changes_ask_again_who_it_is(signed_in, ann, path):
    with time_machine.travel(clock.after(passes(1))):
        assert signed_in.get(path).header("location").startswith("/account/reauthenticate/?next=")
        signed_in.get(LIST)
        signed_in.post(f"{LIST}{row('ann@example.org').pk}/remove/")
        assert signed_in.leads.startswith("/account/reauthenticate/")
    assert emails.confirmed(ann.pk) == ["ann@example.org"]


def test_a_code_of_one_person_does_nothing_for_the_next_at_the_same_browser(signed_in, ann, bob):
    add(signed_in, "ann@work.example")
    code = mails.code()
    signed_in.sign_in("bob")
    assert enter(signed_in, code).header("location") == LIST
    assert emails.confirmed(bob.pk) == ["bob@example.org"]
    assert users.get("ann").pk == ann.pk
    assert PASSWORD

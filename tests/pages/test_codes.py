"""Signing in with a mailed code (R13, R15–R17, R37)."""

import time_machine

from accounts import clock, rules, users
from accounts.models import Challenge, QueuedMail, Token
from tests.pages import mails
from tests.pages.visitor import PASSWORD


def ask(visitor, address="ann@example.org"):
    return visitor.fill("/account/login/code/", email=address)


def enter(visitor, code):
    visitor.get("/account/login/code/enter/")
    return visitor.send("/account/login/code/enter/", code=code)


def wrong(code):
    return f"{(int(code) + 1) % 1_000_000:06d}"


def test_a_mailed_code_opens_the_account_once(visitor, visit, ann):
    ask(visitor)
    code = mails.code()
    handle = dict(visitor.cookies)
    assert enter(visitor, f"{code[:3]} {code[3:]}").status == 302
    assert visitor.is_signed_in()
    assert Token.objects.get(user=ann).amr == "otp"
    other = visit()
    other.cookies = handle
    enter(other, code)
    assert not other.is_signed_in()


def test_known_and_unknown_addresses_are_answered_alike(visitor, visit, ann):
    known, unknown = ask(visitor), ask(visit(), "nobody@example.org")
    assert (known.status, known.header("location")) == (unknown.status, unknown.header("location"))
    visitor.follow()
    shown = visitor.text.replace("ann@example.org", "X")
    other = visit()
    ask(other, "nobody@example.org")
    other.follow()
    assert other.text.replace("nobody@example.org", "X") == shown
    assert [mail.to for mail in mails.queued()] == ["ann@example.org"]


def test_wrong_codes_for_known_and_unknown_addresses_are_told_alike(visitor, visit, ann):
    ask(visitor)
    code = mails.code()
    other = visit()
    ask(other, "nobody@example.org")
    for _ in range(7):
        assert enter(visitor, wrong(code)).status == enter(other, wrong(code)).status
        assert visitor.text.replace("ann@", "x@") == other.text.replace("nobody@", "x@")


def test_after_five_wrong_codes_the_right_one_is_dead(visitor, ann):
    ask(visitor)
    code = mails.code()
    for _ in range(5):
        assert enter(visitor, wrong(code)).status == 403 or visitor.page.status == 400
    enter(visitor, code)
    assert not visitor.is_signed_in()


def test_a_code_is_good_for_eight_minutes(visitor, ann):
    ask(visitor)
    code = mails.code()
    with time_machine.travel(clock.after(481)):
        enter(visitor, code)
        assert not visitor.is_signed_in()


def test_a_code_is_good_in_the_browser_that_asked_only(visitor, visit, ann):
    ask(visitor)
    other = visit()
    ask(other, "nobody@example.org")
    enter(other, mails.code())
    assert not other.is_signed_in()


def test_locked_and_denied_accounts_get_no_mail_and_the_same_answer(visitor, visit, ann):
    users.lock(ann)
    assert ask(visitor).status == 302
    users.unlock(ann)
    rules.add("deny", "domain", "example.org")
    assert ask(visit("198.51.100.1")).status == 302
    assert not QueuedMail.objects.exists()


def test_an_account_locked_after_the_mail_stays_closed(visitor, ann):
    ask(visitor)
    users.lock(ann)
    assert enter(visitor, mails.code()).status == 403
    assert not Token.objects.exists()


def test_three_mails_an_address_then_one_an_hour(visit, ann, standing_clock):
    for number in range(3):
        assert ask(visit(f"198.51.100.{number}")).status == 302
    assert ask(visit("198.51.100.4")).status == 429
    for number in range(3):
        assert ask(visit(f"198.51.101.{number}"), "nobody@example.org").status == 302
    assert ask(visit("198.51.101.4"), "nobody@example.org").status == 429


def test_no_code_and_no_handle_stand_in_the_database(visitor, ann):
    ask(visitor)
    row = Challenge.objects.get()
    assert mails.code() not in str(Challenge.objects.values())
    assert row.tries_left == 5


def test_bad_addresses_are_told_at_the_field(visitor, db):
    for address in ("", "no address", "a@b@c", "a b@example.org", "ü@example.org", "x@" + "a" * 300):
        assert ask(visitor, address).status == 400
        assert 'aria-invalid="true"' in visitor.page.text


def test_the_code_page_without_a_mail_leads_to_the_beginning(visitor):
    visitor.get("/account/login/code/enter/")
    assert visitor.leads == "/account/login/code/"
    assert PASSWORD not in visitor.page.text

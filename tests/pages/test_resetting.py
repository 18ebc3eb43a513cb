"""A new password by a mailed link (R13, R15, R29)."""

import time_machine

from accounts import clock, tokens, users
from accounts.models import AuditEvent, Token
from tests.pages import mails

NEW = "a new set of words"


def ask(visitor, address="ann@example.org"):
    return visitor.fill("/account/password/reset/", email=address)


def open_link(visitor, link):
    visitor.get(link)
    return visitor.follow()


def set_new(visitor, password=NEW):
    return visitor.send("/account/password/reset/new/", new_password=password)


def test_the_link_sets_a_password_once_and_ends_every_session(visitor, visit, ann):
    other = visit()
    other.sign_in("ann")
    tokens.issue(tokens.Minted("phone"), user=ann, flow="matrix")
    ask(visitor)
    link = mails.link()
    assert open_link(visitor, link).status == 200
    assert set_new(visitor).status == 302
    assert visitor.follow().status == 200
    assert "Your new password is set." in visitor.text
    assert not other.is_signed_in()
    assert tokens.check("phone", flow="matrix") is None
    assert visitor.sign_in("ann", NEW).status == 302
    assert open_link(visit(), link).status == 400
    assert "page-notice" in {sent.template for sent in mails.queued()}


def test_looking_at_the_link_uses_nothing_up(visitor, visit, ann):
    ask(visitor)
    for _ in range(3):  # scanners of mail
        assert open_link(visit(), mails.link()).status == 200
    open_link(visitor, mails.link())
    assert set_new(visitor).status == 302


def test_the_secret_leaves_the_address_bar_at_once(visitor, ann):
    ask(visitor)
    visitor.get(mails.link())
    assert visitor.leads == "/account/password/reset/new/"


def test_known_and_unknown_addresses_are_answered_alike(visitor, visit, ann):
    known = ask(visitor).text.replace("ann@example.org", "X")
    unknown = ask(visit(), "nobody@example.org").text.replace("nobody@example.org", "X")
    assert visible(known) == visible(unknown)
    assert len(mails.queued()) == 1


def visible(text):
    import re

    return re.sub(r'value="[^"]*"', "", text)


def test_a_weak_password_leaves_the_link_good(visitor, ann):
    ask(visitor)
    open_link(visitor, mails.link())
    for weak in ("short", "password", "ann"):
        assert set_new(visitor, weak).status == 400
        assert 'aria-invalid="true"' in visitor.page.text
    assert set_new(visitor).status == 302


def test_a_link_is_good_for_an_hour(visitor, ann):
    ask(visitor)
    link = mails.link()
    with time_machine.travel(clock.after(3599)):
        assert open_link(visitor, link).status == 200
    with time_machine.travel(clock.after(3601)):
        assert open_link(visitor, link).status == 400


def test_one_link_used_ends_the_other_links(visitor, visit, ann):
    ask(visitor)
    first = mails.link()
    ask(visitor)
    open_link(visitor, mails.link())
    set_new(visitor)
    assert open_link(visit(), first).status == 400


def test_a_made_up_link_is_refused(visitor, ann):
    assert open_link(visitor, "/account/password/reset/new/?token=" + "x" * 43).status == 400
    assert open_link(visitor, "/account/password/reset/new/?token=%00").status == 400
    assert visitor.get("/account/password/reset/new/").status == 400


def test_no_secret_of_a_link_stands_anywhere_but_in_the_mail(visitor, ann):
    from accounts.models import Challenge

    ask(visitor)
    secret = mails.link().split("token=")[1]
    assert secret not in str(Challenge.objects.values())
    assert secret not in str(AuditEvent.objects.values())


def test_an_account_without_password_gets_its_first_one(visitor, db):
    users.create("key", email="key@example.org", by_administrator=True)
    ask(visitor, "key@example.org")
    open_link(visitor, mails.link())
    set_new(visitor)
    assert visitor.sign_in("key", NEW).status == 302


def test_changing_the_password_asks_for_the_present_one_and_keeps_this_browser(signed_in, visit, ann):
    other = visit()
    other.sign_in("ann")
    page = "/account/password/"
    assert signed_in.fill(page, old_password="wrong one", new_password=NEW).status == 403
    assert "This is not your password." in signed_in.text
    before = signed_in.cookies["browser"]
    assert signed_in.fill(page, old_password="correct horse battery", new_password=NEW).status == 302
    assert signed_in.cookies["browser"] != before
    assert signed_in.is_signed_in()
    assert not other.is_signed_in()
    assert Token.objects.filter(user=ann, revoked_at=None).count() == 1


def test_the_old_password_is_no_new_one(signed_in):
    old = "correct horse battery"
    assert signed_in.fill("/account/password/", old_password=old, new_password=old).status == 400
    assert "old password" in signed_in.text

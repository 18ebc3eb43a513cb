"""Closing an account; replacing the keys of a Matrix identity."""

import pytest
import time_machine

from accounts import clock, credentials, users
from accounts.models import AuditEvent, Token, User
from tests.homeserver.conftest import _server, deliver, synapse  # noqa: F401  # fixtures
from tests.pages import mails
from tests.pages.home.conftest import KEY, open_device, passes
from tests.pages.visitor import PASSWORD

CLOSE, RESET = "/account/close/", "/account/identity-reset/"


def is_closed(user):
    return User.objects.get(pk=user.pk).deactivated_at is not None


def test_an_account_is_closed_for_good(signed_in, ann, bob):
    open_device(ann, "MATRIX")
    page = signed_in.fill(CLOSE, typed=" Ann ")
    assert page.header("location") == "/account/login/"
    assert is_closed(ann)
    assert not is_closed(bob)
    assert not Token.objects.filter(user=ann, revoked_at=None).exists()
    assert (mails.last().template, mails.last().to) == ("page-notice", "ann@example.org")
    signed_in.follow()
    assert "Your account is closed." in signed_in.text
    assert not signed_in.is_signed_in()
    assert signed_in.sign_in("ann").status == 403
    assert AuditEvent.objects.get(event="user-deactivated").actor == "ann"


@pytest.mark.parametrize("typed", ["", "an", "bob", "ann@example.org", "\0", "ann " * 90])
def test_without_the_name_nothing_is_closed(signed_in, ann, bob, typed):
    assert signed_in.fill(CLOSE, typed=typed).status == 400
    assert not is_closed(ann)
    assert signed_in.is_signed_in()


def test_of_a_name_that_is_a_key_the_beginning_is_asked_for(visitor, db):
    user, _ = users.of_x25519_key_or_new(KEY)
    users.set_password(user, PASSWORD)
    visitor.sign_in(KEY)
    assert visitor.fill(CLOSE, typed=KEY[:7]).status == 400
    visitor.fill(CLOSE, typed=KEY[:8])
    assert is_closed(user)


def test_closing_asks_again_who_it_is(signed_in, ann):
    signed_in.get(CLOSE)
    with time_machine.travel(clock.after(passes(1))):
        signed_in.send(CLOSE, typed="ann")
        assert signed_in.leads.startswith("/account/reauthenticate/?next=")
        assert not is_closed(ann)
        signed_in.fill(signed_in.leads, password=PASSWORD)
        assert signed_in.leads == CLOSE
        signed_in.fill(CLOSE, typed="ann")
    assert is_closed(ann)


def test_the_only_administrator_stays(visitor, db):
    root = users.create("root", password=PASSWORD, administrator=True)
    visitor.sign_in("root")
    assert visitor.fill(CLOSE, typed="root").status == 400
    assert "only administrator" in visitor.text
    assert not is_closed(root)
    users.create("other", password=PASSWORD, administrator=True)
    visitor.fill(CLOSE, typed="root")
    assert is_closed(root)


def test_without_a_homeserver_nothing_is_asked_about_messages(signed_in, ann):
    assert 'name="erase"' not in signed_in.get(CLOSE).text


def test_with_a_homeserver_messages_can_be_hidden_too(signed_in, ann, synapse, deliver):  # noqa: F811
    assert 'name="erase"' in signed_in.get(CLOSE).text
    signed_in.send(CLOSE, typed="ann", erase="on")
    assert is_closed(ann)


def test_without_a_homeserver_the_reset_needs_no_leave(signed_in):
    assert signed_in.get(RESET).status == 200
    assert "Nothing has to be allowed here" in signed_in.text
    signed_in.get("/account/")
    signed_in.send(RESET)
    assert not AuditEvent.objects.filter(event="cross-signing-reset-allowed").exists()


def test_the_reset_is_allowed_at_the_homeserver(signed_in, ann, synapse, deliver):  # noqa: F811
    from accounts import homeserver

    signed_in.fill(RESET)
    signed_in.follow()
    assert "does not know your account yet" in signed_in.text
    with homeserver.preparing(ann, "ABCDEFGHIJ"):
        open_device(ann, "ABCDEFGHIJ")
    signed_in.get(RESET)
    assert not AuditEvent.objects.filter(event="cross-signing-reset-allowed").exists()
    signed_in.send(RESET)
    signed_in.follow()
    assert "within ten minutes" in signed_in.text
    assert AuditEvent.objects.filter(event="cross-signing-reset-allowed", subject="ann").exists()
    synapse.fails["allow_cross_signing_reset"] = (503, {})
    signed_in.fill(RESET)
    signed_in.follow()
    assert "The homeserver does not answer" in signed_in.text


def test_the_reset_asks_again_who_it_is(signed_in, ann, synapse):  # noqa: F811
    with time_machine.travel(clock.after(passes(1))):
        assert signed_in.get(RESET).header("location").startswith("/account/reauthenticate/")


def test_a_closed_accounts_keys_open_nothing(signed_in, ann):
    credentials.add_x25519_key(ann, KEY)
    signed_in.fill(CLOSE, typed="ann")
    assert users.of_x25519_key(KEY).deactivated_at

"""New accounts: the three modes, the address, the terms, the names (one-origin.md §2, §3; R13, R37)."""

import pytest
from django.test import override_settings

from accounts import registration_tokens, rules, users
from accounts.models import AcceptedDocument, QueuedMail, RegistrationToken, User
from tests.pages import mails
from tests.pages.visitor import PASSWORD

PAGE, CONFIRM = "/account/signup/", "/account/signup/confirm/"
TERMS = {"privacy": {"version": "2", "en": {"name": "Privacy", "url": "https://example.org/privacy"}}}


def sign_up(visitor, name="bob", password=PASSWORD, **more):
    return visitor.fill(PAGE, username=name, password=password, **more)


def confirm(visitor, code):
    visitor.get(CONFIRM)
    return visitor.send(CONFIRM, code=code)


def test_a_new_account_is_made_and_signed_in(visitor):
    assert sign_up(visitor, "BOB").status == 302
    assert visitor.is_signed_in()
    assert User.objects.get().username == "bob"


def test_one_comes_back_to_where_one_began(visitor):
    visitor.get(f"{PAGE}?next=%2Flink")
    visitor.send(PAGE, username="bob", password=PASSWORD)
    assert visitor.leads == "/link"


@pytest.mark.parametrize(
    ("name", "password", "words"),
    [
        ("ann", PASSWORD, "This name is taken."),
        ("_bob", PASSWORD, "A name holds"),
        ("12345", PASSWORD, "A name holds"),
        ("bob smith", PASSWORD, "A name holds"),
        ("05" + "ab" * 32, PASSWORD, "This name cannot be chosen."),
        ("root", PASSWORD, "This name cannot be chosen."),
        ("bob", "short", "It needs at least 8 characters."),
        ("bob", "password", "Many people use this one"),
        ("bobbobbob", "bobbobbob", "It must not be your name"),
        ("", PASSWORD, "Please fill this in."),
        ("bob", "", "Please fill this in."),
    ],
)
def test_what_is_wrong_is_told_at_its_field(visitor, ann, name, password, words):
    rules.add("deny", "username", "root")
    assert sign_up(visitor, name, password).status == 400
    assert words in visitor.text
    assert 'aria-invalid="true"' in visitor.page.text
    assert User.objects.count() == 1


@override_settings(REGISTRATION="closed")
def test_a_closed_site_says_so_and_offers_no_link(visitor):
    assert "New accounts are made by the people" in visitor.get(PAGE).text
    assert PAGE not in visitor.get("/account/login/").text
    visitor.post(PAGE, {"username": "bob", "password": PASSWORD})
    assert not User.objects.exists()


@override_settings(REGISTRATION="token")
def test_a_registration_token_makes_as_many_accounts_as_it_has_uses(visitor, visit):
    registration_tokens.issue(uses=1, token="welcome")
    assert sign_up(visitor, token="wrong").status == 400
    assert "This registration token is not good." in visitor.text
    assert sign_up(visitor, token="welcome").status == 302
    assert sign_up(visit("198.51.100.1"), "carl", token="welcome").status == 400
    assert RegistrationToken.objects.get().completed == 1


@override_settings(REGISTRATION="token", REGISTRATION_EMAIL="required")
def test_a_token_is_held_while_the_address_is_confirmed(visitor, visit):
    row = registration_tokens.issue(uses=1, token="welcome")
    assert sign_up(visitor, token="welcome", email="bob@example.org").status == 302
    assert registration_tokens.pending(row) == 1
    assert sign_up(visit("198.51.100.1"), "carl", token="welcome", email="c@example.org").status == 400
    assert confirm(visitor, mails.code()).status == 302
    assert RegistrationToken.objects.get().completed == 1


@override_settings(REGISTRATION_EMAIL="required")
def test_the_account_is_made_once_the_code_was_entered(visitor):
    assert sign_up(visitor).status == 400
    assert sign_up(visitor, email="Bob@Example.org").status == 302
    assert not User.objects.exists()
    code = mails.code()
    assert confirm(visitor, f"{(int(code) + 1) % 1_000_000:06d}").status in {400, 403}
    assert not User.objects.exists()
    assert confirm(visitor, code).status == 302
    assert visitor.is_signed_in()
    assert "bob@example.org" in visitor.text
    assert confirm(visitor, code).header("location") == PAGE


@override_settings(REGISTRATION_EMAIL="optional")
def test_a_known_address_is_not_told_but_its_owner_is(visitor, ann):
    assert sign_up(visitor, email="ann@example.org").status == 302
    visitor.follow()
    assert "ann@example.org" in visitor.text
    assert [(mail.to, mail.template) for mail in mails.queued()] == [("ann@example.org", "address-in-use")]


@override_settings(REGISTRATION_EMAIL="required")
def test_a_name_taken_meanwhile_is_told_when_the_code_comes(visitor):
    sign_up(visitor, email="bob@example.org")
    users.create("bob", password=PASSWORD)
    assert confirm(visitor, mails.code()).status == 400
    assert "This name is taken." in visitor.text


@override_settings(TERMS=TERMS)
def test_the_terms_are_accepted_in_their_version(visitor):
    assert sign_up(visitor).status == 400
    assert "https://example.org/privacy" in visitor.page.text
    assert sign_up(visitor, accepted="on").status == 302
    assert list(AcceptedDocument.objects.values_list("document", "version")) == [("privacy", "2")]


def test_three_accounts_an_address_then_one_in_twenty_seconds(visit, standing_clock):
    for number in range(3):
        assert sign_up(visit(), f"bob{number}").status == 302
    last = visit()
    assert sign_up(last, "bob4").status == 429
    assert last.page.header("retry-after") == "20"
    assert sign_up(visit("198.51.100.1"), "bob5").status == 302


@override_settings(REGISTRATION_EMAIL="required")
def test_denied_names_addresses_and_networks_make_no_account(visitor):
    rules.add("deny", "domain", "evil.example")
    assert sign_up(visitor, email="bob@mail.evil.example").status in {400, 403}
    assert "This address is not accepted here." in visitor.text
    rules.add("deny", "ip", "203.0.113.0/24")
    sign_up(visitor, email="bob@example.org")
    assert not User.objects.exists()
    assert not QueuedMail.objects.exists()


def test_in_whitelist_mode_only_the_listed_make_accounts(visitor):
    rules.set_mode("devicelogin", whitelist=True)
    assert sign_up(visitor).status == 403
    assert not User.objects.exists()
    rules.add("allow", "username", "bob")
    assert sign_up(visitor).status == 302

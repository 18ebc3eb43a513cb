"""What a person sees of the audit log: their own events, in words (R50)."""

import pytest

from accounts import audit, credentials, emails, users
from accounts.models import AuditEvent
from accounts.pages.home import event_words, events
from tests.pages.home.conftest import KEY
from tests.pages.visitor import PASSWORD

LIST = "/account/events/"


def test_sign_ins_refusals_and_changes_are_told_in_words(signed_in, visit, ann):
    visit("192.0.2.44").sign_in("ann", "wrong password")
    visit("192.0.2.45").sign_in("ann@example.org", "wrong password")
    signed_in.fill("/account/profile/", name="Ann")
    signed_in.get(LIST)
    for words in (
        "Signed in",
        "A sign-in was refused",
        "the password, key or code was wrong",
        "192.0.2.44",
        "192.0.2.45",
        "The display name was changed",
        "The account was made",
    ):
        assert words in signed_in.text, words
    assert "credential-wrong" not in signed_in.text


def test_events_of_others_are_not_shown(signed_in, stranger, bob):
    stranger.fill("/account/profile/", name="Bob")
    signed_in.get(LIST)
    assert "display name" not in signed_in.text
    assert "bob" not in signed_in.text
    assert "198.51.100.7" not in signed_in.text


def test_what_an_administrator_did_is_told_without_name_and_address(signed_in, ann):
    root = users.create("root", password=PASSWORD, administrator=True)
    users.suspend(ann, actor=root)
    AuditEvent.objects.filter(event="user-suspended").update(ip="192.0.2.99")
    signed_in.get(LIST)
    assert "The account was suspended" in signed_in.text
    assert "by the people who run this site" in signed_in.text
    assert "root" not in signed_in.text
    assert "192.0.2.99" not in signed_in.text


def test_an_administrator_sees_what_happened_to_the_own_account_only(visitor, bob, ann):
    root = users.create("root", password=PASSWORD, administrator=True)
    visitor.sign_in("root")
    users.lock(bob, actor=root)
    credentials.remove_x25519_key(bob, bob.x25519_keys.get().public_key, actor=root)
    visitor.get(LIST)
    assert "locked" not in visitor.text
    assert "A key was removed" not in visitor.text


def test_a_key_that_was_removed_is_still_told_of(signed_in, ann):
    credentials.add_x25519_key(ann, KEY)
    credentials.remove_x25519_key(ann, KEY, actor=ann)
    signed_in.get(LIST)
    assert "A key was removed" in signed_in.text
    assert KEY in signed_in.text


def test_sign_ins_refused_for_an_address_count_since_it_is_the_accounts(signed_in, ann):
    audit.record("login", outcome=audit.REFUSED, subject="new@example.org", ip="192.0.2.50")
    emails.add_confirmed(ann, "new@example.org")
    audit.record("login", outcome=audit.REFUSED, subject="new@example.org", ip="192.0.2.51")
    signed_in.get(LIST)
    assert "192.0.2.50" not in signed_in.text
    assert "192.0.2.51" in signed_in.text


def test_events_without_words_are_not_shown(signed_in, ann):
    audit.record("internal-thing", subject="ann")
    signed_in.get(LIST)
    assert "internal-thing" not in signed_in.text


def test_the_list_goes_on_page_by_page(signed_in, ann, monkeypatch):
    monkeypatch.setattr(events, "PAGE", 3)
    for number in range(5):
        audit.record("login", subject="ann", ip=f"192.0.2.{number}")
    signed_in.get(LIST)
    first = signed_in.text
    assert "192.0.2.4" in first
    assert "192.0.2.1" not in first
    older = signed_in.page.text.split("?before=")[1].split('"')[0]
    signed_in.get(f"{LIST}?before={older}")
    assert "192.0.2.1" in signed_in.text
    assert "192.0.2.4" not in signed_in.text
    for odd in ("x", "-1", "9" * 30, "1"):
        assert signed_in.get(f"{LIST}?before={odd}").status == 200


def test_what_strangers_wrote_is_text(signed_in, ann):
    audit.record("device-ended", subject="ann", facts={"name": "<img src=x onerror=alert(1)>"})
    page = signed_in.get(LIST)
    assert "<img src=x" not in page.text
    assert "&lt;img src=x" in page.text


@pytest.mark.parametrize("words", [event_words.DONE, event_words.REFUSED])
def test_no_event_is_called_by_its_code(words):
    assert not [text for text in map(str, words.values()) if "-" in text.split(" ")[0] and text.islower()]

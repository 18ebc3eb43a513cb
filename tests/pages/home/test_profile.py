"""The start page, the display name, and the one own name of an account that a key made."""

from accounts import users
from accounts.models import AuditEvent, User
from tests.pages.home.conftest import KEY
from tests.pages.visitor import PASSWORD


def keyed(visitor):
    """Somebody signed in to an account that a key made and an administrator gave a password."""
    user, _ = users.of_x25519_key_or_new(KEY)
    users.set_password(user, PASSWORD)
    visitor.sign_in(KEY)
    return User.objects.get(pk=user.pk)


def test_the_start_page_shows_the_way_to_everything(signed_in, ann):
    page = signed_in.get("/account/")
    assert page.status == 200
    for path in ("profile", "emails", "password", "second-factors", "keys", "devices", "events", "close"):
        assert f'href="/account/{path}/"' in page.text, path
        assert signed_in.get(f"/account/{path}/").status == 200, path
    assert "ann@example.org" in page.text


def test_every_page_says_what_it_may_load_and_is_not_kept(signed_in, ann):
    for path in (
        "",
        "profile/",
        "emails/",
        "emails/add/",
        "keys/",
        "keys/session/add/",
        "devices/",
        "events/",
        "close/",
    ):
        page = signed_in.get(f"/account/{path}")
        assert page.status == 200, path
        assert "default-src 'none'" in page.header("content-security-policy")
        assert "unsafe" not in page.header("content-security-policy")
        assert page.header("cache-control") == "no-store"
        assert not [word for word in ("style=", "onclick=", "<style") if word in page.text]


def test_the_display_name_is_changed_and_taken_away(signed_in, ann):
    signed_in.fill("/account/profile/", name="Ann of the hills")
    ann.refresh_from_db()
    assert ann.display_name == "Ann of the hills"
    assert AuditEvent.objects.filter(event="display-name-set", subject="ann", actor="ann").exists()
    signed_in.fill("/account/profile/", name="")
    ann.refresh_from_db()
    assert ann.display_name == ""


def test_a_display_name_that_cannot_be_is_refused(signed_in, ann):
    assert signed_in.fill("/account/profile/", name="x" * 257).status == 400
    assert signed_in.fill("/account/profile/", name="a\x7fb").status == 400
    ann.refresh_from_db()
    assert ann.display_name == ""


def test_a_suspended_account_cannot_change_what_others_see(signed_in, ann):
    users.suspend(ann)
    assert signed_in.fill("/account/profile/", name="Ann").status == 403
    assert "suspended" in signed_in.text
    ann.refresh_from_db()
    assert ann.display_name == ""


def test_an_account_of_a_key_is_renamed_once(visitor, db):
    user = keyed(visitor)
    assert "Choose a name" in (visitor.get("/account/") and visitor.text)
    assert visitor.fill("/account/profile/name/", username="Cleo").status == 302
    user.refresh_from_db()
    assert user.username == "cleo"
    event = AuditEvent.objects.get(event="user-renamed")
    assert (event.actor, event.subject, event.facts["before"]) == ("cleo", "cleo", KEY)
    assert visitor.is_signed_in()
    assert visitor.get("/account/profile/name/").status == 302
    visitor.get("/account/")
    assert visitor.send("/account/profile/name/", username="other").status == 302
    user.refresh_from_db()
    assert user.username == "cleo"


def test_a_name_that_is_taken_or_reserved_is_refused(visitor, ann):
    user = keyed(visitor)
    for name in ("ann", "_x", "123", "05" + "0" * 64, "a b", ""):
        assert visitor.fill("/account/profile/name/", username=name).status == 400, name
    user.refresh_from_db()
    assert user.username == KEY


def test_an_account_with_a_name_of_its_own_keeps_it(signed_in, ann):
    assert signed_in.get("/account/profile/name/").header("location") == "/account/profile/"
    signed_in.get("/account/profile/")
    signed_in.send("/account/profile/name/", username="other")
    ann.refresh_from_db()
    assert ann.username == "ann"

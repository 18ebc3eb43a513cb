"""Accounts in the administration."""

import re
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts import passwords, tokens
from accounts.models import AcceptedDocument, AuditEvent, Device, OpenPGPKey, Token, User, X25519Key
from tests.accounts.admin.conftest import KEY, PASSWORD

LIST, ADD = "/admin/accounts/user/", "/admin/accounts/user/add/"
NEW = {"username": "bob", "display_name": "Bob", "email": "bob@example.org", "password": "a good long one"}


def page(user: User, action: str = "change") -> str:
    return f"{LIST}{user.pk}/{action}/"


def tables(staff: Client, user: User) -> dict[str, Any]:
    """What stands below an account, by title."""
    return {section["title"]: section for section in staff.get(page(user)).context["account_tables"]}


def bulk(user: User, name: str, **more: str) -> dict[str, object]:
    return {"action": f"{name}_accounts", "_selected_action": [user.pk], "select_across": "0", "index": "0", **more}


def test_adding_makes_an_account_whose_address_is_confirmed(staff):
    response = staff.post(ADD, NEW)
    assert response.status_code == 302
    user = User.objects.get(username="bob")
    assert passwords.verify(user, "a good long one")
    assert EmailAddress.objects.get(user=user).verified
    assert not user.is_staff
    assert AuditEvent.objects.filter(event="user-created").latest("pk").actor == "ada"


def test_adding_an_administrator_makes_an_administrator(staff):
    staff.post(ADD, NEW | {"administrator": "on", "own_password": PASSWORD})
    assert User.objects.get(username="bob").is_staff


@pytest.mark.parametrize("own_password", ["", "wrong"])
def test_no_administrator_is_made_without_ones_own_password(staff, said, own_password):
    response = staff.post(ADD, NEW | {"administrator": "on", "own_password": own_password})
    assert "This is not your password." in said(response)
    assert not User.objects.filter(username="bob").exists()


def test_nobodys_password_is_set_without_ones_own(staff, account, said):
    user = account("bob", password="the old long one")
    good = {"_confirmed": "1", "password": "the new long one", "again": "the new long one"}
    assert "This is not your password." in said(
        staff.post(page(user, "set-password"), good | {"own_password": "wrong"})
    )
    user.refresh_from_db()
    assert passwords.verify(user, "the old long one")


def test_ones_own_password_is_changed_with_the_old_one_only(staff, ada):
    good = {"_confirmed": "1", "password": "the new long one", "again": "the new long one", "own_password": PASSWORD}
    response = staff.post(page(ada, "set-password"), good)
    assert response["Location"] == "/admin/password_change/"
    ada.refresh_from_db()
    assert passwords.verify(ada, PASSWORD)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"username": "ADA"}, "This name is taken."),
        ({"username": "_bob"}, "does not begin with _"),
        ({"username": KEY}, "This name is reserved"),
        ({"password": "short"}, "at least 8 characters"),
        ({"email": "nonsense"}, "looks like ann@example.org"),
        ({"email": "Taken@example.org"}, "belongs to another account"),
        ({"password": "", "administrator": "on"}, "An administrator needs a password"),
    ],
)
def test_a_refusal_is_told_at_its_field_in_words(staff, account, said, change, words):
    account("carol", email="taken@example.org")
    before = User.objects.count()
    response = staff.post(ADD, NEW | change)
    assert response.status_code == 200
    assert words in said(response)
    assert User.objects.count() == before


@pytest.mark.parametrize("term", ["bob", "BOB@exam", KEY[10:30], "ab" * 10, "Robert"])
def test_an_account_is_found_by_name_address_key_and_fingerprint(staff, account, said, term):
    user = account("bob", email="bob@example.org", display_name="Robert")
    account("carol")
    X25519Key.objects.create(user=user, public_key=KEY)
    OpenPGPKey.objects.create(user=user, fingerprint="ab" * 20, armored="x")
    found = staff.get(LIST, {"q": term}).context["cl"].queryset
    assert list(found) == [user]


def test_filters_choose_state_kind_and_administrators(staff, account, key_account):
    from accounts import users

    users.lock(account("bob"))
    names = lambda **query: {user.username for user in staff.get(LIST, query).context["cl"].queryset}  # noqa: E731
    assert names(state="locked") == {"bob"}
    assert names(state="active") == {"ada", KEY}
    assert names(kind="key") == {KEY}
    assert names(kind="person") == {"ada", "bob"}
    assert names(is_staff__exact="1") == {"ada"}


def test_the_page_of_an_account_shows_what_belongs_to_it(staff, account, token, said):
    user = account("bob", email="bob@example.org")
    EmailAddress.objects.create(user=user, email="new@example.org", verified=False)
    X25519Key.objects.create(user=user, public_key=KEY)
    Device.objects.create(user=user, kind="matrix", device_id="D", display_name="Element on desk")
    token(user)
    AuditEvent.objects.create(event="login", subject=KEY)
    text = said(staff.get(page(user)))
    addresses = ["bob@example.org confirmed", "new@example.org not confirmed"]
    for shown in (KEY, *addresses, "Element on desk"):
        assert shown in text
    assert "login success" in text


def test_a_login_is_one_session_however_many_tokens_it_has(staff, account, token, said):
    user = account("bob")
    first, second = token(user), token(user)
    Token.objects.filter(pk=second.pk).update(family=first.family, kind="refresh", expires_at=None)
    Token.objects.filter(pk=token(user).pk).update(family=first.family, kind="refresh", used_at=first.issued_at)
    token(user, "session", KEY)
    tokens.revoke(Token.objects.filter(pk=token(user).pk), reason="test")
    sessions = tables(staff, user)["Sessions"]["table"]["rows"]
    assert len(sessions) == 2
    session, matrix = sessions
    assert [">Session<" in session[0], ">Matrix<" in matrix[0], matrix[-1]] == [True, True, "never"]
    assert KEY in session[2]
    [link] = re.findall(r'href="([^"]+)"', matrix[0])
    assert {one.pk for one in staff.get(link).context["cl"].queryset} >= {first.pk, second.pk}


def test_the_page_of_an_account_shows_factors_and_accepted_documents(staff, account, said):
    user = account("bob")
    Authenticator.objects.create(user=user, type="totp", data={"secret": "s3cret"})
    AcceptedDocument.objects.create(user=user, document="privacy_policy", version="1.0")
    text = said(staff.get(page(user)))
    assert "Authenticator app" in text
    assert "privacy_policy 1.0" in text
    assert "s3cret" not in text


def test_an_account_with_much_takes_as_many_queries_as_one_with_little(staff, account, token):
    def queries(name: str, count: int) -> int:
        user = account(name)
        for number in range(count):
            token(user)
            Device.objects.create(user=user, kind="matrix", device_id=f"D{number}")
            EmailAddress.objects.create(user=user, email=f"{name}{number}@example.org", verified=False)
        with CaptureQueriesContext(connection) as captured:
            staff.get(page(user))
        return len(captured)

    queries("warm", 1)
    assert queries("little", 1) == queries("much", 20)


def test_nothing_of_an_account_is_changed_by_posting_to_its_page(staff, account):
    user = account("bob")
    assert staff.post(page(user), {"username": "eve", "is_staff": "on"}).status_code == 403
    assert User.objects.get(pk=user.pk).username == "bob"


def test_lock_asks_first_and_then_locks(staff, account, said):
    user = account("bob")
    assert "Every token is refused" in said(staff.get(page(user, "lock")))
    assert User.objects.get(pk=user.pk).locked_at is None
    staff.post(page(user, "lock"), {"_confirmed": "1"})
    assert User.objects.get(pk=user.pk).locked_at
    assert AuditEvent.objects.get(event="user-locked").actor == "ada"
    staff.post(page(user, "unlock"), {"_confirmed": "1"})
    assert User.objects.get(pk=user.pk).locked_at is None


def test_suspension_is_set_and_ended(staff, account):
    user = account("bob")
    staff.post(page(user, "suspend"), {"_confirmed": "1"})
    assert User.objects.get(pk=user.pk).state == User.State.SUSPENDED
    staff.post(page(user, "unsuspend"), {"_confirmed": "1"})
    assert User.objects.get(pk=user.pk).state == User.State.ACTIVE


@pytest.mark.parametrize("verb", ["lock", "suspend", "deactivate"])
def test_an_administrator_cannot_shut_himself_out(staff, ada, said, verb):
    response = staff.post(page(ada, verb), {"_confirmed": "1"}, follow=True)
    assert "You are signed in with this account" in said(response)
    response = staff.post(LIST, bulk(ada, verb, _confirmed="1"), follow=True)
    assert "You are signed in with this account" in said(response)
    assert User.objects.get(pk=ada.pk).state == User.State.ACTIVE


def test_bulk_deactivation_asks_and_names_the_accounts(staff, account, token, said):
    user = account("bob")
    one = token(user)
    text = said(staff.post(LIST, bulk(user, "deactivate")))
    assert "This cannot be undone" in text
    assert "bob" in text
    assert User.objects.get(pk=user.pk).deactivated_at is None
    staff.post(LIST, bulk(user, "deactivate", _confirmed="1"))
    assert User.objects.get(pk=user.pk).deactivated_at
    one.refresh_from_db()
    assert one.revoked_at


def test_all_rows_of_a_filter_are_chosen_by_one_field(staff, account):
    chosen = [account(f"spam-{number}") for number in range(60)]
    account("bob")
    post = bulk(chosen[0], "lock") | {"select_across": "1"}
    question = staff.post(f"{LIST}?q=spam", post).content.decode()
    assert question.count('name="_selected_action"') == 1
    staff.post(f"{LIST}?q=spam", post | {"_confirmed": "1"})
    assert User.objects.exclude(locked_at=None).count() == 60


def test_ending_all_sessions_ends_tokens_and_devices(staff, account, token):
    user = account("bob")
    token(user)
    Device.objects.create(user=user, kind="matrix", device_id="D")
    staff.post(page(user, "end-sessions"), {"_confirmed": "1"})
    assert not tokens.live().filter(user=user).exists()
    assert not Device.objects.filter(user=user).exists()


def test_setting_a_password_ends_sessions_and_obeys_the_policy(staff, account, token, said):
    user = account("bob", password="the old long one")
    one = token(user)
    post = {"_confirmed": "1", "password": "password1", "again": "password1", "own_password": PASSWORD}
    assert "common passwords" in said(staff.post(page(user, "set-password"), post))
    assert "The two passwords differ." in said(
        staff.post(page(user, "set-password"), post | {"password": "the new long one"})
    )
    assert Token.objects.get(pk=one.pk).revoked_at is None
    good = post | {"password": "the new long one", "again": "the new long one"}
    assert staff.post(page(user, "set-password"), good).status_code == 302
    user.refresh_from_db()
    assert passwords.verify(user, "the new long one")
    assert Token.objects.get(pk=one.pk).revoked_at
    assert AuditEvent.objects.get(event="password-set").actor == "ada"


def test_a_key_only_account_is_renamed_once(staff, key_account, said):
    assert "This name is taken." in said(
        staff.post(page(key_account, "rename"), {"_confirmed": "1", "username": "ada"})
    )
    staff.post(page(key_account, "rename"), {"_confirmed": "1", "username": "Bob"})
    assert User.objects.get(pk=key_account.pk).username == "bob"
    again = staff.post(page(key_account, "rename"), {"_confirmed": "1", "username": "eve"})
    assert "only once" in said(again)
    assert User.objects.get(pk=key_account.pk).username == "bob"


def test_the_last_key_is_not_removed_and_the_page_says_why(staff, key_account, said):
    key = key_account.x25519_keys.get()
    path = f"/admin/accounts/x25519key/{key.pk}/delete/"
    assert "the last thing that opens the account" in said(staff.post(path, {"post": "yes"}, follow=True))
    assert X25519Key.objects.filter(pk=key.pk).exists()


def test_removing_a_key_ends_what_it_opened(staff, account, token):
    user = account("bob", password=PASSWORD)
    key = X25519Key.objects.create(user=user, public_key=KEY)
    opened, other = token(user, "session", KEY), token(user)
    assert staff.post(f"/admin/accounts/x25519key/{key.pk}/delete/", {"post": "yes"}).status_code == 302
    assert Token.objects.get(pk=opened.pk).revoked_at
    assert Token.objects.get(pk=other.pk).revoked_at is None
    assert AuditEvent.objects.get(event="key-removed").actor == "ada"


def test_removing_an_openpgp_key_goes_by_the_verb(staff, account):
    key = OpenPGPKey.objects.create(user=account("bob", password=PASSWORD), fingerprint="ab" * 20, armored="x")
    staff.post(f"/admin/accounts/openpgpkey/{key.pk}/delete/", {"post": "yes"})
    assert not OpenPGPKey.objects.exists()
    assert AuditEvent.objects.get(event="key-removed").subject == "ab" * 20

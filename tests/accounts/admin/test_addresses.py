"""E-mail addresses of an account in the administration."""

from datetime import UTC, datetime

import pytest
from allauth.account.models import EmailAddress
from django.test import Client

from accounts import emails, users
from accounts.admin import shown
from accounts.models import AddressRecord, AuditEvent, User
from tests.accounts.admin.conftest import PASSWORD

OWN = {"_confirmed": "1", "own_password": PASSWORD}


def page(user: User, action: str = "change", address: EmailAddress | int | None = None) -> str:
    number = address.pk if isinstance(address, EmailAddress) else address
    return f"/admin/accounts/user/{user.pk}/{action}/" + (f"?address={number}" if number is not None else "")


def waiting(user: User, text: str = "bob@example.org") -> EmailAddress:
    return EmailAddress.objects.create(user=user, email=text, verified=False)


def rows(staff: Client, user: User) -> list[list[str]]:
    [section] = [one for one in staff.get(page(user)).context["account_tables"] if one["title"] == "E-mail addresses"]
    found: list[list[str]] = section["table"]["rows"]
    return found


def test_an_address_is_added_as_confirmed_and_audited(staff, account, said):
    user = account("bob")
    assert "The address counts as confirmed." in said(staff.get(page(user, "add-address")))
    assert not EmailAddress.objects.exists()
    response = staff.post(page(user, "add-address"), OWN | {"email": " Bob@Example.org "}, follow=True)
    assert "bob@example.org belongs to bob now." in said(response)
    assert emails.owner("bob@example.org") == user
    assert AuditEvent.objects.get(event="email-added").actor == "ada"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"email": "nonsense"}, "looks like ann@example.org"),
        ({"email": ""}, "This field is required."),
        ({"email": "taken@example.org"}, "belongs to another account"),
        ({"own_password": "wrong"}, "This is not your password."),
        ({"own_password": ""}, "This field is required."),
    ],
)
def test_what_cannot_be_added_is_told_at_its_field(staff, account, said, change, words):
    user = account("bob")
    account("carol", email="taken@example.org")
    response = staff.post(page(user, "add-address"), OWN | {"email": "bob@example.org"} | change)
    assert words in said(response)
    assert not EmailAddress.objects.filter(user=user).exists()


def test_an_address_that_the_account_gave_is_confirmed_and_audited(staff, account, said):
    user = account("bob")
    address = waiting(user)
    assert page(user, "confirm-address", address) in staff.get(page(user)).content.decode()
    assert "You vouch that bob@example.org is theirs." in said(staff.get(page(user, "confirm-address", address)))
    assert emails.owner("bob@example.org") is None
    staff.post(page(user, "confirm-address", address), OWN)
    assert emails.owner("bob@example.org") == user
    assert AuditEvent.objects.get(event="email-confirmed").actor == "ada"
    assert page(user, "confirm-address", address) not in staff.get(page(user)).content.decode()


def test_no_address_is_confirmed_without_ones_own_password(staff, account, said):
    user = account("bob")
    address = waiting(user)
    response = staff.post(page(user, "confirm-address", address), OWN | {"own_password": "wrong"})
    assert "This is not your password." in said(response)
    assert emails.owner("bob@example.org") is None


def test_an_address_that_another_account_proved_is_not_confirmed_and_the_page_says_why(staff, account, said):
    user = account("bob")
    address = waiting(user)
    account("carol", email="bob@example.org")
    assert "belongs to another account" in said(staff.post(page(user, "confirm-address", address), OWN))
    assert emails.owner("bob@example.org") == users.get("carol")


def test_an_address_is_removed_after_a_question(staff, account, said):
    user = account("bob", email="bob@example.org")
    address = EmailAddress.objects.get()
    assert "It opens the account no longer" in said(staff.get(page(user, "remove-address", address)))
    assert EmailAddress.objects.exists()
    response = staff.post(page(user, "remove-address", address), {"_confirmed": "1"}, follow=True)
    assert "bob@example.org is removed." in said(response)
    assert not EmailAddress.objects.exists()
    assert AuditEvent.objects.get(event="email-removed").actor == "ada"


@pytest.mark.parametrize("verb", ["confirm-address", "remove-address"])
@pytest.mark.parametrize("number", [None, 0, "x", "²", "9" * 30])
def test_an_address_that_is_not_the_accounts_is_said_to_be_none(staff, account, said, verb, number):
    user = account("bob", email="bob@example.org")
    other = waiting(account("carol"), "carol@example.org")
    path = page(user, verb, other.pk if number == 0 else number)
    assert "The account has no such address." in said(staff.post(path, OWN, follow=True))
    assert list(EmailAddress.objects.order_by("email").values_list("email", "verified")) == [
        ("bob@example.org", True),
        ("carol@example.org", False),
    ]


def test_the_table_says_when_an_address_came_and_was_confirmed(staff, account):
    user = account("bob")
    emails.add_confirmed(user, "bob@example.org", validated_at=datetime(2026, 1, 2, 3, 4, tzinfo=UTC))
    waiting(user, "new@example.org")
    confirmed, new = rows(staff, user)
    assert (confirmed[1], confirmed[3]) == ("confirmed, primary", "2026-01-02 03:04")
    assert confirmed[2] == shown.moment(AddressRecord.objects.get().added_at)
    assert new[1:4] == ["not confirmed", "–", "–"]


def test_a_deactivated_account_is_given_no_address(staff, account, said):
    user = account("bob")
    users.deactivate(user)
    assert page(user, "add-address") not in staff.get(page(user)).content.decode()
    response = staff.post(page(user, "add-address"), OWN | {"email": "bob@example.org"})
    assert "This account is deactivated, for good." in said(response)
    assert not EmailAddress.objects.exists()


def test_no_address_is_changed_without_the_forms_own_token(ada, account):
    user = account("bob")
    address = waiting(user)
    client = Client(enforce_csrf_checks=True)
    client.force_login(ada)
    for verb in ("add-address", "confirm-address", "remove-address"):
        assert client.post(page(user, verb, address), OWN | {"email": "eve@example.org"}).status_code == 403
    assert list(EmailAddress.objects.values_list("email", "verified")) == [("bob@example.org", False)]

"""What the administration can do to an account, commands can do likewise."""

import pytest
from allauth.account.models import EmailAddress
from django.core.management.base import CommandError

from accounts import emails, users
from accounts.models import AuditEvent, User
from tests.commands.run import run

pytestmark = pytest.mark.django_db


def failure(*arguments: object) -> str:
    with pytest.raises(CommandError) as caught:
        run("users", *arguments)
    return str(caught.value)


def test_a_suspension_is_set_and_ended() -> None:
    users.create("ann")
    assert run("users", "suspend", "Ann").lines == ["suspended: ann"]
    assert User.objects.get().state == "suspended"
    assert run("users", "unsuspend", "ann").lines == ["no longer suspended: ann"]
    assert User.objects.get().state == "active"
    assert set(AuditEvent.objects.filter(actor="command").values_list("event", flat=True)) >= {
        "user-suspended",
        "user-unsuspended",
    }


def test_an_address_that_waits_is_confirmed() -> None:
    ann = users.create("ann")
    EmailAddress.objects.create(user=ann, email="ann@example.org", verified=False)
    assert run("users", "confirm", "ann", "Ann@Example.org").lines == ["confirmed: ann  Ann@Example.org"]
    assert [one.address for one in emails.listed(ann)] == ["ann@example.org"]
    assert AuditEvent.objects.get(event="email-confirmed").actor == "command"


@pytest.mark.parametrize("address", ["other@example.org", "nonsense", ""])
def test_an_address_that_the_account_never_gave_is_not_confirmed(address: str) -> None:
    users.create("ann")
    assert failure("confirm", "ann", address) == f"ann has no address {address}"
    assert not EmailAddress.objects.exists()


def test_an_address_that_another_account_proved_meanwhile_is_not_confirmed() -> None:
    users.create("bob", email="ann@example.org")
    EmailAddress.objects.create(user=users.create("ann"), email="ann@example.org", verified=False)
    assert "another account" in failure("confirm", "ann", "ann@example.org")
    assert EmailAddress.objects.get(verified=True).user.username == "bob"


@pytest.mark.parametrize("verb", ["suspend", "unsuspend", "confirm"])
def test_an_unknown_name_is_named(verb: str) -> None:
    assert failure(verb, "nobody", *(["a@b.org"] if verb == "confirm" else [])) == "no account named nobody"


@pytest.mark.parametrize("verb", ["suspend", "unsuspend"])
def test_a_deactivated_account_stays_as_it_is(verb: str) -> None:
    users.deactivate(users.create("ann"))
    assert "deactivated" in failure(verb, "ann")

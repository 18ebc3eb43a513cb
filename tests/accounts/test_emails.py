"""Addresses of accounts: one-origin.md §2, matrix.md §3, §12."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from allauth.account.models import EmailAddress
from django.db import connection, transaction

from accounts import clock, emails, patterns, users
from accounts.errors import Reason, Refusal
from accounts.models import AddressRecord, AuditEvent

pytestmark = pytest.mark.django_db
RACERS = 6


def refused(verb, *arguments, **more):
    with pytest.raises(Refusal) as refusal:
        verb(*arguments, **more)
    return refusal.value.reason


def events(name):
    return list(AuditEvent.objects.filter(event=name).values_list("actor", "subject", "facts"))


def unconfirmed(user, address):
    return EmailAddress.objects.create(user=user, email=address, verified=False)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("Alice@Example.ORG", "alice@example.org"),
        ("Straße@example.org", "strasse@example.org"),
        ("ΣΊΣΥΦΟΣ@example.org", "σίσυφοσ@example.org"),
        ("a+b.c@bücher.example.", "a+b.c@xn--bcher-kva.example"),
        ("o'neill!#$%&*/=?^_`{|}~-@example.org", "o'neill!#$%&*/=?^_`{|}~-@example.org"),
    ],
)
def test_an_address_has_one_spelling(text, canonical):
    assert patterns.email_address(text) == patterns.email_address(canonical) == canonical


@pytest.mark.parametrize(
    "text",
    [
        *("", "a", "@", "a@", "@b", "a b@c.d", "a@b@c.d", "a,b@c.d", "a;b@c.d", "<a@c.d", '"a"@c.d', "a\n@c.d"),
        *("a\x00@c.d", "x" * 251 + "@c.d", "ß" * 130 + "@c.d", "a@" + "b." * 130 + "c", "a@-b-.c", "\ud800@c.d"),
    ],
)
def test_what_is_no_address_is_refused(text):
    assert refused(patterns.email_address, text) is Reason.FIELD_INVALID


def test_an_owner_is_found_by_a_confirmed_address_in_any_spelling():
    alice = users.create("alice")
    emails.add_confirmed(alice, "Alice@Example.org")
    unconfirmed(alice, "other@example.org")
    assert emails.owner("aLICE@example.ORG") == alice
    for address in ("other@example.org", "nobody@example.org", "no address", ""):
        assert emails.owner(address) is None


def test_the_first_address_is_primary_and_the_moments_are_kept():
    alice, moment = users.create("alice"), clock.after(-3600)
    before = clock.now()
    emails.add_confirmed(alice, "one@example.org", validated_at=moment)
    emails.add_confirmed(alice, "two@example.org")
    one, two = emails.listed(alice)
    assert (one.address, one.validated_at) == ("one@example.org", moment)
    assert before <= one.added_at <= clock.now()
    assert two.address == "two@example.org"
    assert before <= two.added_at <= two.validated_at + timedelta(seconds=1)
    assert EmailAddress.objects.get(primary=True).email == "one@example.org"


def test_an_address_without_a_record_counts_from_the_accounts_beginning_and_unconfirmed_ones_are_not_listed():
    alice = users.create("alice")
    EmailAddress.objects.create(user=alice, email="old@example.org", verified=True, primary=True)
    unconfirmed(alice, "new@example.org")
    alice.refresh_from_db()
    assert emails.listed(alice) == [emails.Address("old@example.org", alice.created_at, alice.created_at)]


def test_listing_costs_one_query(django_assert_num_queries):
    alice = users.create("alice")
    for number in range(5):
        emails.add_confirmed(alice, f"a{number}@example.org")
    with django_assert_num_queries(1):
        assert len(emails.listed(alice)) == 5


def test_an_address_of_another_account_is_taken_and_the_callers_transaction_stays_good():
    alice, bob = users.create("alice", email="alice@example.org"), users.create("bob")
    with transaction.atomic():
        assert refused(emails.add_confirmed, bob, "ALICE@example.org") is Reason.CREDENTIAL_TAKEN
        emails.add_confirmed(bob, "bob@example.org")
    assert emails.owner("alice@example.org") == alice
    assert emails.owner("bob@example.org") == bob
    assert [address.address for address in emails.listed(bob)] == ["bob@example.org"]


def test_an_unconfirmed_claim_of_one_account_does_not_hinder_the_owner():
    alice, bob = users.create("alice"), users.create("bob")
    unconfirmed(bob, "alice@example.org")
    emails.add_confirmed(alice, "alice@example.org")
    assert emails.owner("alice@example.org") == alice
    assert refused(emails.confirm, bob, "alice@example.org", actor="admin") is Reason.CREDENTIAL_TAKEN


def test_adding_is_audited_once_and_adding_again_only_renews_the_proof():
    alice, moment = users.create("alice"), clock.after(-3600)
    emails.add_confirmed(alice, "Alice@example.org", validated_at=moment)
    emails.add_confirmed(alice, "alice@example.org")
    assert events("email-added") == [("alice", "alice", {"address": "alice@example.org"})]
    assert emails.listed(alice)[0].validated_at > moment


def test_a_failed_audit_takes_the_address_back(monkeypatch):
    alice = users.create("alice")
    monkeypatch.setattr(emails.audit, "record_or_fail", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        emails.add_confirmed(alice, "alice@example.org")
    assert not EmailAddress.objects.exists()
    assert not AddressRecord.objects.exists()


def test_removing_is_audited_and_hands_on_the_primary_place_to_the_oldest_confirmed_address():
    alice = users.create("alice", email="one@example.org")
    unconfirmed(alice, "unconfirmed@example.org")
    emails.add_confirmed(alice, "two@example.org")
    emails.add_confirmed(alice, "three@example.org")
    assert emails.remove(alice, "ONE@example.org", actor="admin")
    assert EmailAddress.objects.get(primary=True).email == "two@example.org"
    assert events("email-removed") == [("admin", "alice", {"address": "one@example.org"})]
    assert emails.owner("one@example.org") is None
    assert AddressRecord.objects.count() == 2
    assert emails.remove(alice, "three@example.org")
    assert EmailAddress.objects.get(primary=True).email == "two@example.org"


def test_removing_what_is_not_there_or_somebody_elses_changes_nothing():
    alice, bob = users.create("alice", email="alice@example.org"), users.create("bob")
    for address in ("alice@example.org", "nobody@example.org", "no address"):
        assert not emails.remove(bob, address)
    assert emails.owner("alice@example.org") == alice
    assert not events("email-removed")


def test_an_administrator_confirms_an_address_that_the_account_gave():
    alice = users.create("alice")
    unconfirmed(alice, "alice@example.org")
    emails.confirm(alice, "Alice@example.org", actor="admin")
    emails.confirm(alice, "Alice@example.org", actor="admin")
    assert emails.owner("alice@example.org") == alice
    assert EmailAddress.objects.get().primary
    assert events("email-confirmed") == [("admin", "alice", {"address": "alice@example.org"})]
    alice.refresh_from_db()
    assert emails.listed(alice)[0].added_at == alice.created_at
    assert refused(emails.confirm, alice, "other@example.org", actor="admin") is Reason.NOT_FOUND


def test_a_deactivated_account_has_no_addresses_and_gets_none():
    alice = users.create("alice", email="alice@example.org")
    users.deactivate(alice)
    assert emails.listed(alice) == []
    assert refused(emails.add_confirmed, alice, "alice@example.org") is Reason.ACCOUNT_DEACTIVATED
    emails.add_confirmed(users.create("bob"), "alice@example.org")


def race(verb):
    together = Barrier(RACERS)

    def run(number):
        together.wait(60)
        try:
            verb(number)
        except Refusal as refusal:
            return refusal.reason
        finally:
            connection.close()
        return None

    with ThreadPoolExecutor(RACERS) as pool:
        return list(pool.map(run, range(RACERS)))


@pytest.mark.django_db(transaction=True)
def test_of_racing_accounts_one_gets_the_address():
    accounts = [users.create(f"person{number}") for number in range(RACERS)]

    def add(number):
        with transaction.atomic():
            emails.add_confirmed(accounts[number], "one@example.org")

    outcomes = race(add)
    assert sorted(map(str, outcomes)) == ["None", *[str(Reason.CREDENTIAL_TAKEN)] * (RACERS - 1)]
    assert EmailAddress.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_addresses_added_to_one_account_at_once_all_stay_and_one_is_primary():
    alice = users.create("alice")
    assert race(lambda number: emails.add_confirmed(alice, f"a{number}@example.org")) == [None] * RACERS
    assert len(emails.listed(alice)) == RACERS
    assert EmailAddress.objects.filter(primary=True).count() == 1

"""Accounts, names, credentials, passwords: one-origin.md §2–4, R5, R6, R11."""

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import PBKDF2PasswordHasher

from accounts import credentials, devices, names, passwords, tokens, users
from accounts.errors import Reason, Refusal
from accounts.models import AuditEvent, Device, OpenPGPKey, Token, User, X25519Key
from tests.session_client import SessionIdentity

pytestmark = pytest.mark.django_db


def refused(verb, *arguments, **more):
    with pytest.raises(Refusal) as refusal:
        verb(*arguments, **more)
    return refusal.value.reason


@pytest.mark.parametrize("name", ["alice", "Alice", "a.b=c_d-e/f+g", "0x", "x" * 200])
def test_a_good_name_is_stored_lower_case(name):
    assert users.create(name).username == name.lower()
    assert users.find(name.upper()).username == name.lower()


@pytest.mark.parametrize("name", ["", "_bridge", "123", "a b", "a@b", "a:b", "é", "a\n", "x" * 255, "a!"])
def test_a_bad_name_is_refused(name):
    assert refused(users.create, name) is Reason.NAME_INVALID


@pytest.mark.parametrize("name", ["05" + "ab" * 32, "05" + "AB" * 32])
def test_the_form_of_a_key_is_reserved(name):
    assert refused(users.create, name) is Reason.NAME_RESERVED


def test_a_taken_name_is_taken_in_any_case_and_after_deactivation():
    user = users.create("alice")
    assert refused(users.create, "ALICE") is Reason.NAME_TAKEN
    users.deactivate(user)
    assert refused(users.create, "alice") is Reason.NAME_TAKEN


def test_imported_capitals_are_found_exactly_then_folded():
    User.objects.create(username="Old", folded_username="old")
    assert users.find("Old").username == users.find("old").username == users.find("OLD").username == "Old"
    assert refused(users.create, "old") is Reason.NAME_TAKEN


def test_an_administrators_address_counts_as_confirmed_and_is_nobody_elses():
    users.create("alice", email="Alice@Example.ORG")
    assert EmailAddress.objects.get().email == "alice@example.org"
    assert EmailAddress.objects.get().verified
    assert refused(users.create, "bob", email="alice@example.org") is Reason.CREDENTIAL_TAKEN
    assert users.find("bob") is None  # nothing half-written


def test_sub_is_random_and_of_one_account():
    first, second = users.create("alice"), users.create("bob")
    assert len(first.sub) == 32
    assert first.sub != second.sub


def test_a_keys_first_login_makes_one_account_named_by_it():
    key = SessionIdentity().public_key
    user, is_new = users.of_x25519_key_or_new(key)
    again, again_new = users.of_x25519_key_or_new(key)
    assert (user.username, is_new, again_new) == (key, True, False)
    assert user == again
    assert not user.has_usable_password()


def test_a_key_account_is_renamed_once():
    user, _ = users.of_x25519_key_or_new(SessionIdentity().public_key)
    users.rename(user, "Alice")
    user.refresh_from_db()
    assert user.username == "alice"
    assert refused(users.rename, user, "bob") is Reason.FORBIDDEN
    assert refused(users.rename, users.create("carol"), "dave") is Reason.FORBIDDEN


def test_a_rename_to_a_taken_name_changes_nothing():
    users.create("alice")
    user, _ = users.of_x25519_key_or_new(SessionIdentity().public_key)
    assert refused(users.rename, user, "alice") is Reason.NAME_TAKEN
    user.refresh_from_db()
    assert names.is_key_name(user.username)


def test_a_linked_key_opens_the_persons_account(client):
    person, identity = users.create("alice", password="correct horse battery"), SessionIdentity()
    token = identity.log_in(client)
    credentials.add_x25519_key(person, identity.public_key)
    emptied = users.get(identity.public_key)
    assert emptied.state is User.State.DEACTIVATED
    assert client.get("/token", token=token).status == 401
    body = client.get("/token", token=identity.log_in(client)).json()
    assert body["data"]["user"]["id"] == str(person.pk)
    assert body["data"]["user"]["username"] == identity.public_key


def test_a_key_of_an_account_with_other_credentials_does_not_move(client):
    identity = SessionIdentity()
    identity.log_in(client)
    owner = users.get(identity.public_key)
    users.set_password(owner, "correct horse battery")
    assert refused(credentials.add_x25519_key, users.create("alice"), identity.public_key) is Reason.CREDENTIAL_TAKEN


def test_the_last_credential_stays(client):
    identity = SessionIdentity()
    token = identity.log_in(client)
    user = users.get(identity.public_key)
    assert refused(credentials.remove_x25519_key, user, identity.public_key) is Reason.LAST_CREDENTIAL
    assert client.get("/token", token=token).status == 200
    users.set_password(user, "correct horse battery", keep=Token.objects.all())
    credentials.remove_x25519_key(user, identity.public_key)
    assert client.get("/token", token=token).status == 401
    assert not X25519Key.objects.exists()


def test_one_openpgp_key_of_an_account_is_published():
    user = users.create("alice")
    OpenPGPKey.objects.create(user=user, fingerprint="a" * 40, armored="")
    from django.db import IntegrityError, transaction

    with pytest.raises(IntegrityError), transaction.atomic():
        OpenPGPKey.objects.create(user=user, fingerprint="b" * 40, armored="")
    OpenPGPKey.objects.create(user=user, fingerprint="b" * 40, armored="", is_published=False)


def test_device_ids_are_unique_per_account_and_kind():
    alice, bob = users.create("alice"), users.create("bob")
    first = devices.open(alice, kind=Device.Kind.MATRIX, device_id="A", display_name="phone")
    again = devices.open(alice, kind=Device.Kind.MATRIX, device_id="A", display_name="other")
    assert first == again
    assert again.display_name == "phone"
    assert devices.open(alice, kind=Device.Kind.OPENPGP, device_id="A") != first
    assert devices.open(bob, kind=Device.Kind.MATRIX, device_id="A") != first
    assert refused(devices.open, alice, kind=Device.Kind.MATRIX, device_id="x" * 513) is Reason.FIELD_INVALID
    assert refused(devices.open, alice, kind=Device.Kind.MATRIX, device_id="a\x00") is Reason.FIELD_INVALID


def test_ending_a_device_ends_its_tokens_and_leaves_tombstones():
    user = users.create("alice")
    device = devices.open(user, kind=Device.Kind.MATRIX)
    tokens.issue(tokens.Minted("secret"), user=user, flow="matrix", device=device)
    assert devices.end(Device.objects.filter(user=user), reason="test") == 1
    assert tokens.check("secret", flow="matrix") is None
    assert Token.objects.get().revoked_for == "test"


def test_deactivation_takes_everything_but_the_name():
    user = users.create("alice", password="correct horse battery", email="a@example.org")
    device = devices.open(user, kind=Device.Kind.MATRIX)
    tokens.issue(tokens.Minted("secret"), user=user, flow="matrix", device=device)
    users.deactivate(user)
    assert not user.has_usable_password()
    assert not EmailAddress.objects.exists()
    assert not Device.objects.exists()
    assert tokens.check("secret", flow="matrix") is None
    assert refused(users.lock, user) is Reason.ACCOUNT_DEACTIVATED
    assert AuditEvent.objects.filter(event="user-deactivated").count() == 1


def test_suspended_and_locked_are_two_things():
    user = users.create("alice")
    users.suspend(user)
    users.lock(user)
    assert user.state is User.State.LOCKED
    users.unlock(user)
    assert user.state is User.State.SUSPENDED
    assert user.is_active
    users.unsuspend(user)
    assert user.state is User.State.ACTIVE


@pytest.mark.usefixtures("real_hashes")
def test_passwords_are_argon2id_with_19_mib():
    user = users.create("alice", password="correct horse battery")
    assert user.password.startswith("argon2$argon2id$v=19$m=19456,t=2,p=1$")
    assert passwords.verify(user, "correct horse battery")
    assert not passwords.verify(user, "wrong")


def test_an_old_hash_is_renewed_at_the_next_good_login():
    user = users.create("alice")
    user.password = PBKDF2PasswordHasher().encode("correct horse battery", "salt", 1000)
    user.save()
    assert not passwords.verify(user, "wrong")
    user.refresh_from_db()
    assert user.password.startswith("pbkdf2")
    assert passwords.verify(user, "correct horse battery")
    user.refresh_from_db()
    assert user.password.startswith("argon2")


def test_unicode_spellings_of_one_password_are_one():
    user = users.create("alice", password="Å" + "ngström-2026!")
    assert passwords.verify(user, "Å" + "ngström-2026!")


@pytest.mark.parametrize("password", ["short", "password", "qwerty123", "alice-the-great", "localhost"])
def test_weak_passwords_are_refused(password):
    assert refused(users.create, "alice-the-great", password=password) is Reason.PASSWORD_WEAK


@pytest.mark.parametrize("password", ["x" * 1025, "é" * 600, "\ud800" * 10])
def test_passwords_that_cannot_be_hashed_are_refused_before_hashing(password):
    assert refused(passwords.verify, None, password) is Reason.FIELD_INVALID


def test_256_characters_count_to_the_last():
    long = "correct horse battery staple " * 9
    user = users.create("alice", password=long[:256])
    assert passwords.verify(user, long[:256])
    assert not passwords.verify(user, long[:255] + "!")


@pytest.mark.usefixtures("real_hashes")
def test_nobody_and_an_account_without_password_cost_a_hash(monkeypatch):
    hashed = []
    real = passwords.check_password
    monkeypatch.setattr(passwords, "check_password", lambda p, e: hashed.append(e) or real(p, e))
    key_only, _ = users.of_x25519_key_or_new(SessionIdentity().public_key)
    assert not passwords.verify(None, "anything")
    assert not passwords.verify(key_only, "anything")
    assert all(e.startswith("argon2$argon2id$v=19$m=19456,t=2,p=1$") for e in hashed)


def test_a_full_queue_of_hashes_is_refused_at_once():
    slots = passwords._Slots(1)
    slots._waiting = slots._most_waiting
    with slots.one(), pytest.raises(Refusal) as refusal, slots.one():
        pass
    assert refusal.value.reason is Reason.OVERLOADED
    assert refusal.value.retry_after == 1

"""Keys of Session and Laverna: added by a proof, chosen, removed (one-origin.md §2, "Linking")."""

import pytest
import time_machine

from accounts import clock, credentials, key_proofs, rules, users
from accounts.errors import Reason, Refusal
from accounts.models import AuditEvent, OpenPGPKey, Token, User, X25519Key
from tests.pages import mails
from tests.pages.home.conftest import KEY, OTHER_KEY, passes
from tests.session_client import SessionIdentity

LIST, ADD, ADD_OPENPGP = "/account/keys/", "/account/keys/session/add/", "/account/keys/openpgp/add/"
FIRST, SECOND = "ab" * 20, "cd" * 20


@pytest.fixture
def identity():
    return SessionIdentity()


class StandIn:
    """What the Laverna door registers: the same interface without cryptography."""

    def challenge(self, user, *, ip):
        return f"sign this, {user.username}"

    def add(self, user, given, *, ip):
        if given["signature"] != f"sign this, {user.username}\n":
            raise Refusal(Reason.CREDENTIAL_WRONG, field="signature")
        fingerprint = given["publicKey"].strip()
        if fingerprint == "bad" or "\r" in fingerprint:
            raise Refusal(Reason.FIELD_INVALID, field="publicKey")
        OpenPGPKey.objects.create(user=user, fingerprint=fingerprint, armored="", is_published=False)
        return str(given["publicKey"])

    def publish(self, user, key):
        OpenPGPKey.objects.filter(user=user).update(is_published=False)
        OpenPGPKey.objects.filter(user=user, fingerprint=key).update(is_published=True)


@pytest.fixture
def laverna(monkeypatch):
    monkeypatch.setitem(key_proofs._provers, key_proofs.Kind.OPENPGP, StandIn())


def keys(user):
    return list(X25519Key.objects.filter(user=user).values_list("public_key", flat=True))


def test_a_session_key_moves_with_a_live_token_of_it(signed_in, client, ann, identity):
    token = identity.log_in(client)
    assert signed_in.fill(ADD, token=f" {token}\n").header("location") == LIST
    assert keys(ann) == [identity.public_key]
    emptied = User.objects.get(username=identity.public_key)
    assert emptied.deactivated_at
    assert not Token.objects.filter(user=emptied, revoked_at=None).exists()
    assert mails.last().template == "page-notice"
    assert AuditEvent.objects.filter(event="key-moved", actor="ann", subject=identity.public_key).exists()
    signed_in.follow()
    assert identity.public_key in signed_in.text
    identity.log_in(client)
    assert Token.objects.get(credential=identity.public_key, revoked_at=None).user == ann


def test_only_an_active_token_proves_a_key(signed_in, client, ann, identity):
    inert = identity.answer(client)
    identity.log_in(client)
    for wrong in (inert, "x" * 96, identity.public_key, "\0"):
        assert signed_in.fill(ADD, token=wrong).status in {400, 403}, wrong
    assert keys(ann) == []
    assert AuditEvent.objects.filter(event="key-added", outcome="refused", subject="ann").exists()


def test_an_ended_token_proves_nothing(signed_in, client, ann, identity):
    token = identity.log_in(client)
    client.request("DELETE", "/token", token=token)
    assert signed_in.fill(ADD, token=token).status == 403
    assert keys(ann) == []


def test_a_token_of_another_door_proves_nothing(signed_in, ann):
    from tests.pages.home.conftest import open_device

    open_device(ann, "MATRIX", credential=KEY)
    assert signed_in.fill(ADD, token=f"secret of {ann.pk} MATRIX").status == 403
    assert keys(ann) == []


def test_a_key_of_an_account_that_has_more_is_refused(signed_in, client, ann, identity):
    token = identity.log_in(client)
    users.set_password(
        User.objects.get(username=identity.public_key), "another good password", keep=Token.objects.all()
    )
    assert signed_in.fill(ADD, token=token).status == 400
    assert "another account" in signed_in.text
    assert keys(ann) == []


@pytest.mark.parametrize("state", [users.lock, users.suspend])
def test_moving_a_key_is_no_way_out_of_a_lock_or_a_suspension(signed_in, client, ann, identity, state):
    token = identity.log_in(client)
    state(User.objects.get(username=identity.public_key))
    assert signed_in.fill(ADD, token=token).status in {400, 403}
    assert keys(ann) == []


def test_a_key_that_the_lists_refuse_is_not_added(signed_in, client, ann, identity):
    token = identity.log_in(client)
    rules.add(effect="deny", field="username", pattern="ann", flow="session")
    assert signed_in.fill(ADD, token=token).status == 403
    assert keys(ann) == []


def test_the_key_of_ones_own_account_is_there_already(signed_in, client, ann, identity):
    credentials.add_x25519_key(ann, identity.public_key)
    assert signed_in.fill(ADD, token=identity.log_in(client)).status == 400
    assert "opens your account already" in signed_in.text


def test_wrong_tokens_are_counted(signed_in, standing_clock):
    for _ in range(5):
        assert signed_in.fill(ADD, token="x" * 96).status == 403
    assert signed_in.fill(ADD, token="x" * 96).status == 429


def test_a_key_is_removed_and_what_it_opened_ends(signed_in, client, ann, identity):
    credentials.add_x25519_key(ann, identity.public_key)
    identity.log_in(client)
    path = f"{LIST}x25519/{identity.public_key}/remove/"
    assert signed_in.get(path).status == 200
    assert keys(ann) == [identity.public_key]
    signed_in.send(path)
    assert keys(ann) == []
    assert not Token.objects.filter(credential=identity.public_key, revoked_at=None).exists()
    assert AuditEvent.objects.filter(event="key-removed", subject=identity.public_key).exists()
    assert signed_in.get(path).header("location") == LIST


def test_the_last_thing_that_opens_the_account_stays(signed_in, ann):
    credentials.add_x25519_key(ann, KEY)
    User.objects.filter(pk=ann.pk).update(password="!unusable")
    path = f"{LIST}x25519/{KEY}/remove/"
    signed_in.get(path)
    signed_in.send(path)
    signed_in.follow()
    assert "the only thing that opens your account" in signed_in.text
    assert keys(ann) == [KEY]


def test_another_persons_key_is_neither_shown_nor_removed(signed_in, bob, laverna):
    OpenPGPKey.objects.create(user=bob, fingerprint=FIRST, armored="")
    signed_in.get(LIST)
    assert OTHER_KEY not in signed_in.text
    for path in (f"{LIST}x25519/{OTHER_KEY}/remove/", f"{LIST}openpgp/{FIRST}/remove/", f"{LIST}odd/{FIRST}/remove/"):
        assert signed_in.get(path).header("location") == LIST
        signed_in.get(LIST)
        assert signed_in.post(path).header("location") == LIST
    signed_in.get(LIST)
    signed_in.post(f"{LIST}openpgp/{FIRST}/publish/")
    assert keys(bob) == [OTHER_KEY]
    assert OpenPGPKey.objects.get().is_published


def test_an_openpgp_key_is_added_by_signing_a_text(signed_in, ann, laverna):
    page = signed_in.get(ADD_OPENPGP)
    assert "sign this, ann" in page.text
    assert signed_in.send(ADD_OPENPGP, publicKey=FIRST, signature="nonsense").status == 403
    assert "This signature is not good" in signed_in.text
    assert signed_in.fill(ADD_OPENPGP, publicKey="bad", signature="sign this, ann").status == 400
    assert signed_in.fill(ADD_OPENPGP, publicKey="", signature="").status == 400
    assert signed_in.fill(ADD_OPENPGP, publicKey=FIRST, signature="sign this, ann").header("location") == LIST
    assert OpenPGPKey.objects.get(user=ann).fingerprint == FIRST
    assert mails.last().template == "page-notice"


def test_the_openpgp_key_that_others_find_is_chosen(signed_in, ann, laverna):
    OpenPGPKey.objects.create(user=ann, fingerprint=FIRST, armored="")
    OpenPGPKey.objects.create(user=ann, fingerprint=SECOND, armored="", is_published=False)
    signed_in.get(LIST)
    assert signed_in.text.count("Others find this one") == 1
    assert signed_in.post(f"{LIST}openpgp/{SECOND}/publish/").status == 302
    assert OpenPGPKey.objects.get(is_published=True).fingerprint == SECOND
    signed_in.get(LIST)
    signed_in.send(f"{LIST}openpgp/{FIRST}/remove/")
    assert OpenPGPKey.objects.get(user=ann).fingerprint == SECOND


def test_an_expired_key_is_called_so(signed_in, ann, laverna):
    OpenPGPKey.objects.create(user=ann, fingerprint=FIRST, armored="", expires_at=clock.after(-5))
    signed_in.get(LIST)
    assert "Expired" in signed_in.text


def test_without_the_laverna_door_its_keys_cannot_be_added(signed_in, monkeypatch):
    monkeypatch.delitem(key_proofs._provers, key_proofs.Kind.OPENPGP, raising=False)
    page = signed_in.get(LIST)
    assert ADD_OPENPGP not in page.text
    assert signed_in.get(ADD_OPENPGP).header("location") == LIST


def test_keys_ask_again_who_it_is(signed_in, ann, client, identity):
    credentials.add_x25519_key(ann, KEY)
    token = identity.log_in(client)
    signed_in.get(ADD)
    with time_machine.travel(clock.after(passes(1))):
        for path in (ADD, f"{LIST}x25519/{KEY}/remove/", ADD_OPENPGP):
            assert signed_in.get(path).header("location").startswith("/account/reauthenticate/?next=")
        signed_in.get(LIST)
        signed_in.post(ADD, {"token": token})
        signed_in.post(f"{LIST}x25519/{KEY}/remove/")
    assert keys(ann) == [KEY]

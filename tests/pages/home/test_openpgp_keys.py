"""OpenPGP keys proved at the account page with real signatures (one-origin.md §2, "Linking")."""

import json

import pytest

from accounts import key_proofs, users
from accounts.errors import Reason, Refusal
from accounts.models import OpenPGPKey, User
from challenges.openpgp import linked_keys
from tests.openpgp.door import Person, new_key, registered

IP = "203.0.113.7"


@pytest.fixture
def carol(db):
    return users.create("carol", password="correct horse battery")


@pytest.fixture
def prover(monkeypatch):
    monkeypatch.setattr(key_proofs, "_provers", {})
    linked_keys.register()
    return key_proofs.of(key_proofs.Kind.OPENPGP)


def signed(prover, user, person):
    return {"publicKey": person.armored, "signature": person.signed(prover.challenge(user, ip=IP))}


def test_a_key_is_added_by_the_text_it_signed(prover, carol):
    person = Person("carol", new_key("Carol"))
    assert json.loads(prover.challenge(carol, ip=IP))["msg"] == "KEY_ADD_REQUEST"
    assert prover.add(carol, signed(prover, carol, person), ip=IP) == person.fingerprint
    assert OpenPGPKey.objects.get(user=carol).armored == person.armored


def test_line_ends_of_a_browser_do_no_harm(prover, carol):
    from accounts.pages.home.forms import OpenPGPForm

    person = Person("carol", new_key("Carol"))
    typed = {name: text.replace("\n", "\r\n") for name, text in signed(prover, carol, person).items()}
    form = OpenPGPForm(typed)
    assert form.is_valid()
    assert prover.add(carol, form.cleaned_data, ip=IP) == person.fingerprint
    assert "\r" not in OpenPGPKey.objects.get(user=carol).armored


def test_a_proof_counts_once_and_for_one_account_only(prover, carol):
    person, other = Person("carol", new_key("Carol")), users.create("dora", password="correct horse battery")
    given = signed(prover, carol, person)
    for user, wrong in ((other, given), (carol, {**given, "signature": "x"}), (carol, {**given, "publicKey": "x"})):
        with pytest.raises(Refusal) as refused:
            prover.add(user, wrong, ip=IP)
        assert refused.value.reason in {Reason.CREDENTIAL_WRONG, Reason.FIELD_INVALID}
        assert refused.value.field in {"signature", "publicKey"}
    assert not OpenPGPKey.objects.exists()
    prover.add(carol, given, ip=IP)
    with pytest.raises(Refusal):
        prover.add(carol, given, ip=IP)


def test_a_key_moves_from_an_account_that_has_nothing_else(prover, carol, client):
    person = registered(client, "alice")
    given = signed(prover, carol, Person("carol", person.key))
    assert prover.add(carol, given, ip=IP) == person.fingerprint
    assert users.get("alice").state == User.State.DEACTIVATED


@pytest.mark.parametrize("state", [users.lock, users.suspend])
def test_moving_a_key_is_no_way_out_of_a_lock_or_a_suspension(prover, carol, client, state):
    person = registered(client, "alice")
    state(users.get("alice"))
    with pytest.raises(Refusal) as refused:
        prover.add(carol, signed(prover, carol, Person("carol", person.key)), ip=IP)
    assert refused.value.reason is Reason.CREDENTIAL_TAKEN
    assert OpenPGPKey.objects.get().user.username == "alice"


def test_the_key_that_others_find_is_chosen(prover, carol):
    people = [Person("carol", new_key("Carol")) for _ in range(2)]
    for person in people:
        prover.add(carol, signed(prover, carol, person), ip=IP)
    prover.publish(carol, people[1].fingerprint)
    assert OpenPGPKey.objects.get(user=carol, is_published=True).fingerprint == people[1].fingerprint
    with pytest.raises(Refusal) as refused:
        prover.publish(carol, "ab" * 20)
    assert refused.value.reason is Reason.NOT_FOUND


def test_the_account_page_shows_the_text_and_takes_the_signature(signed_in, ann):
    import html
    import re

    page = signed_in.get("/account/keys/openpgp/add/")
    text = html.unescape(re.search(r"<pre[^>]*>(\{.*?\})</pre>", page.text, re.S)[1])
    person = Person("ann", new_key("Ann"))
    given = {"publicKey": person.armored, "signature": person.signed(text)}
    fields = {name: value.replace("\n", "\r\n") for name, value in given.items()}
    assert signed_in.send("/account/keys/openpgp/add/", **{**fields, "signature": "nonsense"}).status == 403
    assert signed_in.fill("/account/keys/openpgp/add/", publicKey="nonsense", signature="x").status == 400
    assert "no public OpenPGP key" in signed_in.text
    assert signed_in.fill("/account/keys/openpgp/add/", **fields).header("location") == "/account/keys/"
    signed_in.follow()
    assert "Others find this one" in signed_in.text
    assert "Ann &lt;ann@example.org&gt;" in signed_in.page.text
    key = OpenPGPKey.objects.get(user=ann)
    assert key.armored == person.armored
    users.suspend(ann)
    signed_in.get("/account/keys/openpgp/add/")
    assert signed_in.fill("/account/keys/openpgp/add/", **fields).status == 403

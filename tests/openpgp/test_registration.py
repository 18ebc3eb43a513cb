"""POST /api/users: what makes an account, what is refused and why (laverna.md §2; one-origin.md §2, §3)."""

import pytest

from accounts import credentials, registration_tokens, rules, users
from accounts.models import AuditEvent, OpenPGPKey, User
from tests.openpgp.door import Person, new_key, register, registered, send

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def wide(settings):
    settings.RATE_LIMIT_SCALE = 100


@pytest.mark.parametrize("form", [False, True], ids=["json", "form"])
def test_a_registration_makes_an_account_with_the_key_as_its_one_credential(client, form):
    person = Person("Alice")
    answer = register(client, person, form=form)
    assert (answer.status, answer.json()) == (200, {"message": "Registered a new user."})
    assert answer.header("content-type").startswith("application/json")
    key = OpenPGPKey.objects.get()
    assert key.user.username == "alice"
    assert (key.fingerprint, key.armored, key.is_published) == (person.fingerprint, person.armored, True)
    assert (key.algorithm, key.user_ids) == ("EdDSA", ["Somebody <somebody@example.org>"])
    assert credentials.count(key.user) == 1
    assert not key.user.has_usable_password()
    assert AuditEvent.objects.filter(event="registration", subject="alice", outcome="success").exists()


@pytest.mark.parametrize(
    "username",
    [
        "",
        None,
        7,
        ["alice"],
        {"name": "alice"},
        True,
        "a b",
        " alice",
        "alice ",
        "al\tice",
        "al\nice",
        "alice@phone",
        "a/b",
        "a=b",
        "ålice",
        "\u212aate",
        "_alice",
        ".alice",
        "-alice",
        "a" * 65,
        "12345",
        "05" + "a" * 64,
        "a:b",
        "a\u200bb",
    ],
)
def test_a_name_that_nobody_may_choose_is_refused(client, username):
    answer = send(client, "POST", "/api/users", {"username": username, "publicKey": Person().armored})
    assert answer.status == 400
    assert answer.json().keys() == {"message"}
    assert not User.objects.exists()


@pytest.mark.parametrize("username", ["a", "7up", "a.b_c+d-e", "A" * 64, "9" + "a" * 63])
def test_a_name_of_the_grammar_is_taken_in_lower_case(client, username):
    assert register(client, Person(username)).status == 200
    assert User.objects.get().username == username.lower()


@pytest.mark.parametrize(
    "key", ["", None, 7, [], "x", "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nAAAA\n-----END PGP PUBLIC KEY BLOCK-----"]
)
def test_what_is_no_key_is_refused(client, key):
    answer = send(client, "POST", "/api/users", {"username": "alice", "publicKey": key})
    assert answer.status == 400
    assert not User.objects.exists()


@pytest.mark.parametrize("left_out", ["username", "publicKey"])
@pytest.mark.parametrize("form", [False, True])
def test_a_missing_field_is_named(client, left_out, form):
    fields = {"username": "alice", "publicKey": Person().armored}
    del fields[left_out]
    answer = send(client, "POST", "/api/users", fields, form=form)
    assert (answer.status, answer.json()) == (400, {"message": f"Missing: {left_out}"})


def test_a_private_key_is_refused_and_kept_nowhere(client, caplog):
    secret = str(new_key())
    answer = send(client, "POST", "/api/users", {"username": "alice", "publicKey": secret})
    assert answer.status == 400
    assert "private key" in answer.json()["message"]
    assert secret[200:240] not in caplog.text
    assert not OpenPGPKey.objects.exists()
    assert all(secret[200:240] not in str(event.facts) for event in AuditEvent.objects.all())


def test_a_revoked_key_is_refused_in_words(client):
    person = Person()
    cert = person.key.extract_certificate()
    revoked = cert.merge(type(cert).from_bytes(bytes(cert) + bytes(cert.revoke(person.key.certifier()))))
    answer = send(client, "POST", "/api/users", {"username": "alice", "publicKey": str(revoked)})
    assert (answer.status, answer.json()) == (400, {"message": "This key has been revoked."})


def test_a_taken_name_is_refused_in_any_case_and_points_to_the_account_page(client):
    registered(client, "alice")
    users.create("bob", password="correct horse battery")
    for name in ("alice", "ALICE", "bob", "Bob"):
        answer = register(client, Person(name))
        assert answer.status == 400
        assert "/account/" in answer.json()["message"]
    assert User.objects.count() == 2


def test_a_taken_key_is_refused(client):
    person = registered(client, "alice")
    answer = register(client, Person("bob", person.key))
    assert (answer.status, answer.json()) == (400, {"message": "That key belongs to an account already"})
    assert not User.objects.filter(username="bob").exists()


def test_the_name_of_a_deactivated_account_stays_taken(client):
    registered(client, "alice")
    users.deactivate(users.get("alice"))
    assert register(client, Person("alice")).status == 400


def test_registration_can_be_closed(client, settings):
    settings.REGISTRATION = "closed"
    answer = register(client, Person())
    assert (answer.status, answer.json()) == (400, {"message": "Registration is closed on this server"})


def test_with_token_registration_a_valid_token_is_used_once(client, settings):
    settings.REGISTRATION = "token"
    token = registration_tokens.issue(uses=1).token
    for wrong in ({}, {"registrationToken": "wrong"}, {"registrationToken": 7}, {"registrationToken": ""}):
        answer = register(client, Person(), **wrong)
        assert answer.status == 400
        assert "registration token" in answer.json()["message"]
    assert register(client, Person("bad name"), registrationToken=token).status == 400
    assert register(client, Person("alice"), registrationToken=token).status == 200
    assert register(client, Person("bob"), registrationToken=token).status == 400
    assert User.objects.count() == 1


@pytest.mark.parametrize(
    ("field", "pattern"),
    [
        ("username", "al*"),
        ("fingerprint", ...),
        ("domain", "example.org"),
        ("email", "ALICE@example.org"),
        ("ip", "203.0.113.0/24"),
    ],
)
def test_a_deny_refuses_a_registration_readably(client, field, pattern):
    person = Person("alice", new_key("Alice"))
    rules.add("deny", field, person.fingerprint if pattern is ... else pattern)
    answer = register(client, person)
    assert answer.status == 400
    assert " " in answer.json()["message"]
    assert not User.objects.exists()


def test_a_deny_for_another_door_is_no_matter_but_its_names_are_reserved(client):
    rules.add("deny", "domain", "example.org", flow="matrix")
    rules.add("deny", "username", "root*", flow="matrix")
    assert register(client, Person("alice")).status == 200
    assert register(client, Person("root7")).json() == {"message": "That name is reserved"}


@pytest.mark.parametrize(("field", "pattern"), [("username", "alice"), ("fingerprint", ...), ("domain", "example.org")])
def test_in_whitelist_mode_only_who_is_on_it_registers(client, field, pattern):
    rules.set_mode("openpgp", whitelist=True)
    person = Person("alice", new_key("Alice"))
    assert register(client, person).status == 400
    rules.add("allow", field, person.fingerprint if pattern is ... else pattern, flow="openpgp")
    assert register(client, person).status == 200


def test_registrations_of_one_address_are_limited_and_failures_are_not_counted_as_such(
    client, settings, standing_clock
):
    settings.RATE_LIMIT_SCALE = 1
    register(client, Person("bad name"))
    assert [register(client, Person(f"a{number}")).status for number in range(4)] == [200, 200, 200, 429]
    answer = register(client, Person("a9"))
    assert answer.header("access-control-allow-origin") == "*"
    assert int(answer.header("retry-after")) >= 1

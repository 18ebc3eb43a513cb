import pytest
from allauth.account.models import EmailAddress
from django.core.management.base import CommandError

from accounts import clock, credentials, devices, emails, passwords, rules, tokens, users
from accounts.errors import Refusal
from accounts.models import AuditEvent, User
from tests.commands.run import run, type_in

ANN = "05" + "aa" * 31 + "01"
GOOD = "three green bottles"

pytestmark = pytest.mark.django_db


def failure(*arguments: object) -> str:
    with pytest.raises(CommandError) as caught:
        run(*arguments)
    return str(caught.value)


def signed_in(name: str = "ann") -> User:
    user = users.create(name)
    device = devices.open(user, kind="matrix", device_id="PHONE", display_name="Ann's \x1b[2J phone", ip="192.0.2.7")
    tokens.issue(tokens.Minted("secret"), user=user, flow="matrix", device=device, amr="pwd")
    return user


def test_an_account_is_made_with_a_confirmed_address_a_password_and_the_right_to_administrate(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    type_in(monkeypatch, GOOD.encode() + b"\n")
    printed = run("users", "create", "Ann", "--email", "Ann@Example.org", "--password-stdin", "--admin")
    user = User.objects.get()
    assert (user.username, user.is_staff) == ("ann", True)
    assert passwords.verify(user, GOOD)
    assert EmailAddress.objects.get(user=user, email="ann@example.org").verified
    assert printed.lines == ["created: ann  active  administrator  password,email  never seen"]
    event = AuditEvent.objects.get(event="user-created")
    assert (event.actor, event.subject) == ("command", "ann")


def test_an_account_without_a_password_is_no_administrator_and_is_told_about() -> None:
    printed = run("users", "create", "ann")
    user = User.objects.get()
    assert not user.is_staff
    assert not user.has_usable_password()
    assert "no password yet" in printed.err


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("_ann", "does not begin with _"),
        ("123", "only digits"),
        ("a b", "a name holds"),
        (ANN, "reserved"),
        ("bob", "taken"),
    ],
)
def test_a_name_that_cannot_be_is_refused_in_words(name: str, words: str) -> None:
    users.create("bob")
    assert words in failure("users", "create", name)
    assert User.objects.count() == 1


def test_an_administrator_may_give_a_name_that_a_deny_rule_keeps_from_others() -> None:
    rules.add("deny", "username", "root*")
    run("users", "create", "root1")
    assert User.objects.filter(username="root1").exists()


def test_an_address_of_another_account_makes_no_account() -> None:
    users.create("bob", email="bob@example.org")
    assert "belongs to another account" in failure("users", "create", "ann", "--email", "bob@example.org")
    assert "ann@example.org" in failure("users", "create", "ann", "--email", "nonsense")
    assert User.objects.count() == 1


def test_a_password_is_set_and_ends_every_session(monkeypatch: pytest.MonkeyPatch) -> None:
    user = signed_in()
    type_in(monkeypatch, GOOD.encode() + b"\r\n")
    assert run("users", "password", "ann", "--password-stdin").lines == ["password set: ann"]
    user.refresh_from_db()
    assert passwords.verify(user, GOOD)
    assert tokens.check("secret", flow="matrix") is None
    assert AuditEvent.objects.filter(event="password-set", actor="command").exists()


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        (b"short\n", "at least 8 characters"),
        (b"password123\n", "common passwords"),
        (b"ann-of-green\n", "your name"),
        (b"x" * 1025, "too long"),
        (b"", "one line"),
        (b"\n", "one line"),
        (b"first line\nsecond line\n", "one line"),
        (b"caf\xe9 caf\xe9 caf\xe9\n", "not UTF-8"),
    ],
)
def test_a_bad_password_is_refused_in_words_and_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, typed: bytes, words: str
) -> None:
    user = users.create("ann-of-green", password=GOOD)
    type_in(monkeypatch, typed)
    assert words in failure("users", "password", "ann-of-green", "--password-stdin")
    user.refresh_from_db()
    assert passwords.verify(user, GOOD)


def test_the_password_command_takes_passwords_from_standard_input_only() -> None:
    users.create("ann")
    assert "--password-stdin" in failure("users", "password", "ann")


def test_a_deactivated_account_gets_no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    users.deactivate(users.create("ann", password=GOOD))
    type_in(monkeypatch, GOOD.encode())
    assert "deactivated" in failure("users", "password", "ann", "--password-stdin")
    assert not User.objects.get().has_usable_password()


def test_lock_refuses_tokens_and_unlock_gives_them_back() -> None:
    signed_in()
    assert run("users", "lock", "ann").lines == ["locked: ann"]
    with pytest.raises(Refusal):
        tokens.require("secret", flow="matrix")
    assert run("users", "unlock", "Ann").lines == ["unlocked: ann"]
    assert tokens.require("secret", flow="matrix")
    assert set(AuditEvent.objects.exclude(event="user-created").values_list("event", "actor")) == {
        ("user-locked", "command"),
        ("user-unlocked", "command"),
    }


def test_deactivation_is_for_good() -> None:
    signed_in()
    assert run("users", "deactivate", "ann").lines == ["deactivated: ann"]
    assert tokens.check("secret", flow="matrix") is None
    assert "for good" in failure("users", "unlock", "ann")
    assert "taken" in failure("users", "create", "ann")


@pytest.mark.parametrize("verb", ["lock", "unlock", "deactivate", "show"])
def test_an_unknown_name_is_named(verb: str) -> None:
    assert failure("users", verb, "nobody") == "no account named nobody"


def test_a_session_key_names_the_account_it_opens_now() -> None:
    users.of_x25519_key_or_new(ANN)
    ann = users.create("ann", password=GOOD)
    credentials.add_x25519_key(ann, ANN)
    run("users", "lock", ANN.upper())
    assert User.objects.get(username="ann").state == "locked"
    assert run("users", "show", ANN).lines[0].startswith("account  name=ann")


def test_the_list_shows_state_administrator_credentials_and_last_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    type_in(monkeypatch, GOOD.encode())
    run("users", "create", "zoe", "--admin", "--password-stdin", "--email", "zoe@example.org")
    signed_in("ann")
    users.of_x25519_key_or_new(ANN)
    users.lock(users.get("ann"))
    key, ann, zoe = run("users", "list").lines
    assert key.split("  ") == [ANN, "active", "pubkey", "never seen"]
    assert ann.startswith(f"ann  locked  no credentials  last seen {clock.now():%Y-%m-%dT}")
    assert zoe == "zoe  active  administrator  password,email  never seen"
    rows = run("users", "list", "--json").objects
    assert [row["name"] for row in rows] == [ANN, "ann", "zoe"]
    assert rows[2] == {
        "name": "zoe", "state": "active", "administrator": True, "credentials": ["password", "email"],
        "last_seen": None,
    }  # fmt: skip


def test_the_list_takes_few_queries_however_many_accounts(django_assert_max_num_queries) -> None:
    for number in range(30):
        users.of_x25519_key_or_new(f"05{number:02x}" + "aa" * 30 + "01")
    with django_assert_max_num_queries(5):
        assert len(run("users", "list").lines) == 30


def test_showing_an_account_tells_credentials_devices_and_live_sessions() -> None:
    user = signed_in()
    emails.add_confirmed(user, "ann@example.org")
    credentials.add_x25519_key(user, ANN)
    token = tokens.issue(tokens.Minted("dead"), user=user, flow="session")
    tokens.revoke(user.tokens.filter(pk=token.pk), reason="test")
    tokens.issue(tokens.Minted("inert"), user=user, flow="otp", active=False)
    lines = run("users", "show", "ann").lines
    assert [line.split("  ")[0] for line in lines] == ["account", "credential", "credential", "device", "session"]
    assert "value=ann@example.org  confirmed=yes  primary=yes" in lines[1]
    assert ANN in lines[2]
    assert "id=PHONE" in lines[3]
    assert "last_seen_ip=192.0.2.7" in lines[3]
    assert "flow=matrix  device=PHONE" in lines[4]
    assert "\x1b" not in "".join(lines)
    [shown] = run("users", "show", "ann", "--json").objects
    assert [len(shown[part]) for part in ("credentials", "devices", "sessions")] == [2, 1, 1]


def test_a_login_is_one_session_however_many_tokens_it_has() -> None:
    user = users.create("ann")
    refresh = tokens.issue(tokens.Minted("refresh"), user=user, flow="matrix", kind="refresh")
    tokens.issue(tokens.Minted("access", lifetime=300), user=user, flow="matrix", family=refresh.family)
    tokens.issue(tokens.Minted("other"), user=user, flow="session")
    [shown] = run("users", "show", "ann", "--json").objects
    assert [session["flow"] for session in shown["sessions"]] == ["matrix", "session"]


def test_no_command_shows_a_secret_or_a_digest() -> None:
    user = signed_in()
    users.set_password(user, GOOD, keep=user.tokens.all())
    everything = "".join(run("users", *arguments).out for arguments in (
        ("list",), ("list", "--json"), ("show", "ann"), ("show", "ann", "--json")))  # fmt: skip
    user.refresh_from_db()
    digest = tokens.digest("secret")
    for secret in ("secret", GOOD, user.password, "argon2", digest.hex(), str(digest)):
        assert secret not in everything

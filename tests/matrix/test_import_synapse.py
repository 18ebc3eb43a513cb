"""`manage.py import_synapse`: one-origin.md §3, operations.md §3, docs/import-synapse.md."""

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from allauth.account.models import EmailAddress
from django.core.management.base import CommandError

from accounts import devices, passwords, tokens, users
from accounts.matrix.synapse import importing
from accounts.models import AddressRecord, AuditEvent, Device, Token, User
from tests.commands.run import Output, manage, run
from tests.matrix.synapse_database import CREATED, SEEN, SERVER, SynapseDatabase, hash_of, synapse_database

pytestmark = pytest.mark.django_db

GOOD = "three green bottles"


@pytest.fixture(autouse=True)
def our_server(settings) -> None:
    settings.MATRIX_SERVER_NAME = SERVER


@pytest.fixture
def synapse(tmp_path: Path) -> Iterator[SynapseDatabase]:
    with synapse_database(tmp_path) as database:
        yield database


@pytest.fixture(params=[500, 1], ids=["one batch", "a batch each"])
def batches(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "_BATCH", request.param)


def take(synapse: SynapseDatabase, *options: str) -> Output:
    return run("import_synapse", synapse.where, *options)


def everything() -> list[object]:
    """All rows an import may touch."""
    tables = (User, Device, EmailAddress, AddressRecord, AuditEvent, Token)
    return [list(table.objects.order_by("pk").values()) for table in tables]


def test_an_account_comes_with_its_name_password_device_and_address(synapse: SynapseDatabase) -> None:
    ann = synapse.user("ann", password=GOOD, shown="Ann \u0007 B.")
    synapse.device(ann, "PHONE", display_name="x" * 300, ip="::ffff:192.0.2.7", user_agent="Element")
    synapse.device(ann, "cross-signing", hidden=True)
    synapse.device(ann, "OLD", ip="not an address", last_seen=None)
    synapse.address(ann, "Ann@Example.ORG")
    synapse.address(ann, "4917012345", medium="msisdn")
    printed = take(synapse)
    user = users.get("ann")
    assert passwords.verify(user, GOOD)
    assert (user.display_name, user.state) == ("Ann   B.", User.State.ACTIVE)
    assert user.created_at == datetime.fromtimestamp(CREATED, UTC)
    phone = Device.objects.get(device_id="PHONE")
    assert (phone.kind, phone.display_name, phone.user_agent) == ("matrix", "x" * 256, "Element")
    assert (phone.last_seen_at, phone.last_seen_ip) == (datetime.fromtimestamp(SEEN / 1000, UTC), "192.0.2.7")
    old = Device.objects.get(device_id="OLD")
    assert (old.last_seen_at, old.last_seen_ip, Device.objects.count()) == (None, None, 2)
    address = EmailAddress.objects.get()
    assert (address.email, address.verified, address.primary, address.user) == ("ann@example.org", True, True, user)
    record = AddressRecord.objects.get(address=address)
    assert record.validated_at == datetime.fromtimestamp(SEEN / 1000, UTC)
    assert record.added_at > record.validated_at
    assert printed.lines == [
        "1 accounts made",
        "2 devices added",
        "1 e-mail addresses added",
        "1 phone numbers skipped",
    ]
    assert "users" in printed.err


def test_states_are_taken_over(synapse: SynapseDatabase) -> None:
    gone = synapse.user("gone", password=GOOD, deactivated=1, shown="Gone")
    synapse.device(gone, "PHONE")
    synapse.address(gone, "gone@example.org")
    erased = synapse.user("erased", password=GOOD)
    synapse.execute("INSERT INTO erased_users (user_id) VALUES (?)", erased)
    synapse.user("locked", password=GOOD, locked=True)
    synapse.user("suspended", password=GOOD, suspended=True)
    synapse.user("banned", password=GOOD, shadow_banned=True)
    synapse.user("waiting", password=GOOD, approved=False)
    synapse.user("welcome", password=GOOD, approved=True)
    synapse.user("root", password=GOOD, admin=1)
    lines = take(synapse).lines
    states = {user.username: user.state.value for user in User.objects.all()}
    assert states == {
        "gone": "deactivated",
        "erased": "deactivated",
        "locked": "locked",
        "suspended": "suspended",
        "banned": "active",
        "waiting": "locked",
        "welcome": "active",
        "root": "active",
    }
    assert not User.objects.filter(is_staff=True).exists()
    assert not User.objects.filter(is_superuser=True).exists()
    assert not users.get("gone").has_usable_password()
    assert users.get("gone").display_name == ""
    assert (Device.objects.count(), EmailAddress.objects.count()) == (0, 0)
    assert {
        "2 accounts deactivated there and here",
        "1 accounts locked there and here",
        "1 accounts suspended there and here",
        "1 accounts not approved there, locked here",
        "1 accounts shadow-banned there, like any other here",
        "1 administrators there, not here",
    } <= set(lines)


def test_who_is_no_person_of_this_server_is_skipped_by_name(synapse: SynapseDatabase) -> None:
    synapse.user("ann", password=GOOD)
    synapse.user("42", is_guest=1)
    synapse.user("irc_bob", appservice_id="irc")
    synapse.user("eve", server="other.example.org", password=GOOD)
    synapse.user("fay", server=f"x.{SERVER}", password=GOOD)
    lines = take(synapse).lines
    assert [user.username for user in User.objects.all()] == ["ann"]
    assert lines == [
        "1 accounts made",
        "2 accounts skipped, of another server than example.org: @eve:other.example.org, @fay:x.example.org",
        "1 accounts skipped, guests: @42:example.org",
        "1 accounts skipped, of application services: @irc_bob:example.org",
    ]


@pytest.mark.parametrize(
    "name",
    ["", "a@b", "a:b", "a b", "a\u00a0b", "a\tb", "a\u007f", "a\u202eb", "05" + "ab" * 32, "05" + "AB" * 32, "é" * 122],
)
def test_a_name_that_reads_as_something_else_is_skipped(synapse: SynapseDatabase, name: str) -> None:
    synapse.user(name, password=GOOD)
    printed = take(synapse)
    assert not User.objects.exists()
    assert "1 accounts skipped, their names cannot be used here: @" in printed.out


@pytest.mark.parametrize("name", ["Alice", "_old", "123", "a!b", "éa", "a" * 240])
def test_a_name_outside_the_grammar_is_kept_as_it_is(synapse: SynapseDatabase, name: str) -> None:
    synapse.user(name, password=GOOD)
    take(synapse)
    assert users.get(name).username == name
    assert users.get(name.lower()).username == name


@pytest.mark.usefixtures("batches")
def test_of_names_that_differ_in_capitals_the_one_without_is_taken(synapse: SynapseDatabase) -> None:
    for name in ("Alice", "alice", "ALICE", "Bob", "BOB"):
        synapse.user(name, password=GOOD)
    for options in (["--dry-run"], [], []):
        printed = take(synapse, *options)
        assert "3 accounts skipped, their names are taken here: @ALICE:example.org, @Alice:example.org, @B" in (
            printed.out
        )
    assert sorted(user.username for user in User.objects.all()) == ["BOB", "alice"]


@pytest.mark.usefixtures("batches")
def test_an_account_that_was_made_here_is_not_mixed_with_one_of_the_same_name(synapse: SynapseDatabase) -> None:
    users.create("ann", password="another long one")
    ann = synapse.user("Ann", password=GOOD, deactivated=0)
    synapse.device(ann, "PHONE")
    synapse.address(ann, "ann@example.org")
    synapse.user("bob", password=GOOD, deactivated=1)
    bob = users.create("bob")
    before = everything()[:4]
    lines = take(synapse).lines
    assert lines == [
        "0 accounts made",
        "2 accounts skipped, their names are taken here: @bob:example.org, @Ann:example.org",
    ]
    assert everything()[:4] == before
    bob.refresh_from_db()
    assert bob.state is User.State.ACTIVE


@pytest.mark.usefixtures("batches")
def test_an_address_belongs_to_the_first_account_that_has_it(synapse: SynapseDatabase) -> None:
    users.create("here", email="taken@example.org")
    ann, bob = synapse.user("ann"), synapse.user("bob")
    synapse.address(ann, "taken@example.org")
    synapse.address(ann, "ann@example.org", at=SEEN - 1000)
    synapse.address(ann, "ANN@example.org")
    synapse.address(bob, "Ann@example.org")
    synapse.address(bob, "no address")
    synapse.address(bob, "a\u0007@example.org")
    for options in (["--dry-run"], []):
        lines = take(synapse, *options).lines
        assert lines == [
            "2 accounts made",
            "2 accounts without a password",
            "1 e-mail addresses added",
            "2 e-mail addresses skipped, of another account: "
            "taken@example.org of @ann:example.org, ann@example.org of @bob:example.org",
            "2 e-mail addresses skipped, malformed: one of @bob:example.org, one of @bob:example.org",
        ]
    assert EmailAddress.objects.get(user=users.get("ann")).email == "ann@example.org"
    assert not EmailAddress.objects.filter(user=users.get("bob")).exists()


def test_what_is_no_bcrypt_hash_is_no_password(synapse: SynapseDatabase) -> None:
    for name, stored in (("a", None), ("b", ""), ("c", "$6$salt$hash"), ("d", "$2b$12$short"), ("e", "plain")):
        synapse.user(name, password_hash=stored)
    lines = take(synapse).lines
    assert all(not user.has_usable_password() for user in User.objects.all())
    assert "2 accounts without a password" in lines
    assert any(line.startswith("3 passwords skipped, of a kind that is not Synapse's: @c:") for line in lines)


def test_device_ids_that_cannot_be_kept_are_skipped(synapse: SynapseDatabase) -> None:
    ann = synapse.user("ann")
    for device_id in ("", "x" * 513, "a\tb", "a/b c"):
        synapse.device(ann, device_id)
    assert any(line.startswith("3 devices skipped") for line in take(synapse).lines)
    assert Device.objects.get().device_id == "a/b c"


def test_moments_that_no_calendar_holds_are_unknown(synapse: SynapseDatabase) -> None:
    ann = synapse.user("ann", creation_ts=2**62)
    synapse.device(ann, "PHONE", last_seen=-(2**62))
    synapse.user("bob", creation_ts=None)
    for made in (2, 0):
        assert take(synapse).lines[0] == f"{made} accounts made"
    assert users.get("ann").created_at == users.get("bob").created_at == datetime.fromtimestamp(0, UTC)
    assert Device.objects.get().last_seen_at is None


def test_a_dry_run_says_the_same_and_writes_nothing(synapse: SynapseDatabase) -> None:
    ann = synapse.user("ann", password=GOOD)
    synapse.device(ann, "PHONE")
    synapse.address(ann, "ann@example.org")
    synapse.user("a b", password=GOOD)
    before = everything()
    dry = take(synapse, "--dry-run")
    assert everything() == before
    assert dry.out == take(synapse).out
    assert "dry run: nothing is written" in dry.err


def test_a_second_run_adds_what_is_new_and_nothing_twice(synapse: SynapseDatabase) -> None:
    ann = synapse.user("ann", password=GOOD)
    synapse.device(ann, "PHONE")
    synapse.address(ann, "ann@example.org")
    take(synapse)
    before = everything()
    assert take(synapse).lines == ["0 accounts made", "1 accounts taken over before"]
    assert everything()[:4] == before[:4]
    synapse.user("bob", password=GOOD)
    synapse.device(ann, "TABLET")
    synapse.address(ann, "second@example.org", at=SEEN + 5000)
    synapse.execute("UPDATE users SET password_hash = ? WHERE name = ?", hash_of("changed there since"), ann)
    synapse.insert("profiles", [{"user_id": "ann", "displayname": "Ann", "full_user_id": ann}])
    assert take(synapse).lines == [
        "1 accounts made",
        "1 accounts taken over before",
        "1 passwords changed there since, and here",
        "1 devices added",
        "1 e-mail addresses added",
    ]
    user = users.get("ann")
    assert passwords.verify(user, "changed there since")
    assert user.display_name == "Ann"
    assert {one.email: one.primary for one in EmailAddress.objects.all()} == {
        "ann@example.org": True,
        "second@example.org": False,
    }


def test_a_second_run_leaves_what_its_person_changed_here(synapse: SynapseDatabase) -> None:
    ann, bob = synapse.user("ann", password=GOOD, shown="Ann there"), synapse.user("bob", password=GOOD)
    for owner in (ann, bob):
        synapse.device(owner, "PHONE")
        synapse.address(owner, f"{owner[1:4]}@example.org")
    take(synapse)
    for name in ("ann", "bob"):
        user = users.get(name)
        assert passwords.verify(user, GOOD)  # hashed anew: its person was here
        Device.objects.filter(user=user).delete()
        EmailAddress.objects.filter(user=user).delete()
    users.set_password(users.get("ann"), "a new one, set here")
    users.set_display_name(users.get("ann").pk, "Ann here")
    synapse.device(ann, "NEWER", last_seen=SEEN + 1)
    synapse.address(ann, "newer@example.org", at=SEEN + 5000)
    synapse.execute("UPDATE users SET password_hash = ?", hash_of("changed there since"))
    take(synapse)
    user = users.get("ann")
    assert passwords.verify(user, "a new one, set here")
    assert passwords.verify(users.get("bob"), GOOD)
    assert user.display_name == "Ann here"
    assert [device.device_id for device in Device.objects.all()] == ["NEWER"]
    assert [address.email for address in EmailAddress.objects.all()] == ["newer@example.org"]


def test_flags_are_set_by_a_second_run_and_never_lifted(synapse: SynapseDatabase) -> None:
    for name in ("ann", "bob", "cid", "dora"):
        synapse.user(name, password=GOOD)
    take(synapse)
    ann = users.get("ann")
    device = devices.open(ann, kind=Device.Kind.MATRIX)
    tokens.issue(tokens.Minted("secret"), user=ann, flow="matrix", device=device)
    users.lock(users.get("dora"))
    synapse.execute("UPDATE users SET deactivated = 1 WHERE name = ?", f"@ann:{SERVER}")
    synapse.execute("UPDATE users SET locked = TRUE WHERE name = ?", f"@bob:{SERVER}")
    synapse.execute("UPDATE users SET suspended = TRUE WHERE name = ?", f"@cid:{SERVER}")
    take(synapse)
    assert [users.get(name).state.value for name in ("ann", "bob", "cid", "dora")] == [
        "deactivated",
        "locked",
        "suspended",
        "locked",
    ]
    assert tokens.check("secret", flow="matrix") is None
    synapse.execute("UPDATE users SET deactivated = 0, locked = FALSE, suspended = FALSE")
    take(synapse)
    assert [users.get(name).state.value for name in ("ann", "bob", "cid")] == ["deactivated", "locked", "suspended"]
    assert not users.get("ann").has_usable_password()


def test_each_run_is_one_audit_event_with_its_counts(synapse: SynapseDatabase) -> None:
    synapse.address(synapse.user("ann", password=GOOD), "ann@example.org")
    synapse.user("42", is_guest=1)
    take(synapse, "--dry-run")
    assert not AuditEvent.objects.exists()
    take(synapse)
    event = AuditEvent.objects.get()
    assert (event.event, event.actor, event.subject) == ("synapse-imported", "import_synapse", SERVER)
    assert event.facts == {
        "complete": True,
        "newest_device": 0,
        "newest_address": SEEN + 1,
        "made": 1,
        "guest": 1,
        "address": 1,
    }


def test_an_interrupted_run_goes_on_where_it_was(synapse: SynapseDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ann", "bob", "cid"):
        synapse.device(synapse.user(name, password=GOOD), "PHONE")
    monkeypatch.setattr(importing, "_BATCH", 1)
    real = importing._write
    written: list[importing.Plan] = []

    def interrupted(plan: importing.Plan) -> None:
        real(plan)
        written.append(plan)
        if len(written) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(importing, "_write", interrupted)
    with pytest.raises(CommandError, match="interrupted"):
        take(synapse)
    assert [user.username for user in User.objects.all()] == ["ann"]
    assert AuditEvent.objects.get().facts["complete"] is False
    monkeypatch.setattr(importing, "_write", real)
    assert take(synapse).lines == ["2 accounts made", "1 accounts taken over before", "2 devices added"]


def test_a_name_taken_in_between_is_decided_anew(synapse: SynapseDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ann", "bob"):
        synapse.user(name, password=GOOD)
    real = importing._write
    tries: list[importing.Plan] = []

    def overtaken(plan: importing.Plan) -> None:
        if not tries:
            tries.append(plan)
            plan.users.insert(0, User(username="x", folded_username=plan.users[0].folded_username, password="!"))
        real(plan)

    monkeypatch.setattr(importing, "_write", overtaken)
    assert take(synapse).lines == ["2 accounts made"]
    assert tries


def test_an_older_synapse_without_the_newer_columns_is_read(tmp_path: Path) -> None:
    older = [
        "CREATE TABLE users (name TEXT, password_hash TEXT, creation_ts BIGINT, admin SMALLINT, is_guest SMALLINT)",
        "CREATE TABLE profiles (user_id TEXT NOT NULL, displayname TEXT)",
        "CREATE TABLE devices (user_id TEXT NOT NULL, device_id TEXT NOT NULL, display_name TEXT)",
        "CREATE TABLE user_threepids (user_id TEXT, medium TEXT, address TEXT)",
    ]
    with synapse_database(tmp_path, older) as synapse:
        ann = synapse.user("ann", password=GOOD, is_guest=0)
        synapse.insert("devices", [{"user_id": ann, "device_id": "PHONE"}])
        synapse.insert("user_threepids", [{"user_id": ann, "medium": "email", "address": "ann@example.org"}])
        assert take(synapse).lines == ["1 accounts made", "1 devices added", "1 e-mail addresses added"]
    assert passwords.verify(users.get("ann"), GOOD)


def refused(source: object) -> str:
    with pytest.raises(CommandError) as caught:
        run("import_synapse", source)
    return str(caught.value)


def test_what_is_no_synapse_database_is_refused_in_one_line(tmp_path: Path) -> None:
    assert "no such file" in refused(tmp_path / "absent.db")
    assert "no such file" in refused(tmp_path)
    assert "only a SQLite file or a postgres:// URL" in refused("mysql://host/synapse")
    (tmp_path / "text.db").write_text("this is no database, but long enough to be looked at" * 20)
    assert "file is not a database" in refused(tmp_path / "text.db")
    (tmp_path / "empty.db").touch()
    assert "there is no table users" in refused(tmp_path / "empty.db")
    sqlite3.connect(tmp_path / "other.db").execute("CREATE TABLE users (id INTEGER)").connection.close()
    assert "table users has no column name" in refused(tmp_path / "other.db")


def test_a_postgres_that_does_not_answer_is_one_line_without_its_password() -> None:
    words = refused("postgres://synapse:hunter22@127.0.0.1:1/synapse")
    assert "cannot be read" in words
    assert "hunter22" not in words
    assert "malformed" in refused("postgres://synapse:%zzhunter22@127.0.0.1:1/synapse")


def test_a_database_of_another_server_is_refused_with_both_names(synapse: SynapseDatabase) -> None:
    synapse.user("ann", server="other.example.com", password=GOOD)
    words = refused(synapse.where)
    assert "nobody there is of example.org" in words
    assert "@ann:other.example.com" in words
    assert not User.objects.exists()


def test_a_synapse_database_is_not_written_to(synapse: SynapseDatabase) -> None:
    synapse.user("ann", password=GOOD)
    from accounts.matrix.synapse.databases import Unreadable, opened

    for sql in ("DELETE FROM users", "CREATE TABLE latchkey (x INTEGER)"):
        with pytest.raises(Unreadable, match=r"read.?only"), opened(synapse.where) as database:
            database.rows(sql)


def test_the_pepper_is_mentioned_while_it_is_not_set(synapse: SynapseDatabase, settings) -> None:
    synapse.user("ann", password=GOOD)
    assert "SYNAPSE_PEPPER" in take(synapse).err
    settings.SYNAPSE_PEPPER = "pepper"
    synapse.user("bob", password=GOOD)
    assert "SYNAPSE_PEPPER" not in take(synapse).err


def test_a_real_command_fails_with_one_line(tmp_path: Path) -> None:
    assert "no such file" in manage(tmp_path / "idp.sqlite3", "import_synapse", tmp_path / "absent.db").reason


@pytest.mark.thorough
def test_ten_thousand_accounts_sign_in_as_before(synapse: SynapseDatabase) -> None:
    shared = hash_of("shared")
    ids = [f"@person{number}:{SERVER}" for number in range(10_000)]
    own = {user_id: f"password of {user_id}" for user_id in ids[::500]}
    hashes = {user_id: hash_of(own[user_id]) if user_id in own else shared for user_id in ids}
    synapse.insert("users", ({"name": i, "password_hash": hashes[i], "creation_ts": CREATED} for i in ids))
    synapse.insert("profiles", ({"user_id": i[1:].split(":")[0], "displayname": i, "full_user_id": i} for i in ids))
    synapse.insert("devices", ({"user_id": i, "device_id": "PHONE", "last_seen": SEEN, "ip": "192.0.2.7"} for i in ids))
    synapse.insert(
        "user_threepids",
        (
            {
                "user_id": i,
                "medium": "email",
                "address": f"{i[1:]}".replace(":", "@"),
                "validated_at": SEEN,
                "added_at": SEEN,
            }
            for i in ids
        ),
    )
    dry = take(synapse, "--dry-run")
    assert not User.objects.exists()
    assert take(synapse).out == dry.out
    assert dry.lines == ["10000 accounts made", "10000 devices added", "10000 e-mail addresses added"]
    stored = {f"@{name}:{SERVER}": encoded for name, encoded in User.objects.values_list("username", "password")}
    assert stored == {user_id: f"synapse_bcrypt${original}" for user_id, original in hashes.items()}
    for user_id, password in own.items():
        user = users.get(user_id[1:].split(":")[0])
        assert passwords.verify(user, password)
        assert user.password.startswith("argon2")
    assert take(synapse).lines == ["0 accounts made", "10000 accounts taken over before"]
    assert (Device.objects.count(), EmailAddress.objects.count(), AddressRecord.objects.count()) == (10_000,) * 3
    assert sum(user.password.startswith("argon2") for user in User.objects.all()) == len(own)


def test_progress_is_a_bar(synapse: SynapseDatabase) -> None:
    synapse.user("ann")
    assert "[..............................] 0 of 1 users" in take(synapse).err

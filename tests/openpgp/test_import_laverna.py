"""`manage.py import_laverna` (operations.md §3; one-origin.md §3)."""

import json
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.core.management.base import CommandError
from pysequoia import Cert

from accounts import users
from accounts.models import AuditEvent, OpenPGPKey, User
from challenges.openpgp.models import Invite
from tests.commands.run import run
from tests.openpgp.door import Person, log_in, new_key

pytestmark = pytest.mark.django_db


def document(person, **changes):
    whole = {
        "_id": {"$oid": "5a0c1d2e3f4a5b6c7d8e9f00"},
        "username": person.name,
        "fingerprint": person.fingerprint,
        "publicKey": person.armored,
        "pendingInvites": [],
        "__v": 0,
    } | changes
    return {name: value for name, value in whole.items() if value is not ...}


@pytest.fixture
def export(tmp_path):
    def write(*documents, array=False):
        path = tmp_path / "users.json"
        lines = [one if isinstance(one, str) else json.dumps(one) for one in documents]
        path.write_text("[" + ",\n".join(lines) + "]\n" if array else "".join(f"{line}\n" for line in lines))
        return str(path)

    return write


@pytest.mark.parametrize("array", [False, True], ids=["lines", "array"])
def test_users_are_taken_over_and_sign_in(export, client, array):
    people = [Person("alice"), Person("bob"), Person("ålf")]
    done = run("import_laverna", export(*(document(one) for one in people), array=array))
    assert done.lines == ["3 accounts made"]
    for person in people[:2]:
        assert log_in(client, person)
    assert OpenPGPKey.objects.get(user__username="alice").armored == people[0].armored
    event = AuditEvent.objects.get(event="laverna-imported")
    assert event.facts["made"] == 3
    assert event.facts["complete"] is True


def test_a_dry_run_says_the_same_and_writes_nothing(export):
    alice = Person("alice")
    path = export(document(alice), document(Person("alice")), document(Person("bob", alice.key)), "{")
    dry = run("import_laverna", path, "--dry-run")
    assert not User.objects.exists()
    assert not AuditEvent.objects.exists()
    assert "dry run" in dry.err
    real = run("import_laverna", path)
    assert dry.out == real.out
    assert "1 accounts made" in real.out
    assert "3 users left out" in real.out


def test_it_may_be_repeated(export):
    path = export(document(Person("alice")), document(Person("bob")))
    run("import_laverna", path)
    again = run("import_laverna", path)
    assert again.out.splitlines() == ["0 accounts made", "2 accounts taken over before"]
    assert User.objects.count() == 2


def test_who_cannot_be_taken_over_is_named_with_the_reason(export):
    users.create("taken", password="correct horse battery")
    alice, gone = Person("alice"), Person("gone")
    cert = gone.key.extract_certificate()
    revoked = str(cert.merge(Cert.from_bytes(bytes(cert) + bytes(cert.revoke(gone.key.certifier())))))
    path = export(
        document(alice),
        document(Person("taken")),
        document(Person("other", alice.key)),
        document(Person("bob@phone")),
        document(Person("a b")),
        document(Person("05" + "a" * 64)),
        document(gone, publicKey=revoked),
        document(Person("secret"), publicKey=str(new_key())),
        document(Person("x"), fingerprint="0" * 40),
        document(Person("y"), publicKey=...),
        document(Person("z"), username=7),
        "[]",
        "not json",
        "[" * 20_000,
        "",
    )
    done = run("import_laverna", path)
    lines = done.out.splitlines()
    reasons = [line.rsplit(": ", 1)[1] for line in lines if line.startswith("left out")]
    assert sorted(reasons) == sorted(
        [
            "its name is taken here",
            "its key belongs to another account here",
            *["its name cannot be used here"] * 3,
            "This key has been revoked.",
            "This is a private key. Never give it away. Upload the public key only.",
            "its fingerprint is not that of its key",
            "no publicKey",
            "no username",
            "not a JSON object",
            *["not a JSON document"] * 2,
        ]
    )
    assert User.objects.count() == 2


def test_an_expired_key_is_taken_over_for_its_owner_to_renew(export):
    path = export(document(Person("alice", new_key(validity_seconds=120))))
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=1), tick=False):
        done = run("import_laverna", path)
        assert "1 accounts made whose keys have expired" in done.out
        assert OpenPGPKey.objects.get().expires_at < datetime.now(UTC)


def test_pending_invitations_that_are_signed_come_too(export):
    alice, bob, carol = Person("alice"), Person("bob"), Person("carol")

    def invitation(sender, recipient, **changes):
        text = {"fingerprint": recipient.fingerprint, "from": sender.name, "to": recipient.name} | changes
        return {"username": sender.name, "fingerprint": sender.fingerprint, "signature": sender.signed(text)}

    good = invitation(bob, alice)
    bad = [
        good,
        invitation(carol, alice, to="bob"),
        invitation(carol, alice, fingerprint=bob.fingerprint),
        invitation(alice, alice),
        {**invitation(bob, alice), "username": "carol"},
        {"username": "nobody", "signature": "x"},
    ]
    path = export(
        document(alice, pendingInvites=[good, *bad, {"username": 7}, "x"]),
        document(bob, pendingInvites=None),
        document(carol),
    )
    done = run("import_laverna", path)
    assert "1 pending invitations taken over" in done.out
    assert "6 pending invitations left out" in done.out
    invite = Invite.objects.get()
    assert (invite.sender.username, invite.recipient.username) == ("bob", "alice")
    assert (invite.fingerprint, invite.signature) == (bob.fingerprint, good["signature"])


def test_what_is_no_export_is_one_line_and_exit_1(export, tmp_path):
    broken = tmp_path / "broken.json"
    broken.write_text("[{")
    for path, words in (
        (tmp_path / "missing", "no such file"),
        (broken, "cannot be read as a JSON array"),
        (export("garbage"), "none of the 1 documents"),
    ):
        with pytest.raises(CommandError, match=words) as failed:
            run("import_laverna", path)
        assert failed.value.returncode == 1

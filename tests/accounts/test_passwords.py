"""Hashes of other servers, the cost of refusals, bounded hashing: R5, R6, R11, R36."""

from collections import Counter

import bcrypt
import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher

from accounts import hash_kinds, passwords, users
from accounts.errors import Reason, Refusal
from accounts.hashers import SynapseBcrypt
from accounts.models import User

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("real_hashes")]

GOOD = "three green bottles"
ARGON = "argon2$argon2id$v=19$m=19456,t=2,p=1$"


def synapse_hash(password: str, *, pepper: str = "", rounds: int = 4, kind: bytes = b"2b") -> str:
    """What Synapse writes into users.password_hash."""
    secret = (password + pepper).encode()[:72]
    return bcrypt.hashpw(secret, bcrypt.gensalt(rounds)).replace(b"$2b$", b"$" + kind + b"$").decode()


def imported(name: str, original: str) -> User:
    user = users.create(name)
    user.password = SynapseBcrypt.stored(original) or f"synapse_bcrypt${original}"
    user.save()
    return user


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The kinds of all hashes that were computed, in order."""
    done: list[str] = []
    real = passwords.check_password

    def counted(given: str, encoded: str) -> bool:
        done.append(hash_kinds.of(encoded))
        return bool(real(given, encoded))

    monkeypatch.setattr(passwords, "check_password", counted)
    return done


def test_a_hash_of_synapse_verifies_and_is_hashed_anew_once() -> None:
    user = imported("ann", synapse_hash(GOOD))
    assert not passwords.verify(user, "wrong horse battery")
    user.refresh_from_db()
    assert user.password.startswith("synapse_bcrypt$$2b$04$")
    assert passwords.verify(user, GOOD)
    user.refresh_from_db()
    assert user.password.startswith(ARGON)
    assert passwords.verify(user, GOOD)
    assert not passwords.verify(user, "wrong horse battery")


@pytest.mark.parametrize("kind", [b"2a", b"2b", b"2y"])
def test_the_kinds_of_bcrypt_that_synapse_reads_verify(kind: bytes) -> None:
    assert passwords.verify(imported("ann", synapse_hash(GOOD, kind=kind)), GOOD)


def test_the_pepper_counts(settings) -> None:
    original = synapse_hash(GOOD, pepper="ünd salt")
    assert not passwords.verify(imported("ann", original), GOOD)
    settings.SYNAPSE_PEPPER = "ünd salt"
    assert passwords.verify(imported("bob", original), GOOD)


def test_the_unicode_spelling_is_synapses_own() -> None:
    user = imported("ann", synapse_hash("\u00c5ngstr\u00f6m-2026"))
    assert passwords.verify(user, "A\u030angstro\u0308m-2026")


def test_bcrypt_reads_72_bytes_and_no_more(settings) -> None:
    settings.SYNAPSE_PEPPER = "pepper"
    long = "é" * 50
    user = imported("ann", synapse_hash(long, pepper="pepper"))
    assert passwords.matches(user.password, "é" * 36 + "other")
    assert not passwords.matches(user.password, "é" * 35 + "other")
    assert passwords.verify(user, long)
    assert not passwords.verify(user, "é" * 36 + "other")  # it was hashed anew, to the last character


def test_a_nul_byte_is_a_character_like_others() -> None:
    encoded = SynapseBcrypt.stored(synapse_hash("three\0green"))
    assert passwords.matches(encoded, "three\0green")
    assert not passwords.matches(encoded, "three\0brown")
    assert not passwords.matches(encoded, "three")
    assert not passwords.matches(encoded.replace("$2b$", "$2b\0"), "three\0green")


@pytest.mark.parametrize(
    "original",
    [
        "",
        "$",
        "$2b$",
        "$2b$04$short",
        "$2b$03$" + "." * 53,
        "$2b$31$" + "." * 53,
        "$2b$99$" + "." * 53,
        "$2b$xx$" + "." * 53,
        "$2b$04$" + "9" * 53,  # bits beyond the salt
        "$2b$04$" + "." * 54,
        "$2b$04$" + "." * 52 + "\n",
        "$2c$04$" + "." * 53,
        "$2b$04$" + "é" * 53,
        "$6$rounds=5000$salt$hash",
        "$" * 100,
    ],
)
def test_a_damaged_hash_is_nobodys_and_no_error(original: str) -> None:
    user = imported("ann", original)
    assert passwords.verify(user, GOOD) is False
    assert passwords.matches(user.password, GOOD) is False


@pytest.mark.parametrize(
    "encoded", ["x", "argon2$", "argon2$argon2id$junk", "pbkdf2_sha256$", "pbkdf2_sha256$x$y$z", "scrypt$1$2", "!abc"]
)
def test_a_damaged_hash_of_any_kind_is_no_error(encoded: str) -> None:
    user = users.create("ann")
    User.objects.filter(pk=user.pk).update(password=encoded)
    user.refresh_from_db()
    assert passwords.verify(user, GOOD) is False
    assert passwords.matches(encoded, GOOD) is False


def test_every_refusal_costs_one_hash_of_each_kind_there_is(work: list[str]) -> None:
    ours, theirs = users.create("ann", password=GOOD), imported("bob", synapse_hash(GOOD))
    older, keyed = imported("cid", synapse_hash(GOOD, rounds=5)), users.create("dora")
    django = users.create("ed")
    django.password = PBKDF2PasswordHasher().encode(GOOD, "salt", 1000)
    django.save()
    expected = Counter([ARGON, "synapse_bcrypt$$2b$04$", "synapse_bcrypt$$2b$05$", "pbkdf2_sha256$1000$"])
    for user in (ours, theirs, older, keyed, django, None):
        work.clear()
        assert not passwords.verify(user, "wrong horse battery")
        assert Counter(work) == expected, user


def test_a_right_password_costs_its_own_hash_only(work: list[str]) -> None:
    ours = users.create("ann", password=GOOD)
    imported("bob", synapse_hash(GOOD))
    assert not passwords.verify(None, GOOD)
    work.clear()
    assert passwords.verify(ours, GOOD)
    assert work == [ARGON]


def test_the_kinds_are_looked_for_at_most_once_a_minute(django_assert_num_queries, monkeypatch) -> None:
    imported("bob", synapse_hash(GOOD))
    with django_assert_num_queries(2):
        passwords.verify(None, GOOD)
    with django_assert_num_queries(0):
        passwords.verify(None, GOOD)
    User.objects.all().delete()
    later = hash_kinds.time.monotonic() + 61
    monkeypatch.setattr(hash_kinds.time, "monotonic", lambda: later)
    assert hash_kinds.samples.except_of(set(), usual=ARGON) == []


def test_a_sample_is_no_hash_of_a_person() -> None:
    user = imported("bob", synapse_hash(GOOD))
    (sample,) = hash_kinds.samples.except_of(set(), usual=ARGON)
    assert hash_kinds.of(sample) == hash_kinds.of(user.password)
    assert sample != user.password
    assert not passwords.matches(sample, GOOD)


def test_many_kinds_are_bounded() -> None:
    User.objects.bulk_create(
        User(username=f"u{number}", folded_username=f"u{number}", password=f"pbkdf2_sha256${number}$salt$hash")
        for number in range(1, 30)
    )
    assert len(hash_kinds.samples.except_of(set(), usual=ARGON)) == 8


def test_matches_knows_its_own_hashes_and_nothing_empty() -> None:
    encoded = passwords.encode("Å")  # shorter than the policy wants
    assert encoded.startswith(ARGON)
    assert passwords.matches(encoded, "A\u030a")
    assert not passwords.matches(encoded, "B")
    assert not passwords.matches("", "")
    assert not passwords.matches("!unusable", "anything")


@pytest.mark.parametrize("verb", [lambda text: passwords.matches("x", text), passwords.encode])
def test_matches_and_encode_refuse_what_cannot_be_hashed(verb) -> None:
    for text in ("x" * 1025, "\ud800"):
        with pytest.raises(Refusal) as refusal:
            verb(text)
        assert refusal.value.reason is Reason.FIELD_INVALID


def test_matches_and_encode_wait_in_the_bounded_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    slots = passwords._Slots(1)
    slots._waiting = slots._most_waiting
    monkeypatch.setattr(passwords, "_slots", lambda: slots)
    for verb in (lambda: passwords.matches("x", GOOD), lambda: passwords.encode(GOOD)):
        with slots.one(), pytest.raises(Refusal) as refusal:
            verb()
        assert refusal.value.reason is Reason.OVERLOADED


def test_the_administration_can_show_an_imported_hash() -> None:
    encoded = SynapseBcrypt.stored(synapse_hash(GOOD))
    summary = SynapseBcrypt().safe_summary(encoded)
    assert summary["work factor"] == 4
    assert encoded[-20:] not in str(summary)

"""What the owner of a key may do to it with a signature alone: a newer copy of it, or its end (laverna.md §6.11)."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.db import transaction
from pysequoia import Cert

from accounts import clock, credentials, users
from accounts.errors import Reason, Refusal
from challenges.openpgp import directory, payloads, proofs, protocol, records, sign_in
from challenges.openpgp.protocol import Explained
from challenges.openpgp.records import Person
from challenges.openpgp.verifying import Certificate, KeyRefused, read_certificate

_ANOTHER = "This is another key. Only a newer copy of the key that is here can take its place."
_REVOKED = "The key that is here has been revoked, for good."


def renew(username: str, fields: Mapping[str, Any], *, ip: str) -> None:
    """Takes a newer copy of the same primary key: another end, a revocation, other subkeys or user ids.

    NOT_FOUND, RATE_LIMITED, FIELD_MISSING, FIELD_TYPE, FIELD_INVALID (the copy), CREDENTIAL_WRONG and what `hold` says.
    """
    person = _asked(username, ip=ip)
    signature, armored = protocol.text(fields, "signature"), protocol.text(fields, "publicKey")
    copy, usable = _copy(person, armored)
    with counted(person, ip, "key-renewal"):
        proof = _proved_by_either(person, copy, signature)
        if proof.public_key not in (None, armored):
            raise Refusal(Reason.CREDENTIAL_WRONG, field="signature", detail="another key was signed for")
        with transaction.atomic():
            user = sign_in.hold(person, ip=ip)
            proofs.use_up(proof)
            credentials.renew_openpgp_key(user, copy, usable=usable)


def remove(username: str, fields: Mapping[str, Any], *, ip: str) -> bool:
    """Takes the key away with what it opened; an account that nothing else opens ends, its name stays taken. True when
    the account ended.

    NOT_FOUND, RATE_LIMITED, FIELD_MISSING, FIELD_TYPE, CREDENTIAL_WRONG and what `hold` says.
    """
    person = _asked(username, ip=ip)
    signature = protocol.text(fields, "signature")
    with counted(person, ip, "key-removal"):
        proof = _proved(person, person.armored, signature, payloads.DELETE)
        with transaction.atomic():
            user = sign_in.hold(person, ip=ip)
            proofs.use_up(proof)
            is_last = credentials.count(user) == 1
            if is_last:
                users.deactivate(user, actor=user)
            else:
                credentials.remove_openpgp_key(user, person.fingerprint, actor=user)
    return is_last


@contextmanager
def counted(person: Person, ip: str, event: str) -> Iterator[None]:
    """What is refused within counts as a failure of this address with this user."""
    proofs.peek_failures(person.folded, ip)
    try:
        yield
    except Refusal as refusal:
        sign_in.note_failure(refusal, person, ip=ip, event=event)
        raise


def _asked(username: str, *, ip: str) -> Person:
    directory.count_look(ip)
    return directory.found(records.person(username))


def _copy(person: Person, armored: str) -> tuple[Certificate, bool]:
    """The uploaded copy, and whether it can open anything: its owner may publish a revocation or an end."""
    now = clock.now()
    try:
        copy, usable = read_certificate(armored, now=now), True
    except KeyRefused as refused:
        try:
            copy, usable = read_certificate(armored, now=now, usable=False), False
        except KeyRefused:
            raise Explained(Reason.FIELD_INVALID, refused.words, field="publicKey") from None
    if copy.fingerprint != person.fingerprint:
        raise Explained(Reason.FIELD_INVALID, _ANOTHER, field="publicKey")
    return copy, usable


def _proved_by_either(person: Person, copy: Certificate, signature: str) -> proofs.Proof:
    """A proof by the copy that is here or, where that one's time is over, by both copies taken together: so nothing
    signs that either of them has revoked."""
    known = read_certificate(person.armored, now=clock.now(), usable=False)
    if known.revoked:
        raise Explained(Reason.FORBIDDEN, _REVOKED, field="publicKey")
    try:
        return _proved(person, person.armored, signature, payloads.UPDATE)
    except Refusal as refusal:
        merged = "" if refusal.reason is not Reason.CREDENTIAL_WRONG else _merged(person.armored, copy.armored)
        if not merged:
            raise
        return _proved(person, merged, signature, payloads.UPDATE)


def _merged(one: str, other: str) -> str:
    """Both copies as one certificate; "" where that cannot be made."""
    try:
        return str(Cert.from_bytes(one.encode()).merge(Cert.from_bytes(other.encode())))
    except Exception:  # the library names no class for its errors
        return ""


def _proved(person: Person, armored: str, signature: str, msg: str) -> proofs.Proof:
    return proofs.read(signature, armored, fingerprint=person.fingerprint, username=person.folded, msg=msg)

"""An import from end to end: batch by batch, each in a transaction of its own, so that an interrupted one goes on.

An account that is here already is never changed. Who is here with the same key was taken over before.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path

from django.db import transaction

from accounts import audit, clock, credentials, names, users
from accounts.errors import Reason, Refusal
from accounts.models import User
from challenges.openpgp import records
from challenges.openpgp.laverna import reading
from challenges.openpgp.laverna.invites import Invites
from challenges.openpgp.records import FLOW
from challenges.openpgp.verifying import Certificate, KeyRefused, read_certificate

EVENT = "laverna-imported"
ACTOR: audit.Actor = "import_laverna"
_BATCH = 200

Progress = Callable[[float, int], None]
Complaint = Callable[[reading.Found, str], None]


class Refused(Exception):
    """Why a user is left out, in words."""


@dataclass(slots=True)
class Report:
    """What was done, or would be."""

    seen: int = 0
    made: int = 0
    known: int = 0
    expired: int = 0
    refused: int = 0
    invites: Counter[str] = field(default_factory=Counter)

    def facts(self) -> dict[str, int]:
        """The counts for the audit log."""
        numbers = {"seen": self.seen, "made": self.made, "known": self.known, "expired": self.expired}
        return {**numbers, "refused": self.refused, **self.invites}


@dataclass(slots=True)
class _Taken:
    """What a dry run has given away."""

    names: set[str] = field(default_factory=set)
    fingerprints: set[str] = field(default_factory=set)


def run(path: Path, *, is_dry: bool, progress: Progress, complain: Complaint) -> Report:
    """Takes everything over, or with `is_dry` only says what would be. `reading.Unreadable` for what is no export.

    `progress` hears the part that is done and the number of users; `complain` of everyone who is left out. One audit
    event tells of a run, also of one that was interrupted.
    """
    report, taken, invites = Report(), _Taken(), Invites()
    is_complete = False
    try:
        for batch in _batches(reading.users(path)):
            _take(batch, report, taken, invites, is_dry=is_dry, complain=complain)
            progress(batch[-1].done, report.seen)
        report.invites = invites.counted() if is_dry else invites.stored()
        is_complete = True
    finally:
        if not is_dry:
            facts = {"complete": is_complete, **report.facts()}
            audit.record_or_fail(EVENT, actor=ACTOR, subject=path.name, flow=FLOW, facts=facts)
    return report


def _batches(found: Iterator[reading.Read]) -> Iterator[list[reading.Read]]:
    while batch := list(islice(found, _BATCH)):
        yield batch


def _take(
    batch: Iterable[reading.Read],
    report: Report,
    taken: _Taken,
    invites: Invites,
    *,
    is_dry: bool,
    complain: Complaint,
) -> None:
    """Keys are read before the transaction begins: that is slow."""
    read = list(_read(batch, report, complain))
    with transaction.atomic():
        for found, certificate in read:
            try:
                is_new = _one(found, certificate, taken, is_dry=is_dry)
            except Refused as refused:
                _refuse(found, str(refused), report, complain)
                continue
            report.made += is_new
            report.known += not is_new
            if is_new:
                report.expired += _is_over(certificate, clock.now())
                invites.note(found)


def _read(
    batch: Iterable[reading.Read], report: Report, complain: Complaint
) -> Iterator[tuple[reading.Found, Certificate]]:
    for read in batch:
        report.seen += 1
        try:
            yield read.found, _certificate(read.found)
        except Refused as refused:
            _refuse(read.found, str(refused), report, complain)


def _certificate(found: reading.Found) -> Certificate:
    """The key, if it can sign somebody in, now or once its owner has sent a newer copy of it."""
    if found.problem:
        raise Refused(found.problem)
    now = clock.now()
    try:
        certificate = read_certificate(found.armored, now=now)
    except KeyRefused as unusable:
        try:
            certificate = read_certificate(found.armored, now=now, usable=False)
        except KeyRefused as refused:
            raise Refused(refused.words) from None
        if certificate.revoked or not _is_over(certificate, now):
            raise Refused(unusable.words) from None
    if found.fingerprint and found.fingerprint.strip().lower() != certificate.fingerprint:
        raise Refused("its fingerprint is not that of its key")
    return certificate


def _is_over(certificate: Certificate, now: datetime) -> bool:
    return certificate.expires_at is not None and certificate.expires_at <= now


def _one(found: reading.Found, certificate: Certificate, taken: _Taken, *, is_dry: bool) -> bool:
    """Whether the account is new; Refused."""
    name = names.fold(found.username)
    if records.folded(found.username) != name or not names.is_importable(found.username):
        raise Refused("its name cannot be used here")
    owner = User.objects.filter(openpgp_keys__fingerprint=certificate.fingerprint).first()
    if owner is not None and owner.folded_username == name:
        return False
    if owner is not None or certificate.fingerprint in taken.fingerprints:
        raise Refused("its key belongs to another account here")
    if name in taken.names or User.objects.filter(folded_username=name).exists():
        raise Refused("its name is taken here")
    taken.names.add(name)
    taken.fingerprints.add(certificate.fingerprint)
    if not is_dry:
        _make(found.username, certificate)
    return True


def _make(username: str, certificate: Certificate) -> None:
    try:
        with transaction.atomic():
            credentials.set_first_openpgp_key(users.create_imported(username, flow=FLOW, actor=ACTOR), certificate)
    except Refusal as refusal:  # somebody was faster
        taken = "name is taken" if refusal.reason is Reason.NAME_TAKEN else "key belongs to another account"
        raise Refused(f"its {taken} here") from None


def _refuse(found: reading.Found, reason: str, report: Report, complain: Complaint) -> None:
    report.refused += 1
    complain(found, reason)

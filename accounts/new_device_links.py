"""The link in the mail about a new device: whose it is, and ending it, once (qr-login.md §7.6; R7, R15)."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from django.core.signing import BadSignature
from django.db import transaction
from django.db.models import QuerySet

from accounts import audit, devices, ledger, tokens, users
from accounts.errors import Reason, Refusal
from accounts.models import Challenge, Device, KnownDevice, Token
from accounts.new_devices import FLOW, PURPOSE, SIGNER

_REASON = "ended from the mail about it"


@dataclass(frozen=True, slots=True)
class Told:
    """What the mail told of. Texts are "" where nothing is known."""

    username: str
    name: str
    host: str
    device: str
    agent: str
    door: str
    kind: str
    ip: str
    at: datetime


def find(secret: str) -> Told:
    """What a link ends; CHALLENGE_INVALID when it is none, was used, is too old, or the device has signed out."""
    row = _row(secret)
    if not (_devices(row).exists() or _session(row).exists()):
        raise Refusal(Reason.CHALLENGE_INVALID, field="device", detail="signed out meanwhile")
    assert row.user is not None
    return Told(username=row.user.username, ip=row.ip or "", at=row.created_at, **row.facts["words"])


def end(secret: str, *, ip: str) -> Told:
    """Ends that device with everything that is signed in on it, and uses the link up; refuses as `find`."""
    with transaction.atomic():
        row = _row(secret)
        assert row.user is not None
        users.held(row.user.pk)
        told = find(secret)  # of two that come at once, the second finds it ended
        ledger.consume(row)
        KnownDevice.objects.filter(user=row.user_id, mark=bytes.fromhex(row.facts["ends"]["mark"])).delete()
        tokens.revoke(_session(row), reason=_REASON)
        devices.end(_devices(row), reason=_REASON)
        facts = {"name": told.name, "host": told.host, "device": told.device, "door": told.door, "from": told.ip}
        audit.record("device-ended-by-mail", flow=FLOW, subject=told.username, ip=ip, facts=facts)
    return told


def _row(secret: str) -> Challenge:
    """The signature first: what was never sent is not looked for in the database."""
    try:
        SIGNER.unsign(secret)
    except BadSignature:
        raise Refusal(Reason.CHALLENGE_INVALID, field="token") from None
    return ledger.find(secret, flow=FLOW, purpose=PURPOSE)


def _devices(row: Challenge) -> QuerySet[Device]:
    return Device.objects.filter(user=row.user_id, pk=row.facts["ends"]["device"])


def _session(row: Challenge) -> QuerySet[Token]:
    """What lives of the session of a program without a device."""
    family = row.facts["ends"]["family"]
    mine = tokens.live().filter(user=row.user_id)
    return mine.filter(family=uuid.UUID(family)) if family else mine.none()

"""Device grants: asked for by one device, decided at another (RFC 8628; qr-login.md §7.3, §7.6; R20).

A grant is a challenge of the ledger. Asking whether it is decided writes nothing: when a device asked last is kept
with the limits, and only the interval that grew is a column. Decision and redemption are one conditional UPDATE each.
"""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import orjson
from django.conf import settings
from django.db import connection, transaction
from django.db.models import F

from accounts import audit, clock, inserts, ledger, minting, policy, subjects, switches, throttle, tokens, users
from accounts.browser.who import Browser
from accounts.errors import Reason, Refusal
from accounts.models import Challenge, Device, User
from devicelogin.oauth import clients, scopes, user_codes
from devicelogin.oauth.authorizing import longest_device_id
from devicelogin.oauth.clients import FLOW, Program
from devicelogin.oauth.models import Client, DeviceGrant
from devicelogin.oauth.protocol import DEVICE_GRANT, DeviceAnswer

APPROVED, DENIED = "approved", "denied"
LINKS = switches.Switch(
    name="device-code-links",
    setting="DEVICE_CODE_LINK",
    label="Links with a device's code",
    positions={
        "on": "A device gets a link that holds its code, for QR codes and apps. The decision is asked for anyway.",
        "off": "People type the code: nobody can send them a link that holds one. QR sign-in asks for typing too.",
    },
)
SLOWER = 5  # seconds that each hasty poll adds for good (RFC 8628 §3.5)
_EARLY = 0.5  # seconds a poll may come too soon: timers are not exact


@dataclass(frozen=True, slots=True)
class Grant:
    """An undecided grant as the page of decision shows it. `place` is left to the page."""

    challenge_id: int
    user_code: str
    program: Program
    scope: str
    device_id: str
    requested_at: datetime
    expires_at: datetime
    ip: str
    user_agent: str

    @property
    def scopes(self) -> tuple[str, ...]:
        """The words of the scope."""
        return tuple(self.scope.split())


@dataclass(frozen=True, slots=True)
class Asked:
    """A grant as the token endpoint meets it. `decision` is "" while there is none."""

    challenge_id: int
    client_id: str
    user_id: int | None
    facts: dict[str, Any]
    decision: str
    used_at: datetime | None
    expires_at: datetime
    interval: int


def start(program: Program, scope: str, *, ip: str, user_agent: str) -> DeviceAnswer:
    """A new grant for a program's device.

    FORBIDDEN with field grant_type, FIELD_… with field scope, RATE_LIMITED, NOT_ADMITTED (the address).
    """
    if not program.check_grant_type(DEVICE_GRANT):
        raise Refusal(Reason.FORBIDDEN, field="grant_type")
    wanted = scopes.parse(scope, longest_device_id=longest_device_id())
    denied = policy.decide(FLOW, policy.Subject(ip=ip)).rule
    if denied is not None and denied.effect == "deny":
        raise Refusal(Reason.NOT_ADMITTED, detail=str(denied))
    address = throttle.address_key(ip)
    throttle.hit(throttle.Limit.of("device-code", settings.DEVICE_CODE_RATE), address)
    secret, lifetime = minting.code(minting.DEVICE_CODE), settings.DEVICE_CODE_LIFETIME
    facts = {"scope": str(wanted), "family": uuid.uuid4().hex, "user_agent": user_agent[:512]}
    with transaction.atomic():
        _bound_undecided(address)
        challenge = ledger.open(
            secret,
            flow=FLOW,
            purpose=ledger.DEVICE_GRANT,
            lifetime=lifetime,
            binding=program.client_id,
            facts=facts,
            ip=ip,
        )
        code = _with_code(challenge, address)
        clients.note_use(program)
    here = f"{settings.PUBLIC_URL}/link"
    interval = settings.DEVICE_CODE_INTERVAL
    return DeviceAnswer(secret, user_codes.shown(code), here, lifetime, interval, takes_links())


def takes_links() -> bool:
    """Whether a link may hold the code, now."""
    return switches.is_on(LINKS.name)


def find(*, user_code: str, user_id: int | None, ip: str) -> Grant:
    """The undecided grant of a typed code; NOT_FOUND for every other code, RATE_LIMITED after too many wrong ones.

    A code that exists never counts as wrong, though its grant be decided or over.
    """
    user_codes.look(ip=ip, user_id=user_id)
    code = user_codes.canonical(user_code)
    known = DeviceGrant.objects.select_related("challenge").filter(user_code_mac__in=user_codes.macs(code))
    grant = known.first()
    if grant is None:
        user_codes.note_wrong(ip=ip, user_id=user_id)
        audit.record("user-code", outcome=audit.REFUSED, reason=Reason.CREDENTIAL_WRONG, flow=FLOW, ip=ip)
        raise Refusal(Reason.NOT_FOUND, field="user_code")
    user_codes.look(ip=ip, user_id=user_id)  # of guesses sent at once all pass the first look: wrong ones count since
    waiting = grant.challenge
    program = clients.find(waiting.binding)
    over = waiting.answered_at or waiting.used_at or waiting.expires_at <= clock.now()
    if over or program is None:
        raise Refusal(Reason.NOT_FOUND, field="user_code")
    return Grant(
        challenge_id=waiting.pk,
        user_code=user_codes.shown(code),
        program=program,
        scope=waiting.facts["scope"],
        device_id=_scope(waiting.facts).device_id,
        requested_at=waiting.created_at,
        expires_at=waiting.expires_at,
        ip=waiting.ip or "",
        user_agent=waiting.facts["user_agent"],
    )


def approve(grant: Grant, *, user: User, browser: Browser, ip: str) -> None:
    """The person's yes; the device has its tokens with its next poll.

    CHALLENGE_INVALID (decided or over meanwhile), NOT_ADMITTED, ACCOUNT_…, FORBIDDEN with field scope (only
    administrators may grant it). NAME_TAKEN with field device_id: the account has a device of this id, and the grant is
    refused, because the other session's keys would be lost with it.
    """
    is_taken = _has_device(user.pk, grant.device_id)
    with transaction.atomic():
        policy.hold()
        current = users.hold(user)
        policy.admit(FLOW, subjects.of_account(current, ip=ip))
        if _scope({"scope": grant.scope}).for_administrators and not current.is_staff:
            raise Refusal(Reason.FORBIDDEN, field="scope")
        more = {"amr": " ".join(browser.amr), "auth_time": int(browser.authenticated_at.timestamp())}
        _decide(grant, DENIED if is_taken else APPROVED, user=current, ip=ip, more=more)
    if is_taken:
        raise Refusal(Reason.NAME_TAKEN, field="device_id")


def deny(grant: Grant, *, user: User, ip: str) -> None:
    """The person's no; CHALLENGE_INVALID when it is decided or over."""
    with transaction.atomic():
        _decide(grant, DENIED, user=user, ip=ip, more={})


def counts() -> dict[str, int]:
    """How many grants wait: `undecided` and `approved` ones of devices, and `codes` of browsers. Numbers only."""
    living = Challenge.objects.filter(flow=FLOW, used_at=None, expires_at__gt=clock.now())
    of_devices = living.filter(purpose=ledger.DEVICE_GRANT)
    return {
        "undecided": of_devices.filter(answered_at=None).count(),
        "approved": of_devices.exclude(answered_at=None).filter(facts__decision=APPROVED).count(),
        "codes": living.filter(purpose=ledger.AUTHORIZATION_CODE).count(),
    }


def look_up(secret: str, *, client_id: str) -> Asked:
    """The grant behind a device code of this program; CHALLENGE_INVALID for any other."""
    if not minting.is_code(secret, minting.DEVICE_CODE):
        raise Refusal(Reason.CHALLENGE_INVALID)
    with connection.cursor() as cursor:
        cursor.execute(_statement(), [tokens.digest(secret), FLOW, ledger.DEVICE_GRANT])
        row = cursor.fetchone()
    if row is None or row[1] != client_id:
        raise Refusal(Reason.CHALLENGE_INVALID)
    facts = orjson.loads(row[3]) if isinstance(row[3], str) else row[3]
    decision = facts.get("decision", "") if row[4] is not None else ""
    used_at = _aware(row[5]) if row[5] else None
    return Asked(row[0], row[1], row[2], facts, decision, used_at, _aware(row[6]), row[7])


@cache
def waiting() -> str:
    """SQLite's query for the interval of a device code that nobody has decided on: digest, program, moment."""
    challenge, grant, client = Challenge._meta.db_table, DeviceGrant._meta.db_table, Client._meta.db_table
    return (
        f"SELECT g.interval FROM {challenge} c JOIN {grant} g ON g.challenge_id = c.id "
        f"JOIN {client} k ON k.client_id = c.binding WHERE c.digest = ? AND c.binding = ? AND c.expires_at > ? "
        f"AND c.purpose = '{ledger.DEVICE_GRANT}' AND c.answered_at IS NULL AND c.used_at IS NULL "
        "AND k.secret_digest IS NULL AND k.blocked_at IS NULL"
    )


def is_hasty(secret: str, interval: int) -> bool:
    """Whether a poll comes sooner after the last one than it may. Keeps the moment, and writes no row."""
    try:
        throttle.hit(_pace(interval), secret)
    except Refusal:
        return True
    return False


def slow_down(secret: str, grant: Asked) -> None:
    """From now on the device has to wait longer, counted from this poll."""
    DeviceGrant.objects.filter(challenge=grant.challenge_id).update(interval=F("interval") + SLOWER)
    throttle.clear(_pace(grant.interval), secret)
    is_hasty(secret, grant.interval + SLOWER)


def _pace(interval: int) -> throttle.Limit:
    """One poll in an interval. Not kept over a restart: the worst that follows is one poll too early."""
    return throttle.Limit("device-poll", 1, interval - _EARLY, scaled=False, kept=False)


def _decide(grant: Grant, decision: str, *, user: User, ip: str, more: dict[str, Any]) -> None:
    row = Challenge.objects.get(pk=grant.challenge_id)
    ledger.decide(row, user=user, facts={**row.facts, **more, "decision": decision})
    DeviceGrant.objects.filter(challenge=row).update(undecided_until=None)
    facts = {"client": grant.program.client_id, "host": grant.program.host, "scope": grant.scope, "from": grant.ip}
    event = "device-grant-approved" if decision == APPROVED else "device-grant-denied"
    audit.record(event, flow=FLOW, actor=user, subject=user.username, ip=ip, facts=facts)


def _has_device(user_id: int, device_id: str) -> bool:
    """Whether the account has a Matrix device of this id."""
    mine = Device.objects.filter(user=user_id, kind=Device.Kind.MATRIX, device_id=device_id)
    return bool(device_id) and mine.exists()


def _scope(facts: dict[str, Any]) -> scopes.Scope:
    return scopes.parse(facts["scope"], longest_device_id=512)


def _with_code(challenge: Challenge, address: str) -> str:
    """A user code that no other live grant has."""
    while True:
        code = user_codes.new()
        row = DeviceGrant(
            challenge=challenge,
            user_code_mac=user_codes.mac(code),
            interval=settings.DEVICE_CODE_INTERVAL,
            address=address,
            undecided_until=challenge.expires_at,
        )
        if inserts.insert(row):
            return code


def _bound_undecided(address: str) -> None:
    """RATE_LIMITED when as many grants of this address wait for a decision as may."""
    most = int(throttle.Limit("undecided", settings.DEVICE_CODE_UNDECIDED, 1).allowance())
    with connection.cursor() as cursor:
        moment = connection.ops.adapt_datetimefield_value(clock.now())
        cursor.execute(_undecided(), [address, moment, most])
        waiting = cursor.fetchone()[0]
    if waiting >= most:
        raise Refusal(Reason.RATE_LIMITED, field="undecided", retry_after=60)


@cache
def _statement() -> str:
    challenge, grant = Challenge._meta.db_table, DeviceGrant._meta.db_table
    return (
        "SELECT c.id, c.binding, c.user_id, c.facts, c.answered_at, c.used_at, c.expires_at, g.interval "
        f"FROM {challenge} c JOIN {grant} g ON g.challenge_id = c.id "
        "WHERE c.digest = %s AND c.flow = %s AND c.purpose = %s"
    )


@cache
def _undecided() -> str:
    return (
        f"SELECT count(*) FROM (SELECT 1 FROM {DeviceGrant._meta.db_table} "
        "WHERE address = %s AND undecided_until > %s LIMIT %s) AS waiting"
    )


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

"""What is signed in to an account, at whichever door: one entry a device, or a program's session without one.

A reference names an entry in a path: `d12` is a device, `s` and 32 hex digits a family of tokens.
"""

import uuid
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Exists, Max, Min, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _

from accounts import audit, browser, devices, new_devices, programs, tokens, users
from accounts.device_words import DOORS, UNNAMED
from accounts.errors import Reason, Refusal
from accounts.models import Device, Flow, Token, User

PAGE = 50  # entries of one page


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that is signed in. `kind` is the device's, "" for a program without one; `key` what opened it."""

    ref: str
    kind: str
    name: str
    door: str
    device_id: str
    agent: str
    program: programs.Program | None
    key: str
    since: datetime
    last_used_at: datetime | None
    ip: str
    is_this: bool
    is_live: bool

    @property
    def agent_in_words(self) -> str:
        """ "Firefox on Linux"; what it calls itself when nobody knows it."""
        return browser.agents.in_words(self.agent) or self.agent[:80]


@dataclass(frozen=True, slots=True)
class Listed:
    """One page of the entries, this browser first."""

    entries: list[Entry]
    number: int
    has_more: bool
    total: int


def count(user: User) -> int:
    """How many entries there are."""
    return _devices(user).count() + len(_families(user))


def listed(who: browser.Browser, *, number: int = 1) -> Listed:
    """The entries used last come first; sessions without a device end the last page."""
    mine = _devices(who.user)
    total = mine.count()
    is_this = Q(pk=who.device_pk)
    others = mine.exclude(is_this).order_by("-last_seen_at", "-pk")
    begin, end = (number - 1) * PAGE - 1, number * PAGE - 1  # this browser stands before all others
    rows = [*(mine.filter(is_this) if number == 1 else ()), *others[max(0, begin) : end]]
    entries = _entries(who, rows)
    has_more = total > number * PAGE
    families = _families(who.user)
    if not has_more:
        entries += _without_device(who.user, families)
    return Listed(entries, number, has_more, total + len(families))


def one(who: browser.Browser, ref: str) -> Entry:
    """The account's own entry; NOT_FOUND for every other."""
    device = _device(who.user, ref)
    found = _entries(who, [device]) if device else _without_device(who.user, _families(who.user, ref))
    if not found:
        raise Refusal(Reason.NOT_FOUND, field="device")
    return found[0]


def ref_of_matrix(user: User, device_id: str) -> str:
    """The reference of the Matrix device that a link names; "" when it is not signed in to this account."""
    if not device_id.isprintable():  # nor could a database be asked for it
        return ""
    found = Device.objects.filter(user=user, kind=Device.Kind.MATRIX, device_id=device_id).first()
    return f"d{found.pk}" if found else ""


def rename(who: browser.Browser, ref: str, name: str) -> None:
    """Sets what its owner calls a device. NOT_FOUND, also for what is no device."""
    device = _device(who.user, ref)
    if device is None:
        raise Refusal(Reason.NOT_FOUND, field="device")
    with transaction.atomic():
        devices.rename(device, name)
        _note("device-renamed", who, kind=device.kind, device=device.device_id, name=name)


def end(who: browser.Browser, ref: str) -> None:
    """Signs one entry out: its tokens die, its device goes. NOT_FOUND."""
    entry = one(who, ref)
    with transaction.atomic():
        users.held(who.user_id)
        if entry.kind:
            ending = Device.objects.filter(user=who.user, pk=int(ref[1:]))
            new_devices.forget(ending)
            devices.end(ending, reason="ended on the account page")
        else:
            mine = Token.objects.filter(user=who.user, family=uuid.UUID(ref[1:]))
            tokens.revoke(mine, reason="ended on the account page")
        _note("device-ended", who, kind=entry.kind or Flow.DEVICELOGIN, device=entry.device_id, name=entry.name)


def end_others(who: browser.Browser) -> None:
    """Signs out everything but this browser, and cancels what waits for a code."""
    users.end_all_sessions(who.user, keep=Token.objects.filter(pk=who.token_id), actor=who.user)


def _note(event: str, who: browser.Browser, *, kind: str, device: str, name: str) -> None:
    facts = {"kind": kind, "device": device[:128], "name": name[:100]}
    audit.record_or_fail(event, actor=who.user, subject=who.username, ip=who.ip, flow=browser.FLOW, facts=facts)


def _living() -> QuerySet[Token]:
    """Tokens that open something; a spent refresh token keeps nothing signed in."""
    spent = Q(kind=Token.Kind.REFRESH, used_at__isnull=False)
    return tokens.live().exclude(activated_at=None).exclude(spent)


def _devices(user: User) -> QuerySet[Device]:
    """A Matrix device stays until it is signed out, whatever became of its tokens (matrix.md §10)."""
    shown = Q(kind=Device.Kind.MATRIX) | Exists(_living().filter(device=OuterRef("pk")))
    return Device.objects.filter(shown, user=user)


def _families(user: User, ref: str = "") -> list[uuid.UUID]:
    """The newest sessions that have no device."""
    mine = _living().filter(user=user, device=None)
    if ref:
        try:
            mine = mine.filter(family=uuid.UUID(hex=ref[1:])) if ref.startswith("s") else mine.none()
        except ValueError:
            return []
    newest = mine.order_by().values("family").annotate(newest=Max("pk")).order_by("-newest")
    return list(newest.values_list("family", flat=True)[:PAGE])


def _device(user: User, ref: str) -> Device | None:
    number = ref[1:]
    if not ref.startswith("d") or not (number.isascii() and number.isdigit()) or len(number) > 18:
        return None
    return _devices(user).filter(pk=int(number)).first()


def _entries(who: browser.Browser, rows: Iterable[Device]) -> list[Entry]:
    rows = list(rows)
    held: dict[int, list[Token]] = defaultdict(list)
    for token in _living().filter(device__in=rows).order_by("-pk").defer("digest"):
        held[token.device_id or 0].append(token)
    known = programs.named({token.client for several in held.values() for token in several})
    return [_entry(device, held[device.pk], known, is_this=device.pk == who.device_pk) for device in rows]


def _entry(device: Device, held: list[Token], known: dict[str, programs.Program], *, is_this: bool) -> Entry:
    newest = held[0] if held else None
    return Entry(
        ref=f"d{device.pk}",
        kind=device.kind,
        name=device.display_name or str(UNNAMED[device.kind]),
        door=str(DOORS[device.kind]),
        device_id=device.device_id,
        agent=device.user_agent,
        program=known.get(newest.client) if newest else None,
        key=newest.credential if newest else "",
        since=device.created_at,
        last_used_at=device.last_seen_at,
        ip=str(device.last_seen_ip or ""),
        is_this=is_this,
        is_live=newest is not None,
    )


def _without_device(user: User, families: list[uuid.UUID]) -> list[Entry]:
    rows = _living().filter(user=user, device=None, family__in=families).order_by()
    facts: Any = rows.values("family", "client", "flow").annotate(
        since=Min("issued_at"), last=Max("last_used_at"), newest=Max("pk")
    )
    sessions = sorted(facts, key=lambda row: row["newest"], reverse=True)
    known = programs.named({row["client"] for row in sessions})
    return [_session(row, known.get(row["client"])) for row in sessions]


def _session(row: dict[str, Any], program: programs.Program | None) -> Entry:
    is_laverna = row["flow"] == Flow.OPENPGP  # until the app opens its socket no device is known
    unnamed = str(UNNAMED[Device.Kind.OPENPGP]) if is_laverna else _("A program")
    return Entry(
        ref=f"s{row['family'].hex}",
        kind="",
        name=program.name if program else unnamed,
        door=str(DOORS[Device.Kind.OPENPGP]) if is_laverna else _("Application"),
        device_id="",
        agent="",
        program=program,
        key="",
        since=row["since"],
        last_used_at=row["last"],
        ip="",
        is_this=False,
        is_live=True,
    )

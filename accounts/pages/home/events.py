"""What happened to one's account: sign-ins, refusals, changes, out of the audit log (R50)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _

from accounts import audit, browser, emails, programs
from accounts.models import AuditEvent, User
from accounts.pages.home import event_words, moments

PAGE = 50
_LONGEST = 120  # characters of a text that somebody else chose
# Events about something that is not the account's any more, so only who did it tells whose they are.
_BY_ACTOR = ("key-removed", "upstream-disconnected")
_DETAILS = ("name", "address", "before", "host")  # facts that are shown
_SHORT = 24  # characters of a device id that somebody may know again


@dataclass(frozen=True, slots=True)
class Happened:
    """One event in words. `door`, `detail`, `ip` may be empty; an administrator's address is nobody's business."""

    id: int
    at: datetime
    what: str
    why: str
    door: str
    detail: str
    ip: str
    is_refusal: bool
    by_administration: bool

    @property
    def when(self) -> str:
        """Day and minute."""
        return moments.exactly(self.at)


@dataclass(frozen=True, slots=True)
class Page:
    """The newest first; `older` is where the next page begins, 0 for the end."""

    events: list[Happened]
    older: int


def listed(who: browser.Browser, *, before: int = 0) -> Page:
    """The events about the account that are older than the one of this id, all for 0."""
    user = who.user
    wanted = Q(outcome=audit.SUCCESS, event__in=event_words.DONE) | Q(
        outcome=audit.REFUSED, event__in=event_words.REFUSED
    )
    older = {"pk__lt": before} if before else {}
    rows: dict[int, AuditEvent] = {}
    for condition in (_about(user), Q(event__in=_BY_ACTOR, actor=user.username)):
        found = AuditEvent.objects.filter(wanted, condition, **older).order_by("-pk")[: PAGE + 1]
        rows |= {row.pk: row for row in found if _is_own(row, user)}
    newest = sorted(rows.values(), key=lambda row: row.pk, reverse=True)
    shown = newest[:PAGE]
    known = programs.named({str(row.facts.get("client", "")) for row in shown})
    more = shown[-1].pk if len(newest) > PAGE else 0
    return Page([_happened(row, user, known) for row in shown], more)


def _about(user: User) -> Q:
    """By the account's name and its keys; by its addresses sign-ins that were refused, since they are the account's."""
    names = {user.username, *user.x25519_keys.values_list("public_key", flat=True)}
    names |= set(user.openpgp_keys.values_list("fingerprint", flat=True))
    about = Q(subject__in=names)
    for address in emails.listed(user):
        about |= Q(subject=address.address, event="login", outcome=audit.REFUSED, at__gte=address.added_at)
    return about


def _is_own(row: AuditEvent, user: User) -> bool:
    """An administrator removes keys of others too: then the account stands in the facts."""
    return row.event != "key-removed" or row.facts.get("account") == user.username


def _happened(row: AuditEvent, user: User, known: dict[str, programs.Program]) -> Happened:
    is_refusal = row.outcome == audit.REFUSED
    words = (event_words.REFUSED if is_refusal else event_words.DONE)[row.event]
    by_others = bool(row.actor) and row.actor not in _own_names(row, user)
    return Happened(
        id=row.pk,
        at=row.at,
        what=str(words),
        why=str(event_words.REASONS.get(row.reason, "")) if is_refusal else "",
        door=str(event_words.FLOWS.get(row.flow, "")),
        detail=_detail(row, known),
        ip="" if by_others else str(row.ip or ""),
        is_refusal=is_refusal,
        by_administration=by_others,
    )


def _own_names(row: AuditEvent, user: User) -> Iterable[Any]:
    """Names under which the person acted: the present one, the one before, and their keys."""
    return (user.username, row.subject, row.facts.get("before"))


def _detail(row: AuditEvent, known: dict[str, programs.Program]) -> str:
    program = known.get(str(row.facts.get("client", "")))
    if program is not None:
        return f"{program.name} ({program.host})"[:_LONGEST]
    found = next((str(row.facts[name]) for name in _DETAILS if row.facts.get(name)), "")
    device = str(row.facts.get("device") or "")
    if not found and 0 < len(device) <= _SHORT:
        return _("Device %(device)s") % {"device": device}
    if not found and row.event.startswith("key-"):
        found = row.subject
    return found[:_LONGEST]

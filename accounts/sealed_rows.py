"""What is kept sealed in the database, kind by kind: brought under the current key, and looked at (R7, R31).

A flow that seals something of its own names it here (`register`), or a rotation of keys would leave it behind.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialApp
from django.db import transaction
from django.db.models import Model, QuerySet

from accounts import mail_content, mfa_adapter, recovery_codes, sealing, subscriptions, upstream_providers
from accounts.models import KeptKey, QueuedMail, Subscription

_BATCH = 200
Rows = Callable[[], "QuerySet[Any]"]


@dataclass(frozen=True, slots=True)
class Kind:
    """Rows with a sealed text in one column. `member` is where it stands in a column of JSON, "" in any other."""

    name: str
    label: str
    rows: Rows
    column: str
    member: str = ""

    def text(self, row: Model) -> str:
        """The sealed text of a row, "" for none."""
        value = getattr(row, self.column)
        found = value.get(self.member, "") if self.member else value
        return found if isinstance(found, str) else bytes(found or b"").decode("ascii", "replace")

    def put(self, row: Model, sealed: str) -> None:
        """Writes the text into its column, and that column alone."""
        value = getattr(row, self.column)
        if self.member:
            sealed_value: Any = {**value, self.member: sealed}
        elif isinstance(value, str):
            sealed_value = sealed
        else:
            sealed_value = sealed.encode()
        self.rows().filter(pk=row.pk).update(**{self.column: sealed_value})


@dataclass(slots=True)
class Tally:
    """How many rows of a kind were looked at, brought under the current key, and opened by none of the keys."""

    kind: str
    seen: int = 0
    resealed: int = 0
    unreadable: int = 0


_kinds: list[Kind] = [
    Kind("second factors", mfa_adapter.LABEL, lambda: Authenticator.objects.filter(type="totp"), "data", "secret"),
    Kind(
        "upstream secrets",
        upstream_providers.LABEL,
        SocialApp.objects.all,
        "settings",
        upstream_providers.SEALED,
    ),
    Kind("webhook secrets", subscriptions.LABEL, Subscription.objects.all, "sealed_secret"),
    Kind("kept keys", recovery_codes.LABEL, KeptKey.objects.all, "sealed"),
    Kind("queued mails", mail_content.LABEL, QueuedMail.objects.all, "sealed"),
]


def register(kind: Kind) -> None:
    """Called once, when a flow's application is ready."""
    _kinds.append(kind)


def kinds() -> tuple[Kind, ...]:
    """Every kind, in the order of registration."""
    return tuple(_kinds)


def reseal(kind: Kind) -> Iterator[Tally]:
    """Brings a kind under the current key, batch by batch while others write; each time how far it is.

    A row that no key opens is left as it is and counted. Nothing is done twice, so it may be run again at any time.
    """
    return _walk(kind, _write)


def look(kind: Kind) -> Iterator[Tally]:
    """The same without writing anything; `resealed` counts what stands under an older key."""
    return _walk(kind, lambda *_: None)


def _walk(kind: Kind, found_old: Callable[[Kind, Any], None]) -> Iterator[Tally]:
    tally, last = Tally(kind.name), None
    while rows := _after(kind, last):
        for row in rows:
            tally.seen += 1
            try:
                if _under_current_key(kind, row) is not None:
                    found_old(kind, row.pk)
                    tally.resealed += 1
            except sealing.InvalidToken:
                tally.unreadable += 1
        last = rows[-1].pk
        yield tally


def _write(kind: Kind, key: Any) -> None:
    """Reads the row again under a lock: somebody may have changed it meanwhile, or sent the mail."""
    with transaction.atomic():
        for row in kind.rows().select_for_update(of=("self",)).filter(pk=key):
            sealed = _under_current_key(kind, row)
            if sealed is not None:
                kind.put(row, sealed)


def _under_current_key(kind: Kind, row: Model) -> str | None:
    """The text sealed anew; None when there is nothing to do. InvalidToken when no key opens it."""
    text = kind.text(row)
    return sealing.resealed(text, label=kind.label) if text else None


def _after(kind: Kind, last: Any) -> list[Any]:
    rows = kind.rows().order_by("pk")
    return list((rows if last is None else rows.filter(pk__gt=last))[:_BATCH])

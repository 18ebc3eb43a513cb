"""Counting wrong secrets by address, network and claimed name. Rows are held while they change, so processes add up."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from accounts import throttle
from accounts.failures import ADMIN, Failure, Tally
from accounts.models import AttackedAccount, Guesser

REST = ""  # the name under which what is not named is counted
_WEIGHT_OF_ADMIN = 5  # one wrong secret at the administration counts as so many
_MOST_NAMES, _MOST_ADDRESSES = 20, 256
_MOST_CHARACTERS = 320
_BATCH = 500


@dataclass(slots=True)
class _Share:
    """What one batch adds to a row."""

    kind: str = ""
    tally: Tally | None = None
    doors: Counter[str] = field(default_factory=Counter)
    accounts: Counter[str] = field(default_factory=Counter)
    addresses: Counter[str] = field(default_factory=Counter)

    def add(self, tally: Tally, *, door: str, account: str, address: str) -> None:
        """One kind of failure more."""
        if self.tally is None:
            self.tally = Tally(0, tally.first_at, tally.last_at)
        self.tally.add(tally)
        self.doors[door] += tally.count
        self.accounts[account] += tally.count
        self.addresses[address] += tally.count


@dataclass(frozen=True, slots=True)
class Counted:
    """Held rows with the batch added; the caller decides on them and saves them."""

    guessers: list[Guesser]
    accounts: list[AttackedAccount]

    def save(self) -> None:
        """Writes all of them."""
        changing = ["window_at", "last_at", "count", "total", "doors", "accounts", "addresses", "spent", "blocks"]
        Guesser.objects.bulk_update(self.guessers, [*changing, "blocked_at", "rule"], batch_size=_BATCH)
        changing = ["window_at", "last_at", "count", "addresses", "address_count", "alerted_at"]
        AttackedAccount.objects.bulk_update(self.accounts, changing, batch_size=_BATCH)


def count(found: Iterable[tuple[Failure, Tally]]) -> Counted:
    """Adds a batch, in the caller's transaction. The rows of a table are taken in order, so nobody waits for ever."""
    guessers: dict[str, _Share] = {}
    accounts: dict[str, _Share] = {}
    for failure, tally in found:
        address, account = throttle.address_key(failure.ip) if failure.ip else "", stored_name(failure.account)
        facts = {"door": failure.door, "account": account, "address": address}
        if address:
            network = throttle.network_key(failure.ip)
            guessers.setdefault(address, _Share(Guesser.Kind.ADDRESS)).add(tally, **facts)
            guessers.setdefault(network, _Share(Guesser.Kind.NETWORK)).add(tally, **facts)
        if account:
            accounts.setdefault(account, _Share()).add(tally, **facts)
    return Counted(_counted_guessers(guessers), _counted_accounts(accounts))


def weight(row: Guesser) -> int:
    """What its failures in this window count for."""
    return int(row.count) + (_WEIGHT_OF_ADMIN - 1) * int(row.doors.get(ADMIN, 0))


def named(counts: Mapping[str, int]) -> dict[str, int]:
    """Those with a name, the most first."""
    return dict(sorted(((name, n) for name, n in counts.items() if name != REST), key=lambda item: -item[1]))


def stored_name(text: str) -> str:
    """A claimed name as the database takes it: strangers type anything."""
    return "".join(char if char.isprintable() else "\ufffd" for char in text[:_MOST_CHARACTERS])


def window() -> float:
    """Seconds in which failures are counted together."""
    return float(max(settings.GUESSER_RATE.seconds, settings.GUESSER_NETWORK_RATE.seconds))


def _counted_guessers(shares: Mapping[str, _Share]) -> list[Guesser]:
    made = [Guesser(network=key, kind=shares[key].kind, count=0) for key in sorted(shares)]
    Guesser.objects.bulk_create(made, ignore_conflicts=True, batch_size=_BATCH)
    rows = Guesser.objects.select_for_update(of=("self",)).select_related("rule").filter(network__in=list(shares))
    held = list(rows.order_by("network"))
    for row in held:
        share = shares[row.network]
        rate = settings.GUESSER_RATE if row.kind == Guesser.Kind.ADDRESS else settings.GUESSER_NETWORK_RATE
        if _begins_anew(row, share, rate.seconds):
            row.doors, row.accounts, row.addresses, row.spent = {}, {}, {}, 0
        row.total += _of(share).count
        _merge(row.doors, share.doors, _MOST_NAMES)
        _merge(row.accounts, share.accounts, _MOST_NAMES)
        if row.kind == Guesser.Kind.NETWORK:
            _merge(row.addresses, share.addresses, _MOST_ADDRESSES)
    return held


def _counted_accounts(shares: Mapping[str, _Share]) -> list[AttackedAccount]:
    made = [AttackedAccount(name=key, count=0) for key in sorted(shares)]
    AttackedAccount.objects.bulk_create(made, ignore_conflicts=True, batch_size=_BATCH)
    rows = AttackedAccount.objects.select_for_update().filter(name__in=list(shares))
    held = list(rows.order_by("name"))
    for row in held:
        share = shares[row.name]
        if _begins_anew(row, share, settings.GUESSER_RATE.seconds):
            row.addresses = {}
        _merge(row.addresses, share.addresses, _MOST_ADDRESSES)
        row.address_count = len(named(row.addresses))
    return held


def _begins_anew(row: Any, share: _Share, seconds: float) -> bool:
    """Adds the share's number and moments; True when its window is a new one, as after a clock that stepped back."""
    tally = _of(share)
    ends = row.window_at + timedelta(seconds=seconds)
    is_new = row.count == 0 or not _between(row.window_at, tally.last_at, ends)
    if is_new:
        row.window_at, row.count = tally.first_at, 0
    row.count += tally.count
    row.last_at = tally.last_at
    return is_new


def _between(begin: datetime, moment: datetime, end: datetime) -> bool:
    return begin - timedelta(seconds=60) <= moment < end


def _of(share: _Share) -> Tally:
    assert share.tally is not None
    return share.tally


def _merge(counts: dict[str, int], more: Mapping[str, int], most: int) -> None:
    for name, number in more.items():
        key = name if name in counts or len(counts) < most else REST
        counts[key] = counts.get(key, 0) + number

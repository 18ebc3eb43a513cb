"""Keys that open one's account: Session keys and OpenPGP keys (one-origin.md §2)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from accounts import browser, clock, credentials, key_proofs
from accounts.errors import Reason, Refusal
from accounts.key_proofs import Kind
from accounts.models import OpenPGPKey, User
from accounts.pages import notices


@dataclass(frozen=True, slots=True)
class Key:
    """One key; `text` is its canonical form. `ended` is why it opens nothing: "expired", "revoked" or ""."""

    kind: Kind
    text: str
    added_at: datetime
    last_used_at: datetime | None
    is_published: bool = False
    ended: str = ""
    user_ids: tuple[str, ...] = ()

    @property
    def grouped(self) -> str:
        """In groups of four, for comparing by eye."""
        return " ".join(self.text[at : at + 4] for at in range(0, len(self.text), 4))


def listed(user: User, kind: Kind) -> list[Key]:
    """The account's keys of a kind, the one added first at the head."""
    if kind is Kind.OPENPGP:
        return [_openpgp(row) for row in user.openpgp_keys.order_by("pk")]
    rows = user.x25519_keys.order_by("pk")
    return [Key(Kind.X25519, row.public_key, row.created_at, row.last_used_at) for row in rows]


def count(user: User) -> int:
    """How many there are."""
    return sum(len(listed(user, kind)) for kind in Kind)


def one(user: User, kind: str, text: str) -> Key:
    """NOT_FOUND unless it is the account's."""
    found = [key for key in listed(user, Kind(kind)) if key.text == text] if kind in set(Kind) else []
    if not found:
        raise Refusal(Reason.NOT_FOUND, field="key")
    return found[0]


def add(who: browser.Browser, kind: Kind, given: Mapping[str, str]) -> str:
    """Gives the account the key that is proved; answers it. Refuses as `key_proofs.Prover.add`."""
    added = key_proofs.of(kind).add(who.user, given, ip=who.ip)
    notices.tell(who.user, notices.KEY_ADDED)
    return added


def remove(who: browser.Browser, key: Key) -> None:
    """Takes the key away; what it opened ends. LAST_CREDENTIAL when nothing else opens the account; NOT_FOUND."""
    verb = credentials.remove_openpgp_key if key.kind is Kind.OPENPGP else credentials.remove_x25519_key
    with transaction.atomic():
        verb(who.user, key.text, actor=who.user)
        notices.tell(who.user, notices.KEY_REMOVED)


def publish(who: browser.Browser, key: Key) -> None:
    """Makes it the one that others find. NOT_FOUND, ACCOUNT_SUSPENDED."""
    key_proofs.of(key.kind).publish(who.user, key.text)


def _openpgp(row: OpenPGPKey) -> Key:
    over = row.expires_at is not None and row.expires_at <= clock.now()
    ended = "revoked" if row.revoked_at else "expired" if over else ""
    user_ids = tuple(row.user_ids)
    return Key(Kind.OPENPGP, row.fingerprint, row.created_at, row.last_used_at, row.is_published, ended, user_ids)

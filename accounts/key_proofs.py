"""How somebody who is signed in proves a key that shall open the account too (one-origin.md §2, "Linking").

A flow registers how keys of its kind are proved; the account page asks here, so that flows need not know each other.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Protocol

from accounts.errors import Reason, Refusal
from accounts.models import User


class Kind(StrEnum):
    """Kinds of keys."""

    X25519 = "x25519"
    OPENPGP = "openpgp"


class Prover(Protocol):
    """What a flow can do with keys of its kind. All of it refuses as its door does."""

    def challenge(self, user: User, *, ip: str) -> str:
        """A fresh text that the key has to sign for this account; "" where nothing is signed. RATE_LIMITED."""

    def add(self, user: User, given: Mapping[str, str], *, ip: str) -> str:
        """Gives the account the key that `given` proves, and answers it in its canonical form; audited.

        `given` of X25519: `token`; of OpenPGP: `publicKey`, `signature`. CREDENTIAL_WRONG, FIELD_INVALID (the key
        itself), CREDENTIAL_TAKEN, NOT_ADMITTED, RATE_LIMITED, ACCOUNT_… of either account.
        """

    def publish(self, user: User, key: str) -> None:
        """Makes this key of the account the one that others find; audited. NOT_FOUND."""


_provers: dict[Kind, Prover] = {}


def register(kind: Kind, prover: Prover) -> None:
    """Called once, when the flow's application is ready."""
    _provers[kind] = prover


def has(kind: Kind) -> bool:
    """Whether keys of this kind can be added here."""
    return kind in _provers


def of(kind: Kind) -> Prover:
    """How such a key is proved; NOT_FOUND where no door takes them."""
    found = _provers.get(kind)
    if found is None:
        raise Refusal(Reason.NOT_FOUND, field="key")
    return found

"""Names of accounts: one name for all doors, stored lower-case ASCII (one-origin.md §3)."""

import re

from django.conf import settings

from accounts import policy
from accounts.errors import Reason, Refusal
from accounts.models import AccessRule

_GRAMMAR = re.compile(r"[a-z0-9._=/+-]+")
_KEY_NAME = re.compile(r"05[0-9a-f]{64}")
_MATRIX_ID_BYTES = 255
_MOST_CHARACTERS = 255  # as the column


def fold(name: str) -> str:
    """The spelling by which names are compared."""
    return name.lower()


def is_key_name(name: str) -> bool:
    """Whether the name has the form reserved for accounts made by a key's first login."""
    return _KEY_NAME.fullmatch(name) is not None


def check_grammar(name: str) -> None:
    """NAME_INVALID unless the text could be the name of any account."""
    full = f"@{name}:{settings.MATRIX_SERVER_NAME}"
    if not _GRAMMAR.fullmatch(name) or len(full.encode()) > _MATRIX_ID_BYTES:
        raise Refusal(Reason.NAME_INVALID, field="username")


def check_new(name: str, *, by_administrator: bool = False) -> None:
    """NAME_INVALID or NAME_RESERVED unless somebody may choose this name for a new account.

    No leading `_`, not only digits (matrix.md §3), not the form of a key, not matched by a deny rule's name. An
    administrator may choose a name that deny rules keep from others.
    """
    check_grammar(name)
    if name.startswith("_") or name.isdigit():
        raise Refusal(Reason.NAME_INVALID, field="username")
    if is_key_name(name):
        raise Refusal(Reason.NAME_RESERVED, field="username")
    if not by_administrator and is_reserved(name):
        raise Refusal(Reason.NAME_RESERVED, field="username")


def is_importable(name: str) -> bool:
    """Whether an account of another server may keep this name here: outside the grammar of new names, but never what
    reads as something else (one-origin.md §3)."""
    if not name or is_key_name(fold(name)) or len(fold(name)) > _MOST_CHARACTERS:
        return False
    if len(f"@{name}:{settings.MATRIX_SERVER_NAME}".encode("utf-8", "surrogatepass")) > _MATRIX_ID_BYTES:
        return False
    return name.isprintable() and not any(char in "@:" or char.isspace() for char in name)


def is_reserved(name: str) -> bool:
    """Whether a live deny rule of any door names it."""
    subject = policy.Subject(username=name)
    return any(not decision.admitted and decision.rule for decision in _decisions(subject))


def _decisions(subject: policy.Subject) -> list[policy.Decision]:
    scopes = [scope for scope in AccessRule.Scope.values if scope != AccessRule.Scope.ALL]
    return [policy.decide(scope, subject) for scope in scopes]

"""Passwords: verify, set, needs_upgrade, bounded (R5, R6, R11, R36).

Hashing is the costliest thing in the house, so it happens in a bounded number of threads at once, and a short queue;
callers take their rate limit first. A refusal costs the same for every account, also one that does not exist.
"""

import os
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from django.conf import settings
from django.contrib.auth.hashers import check_password, identify_hasher, is_password_usable, make_password
from django.contrib.auth.password_validation import CommonPasswordValidator
from django.core.exceptions import ValidationError

from accounts import figures, hash_kinds
from accounts.errors import Reason, Refusal
from accounts.models import User

_MAX_BYTES = 1024
_QUEUE_PER_SLOT = 4
_QUEUE_SECONDS = 30.0
_POOL = "passwords"  # in the figures


class _Slots:
    """At most `count` at once; `4 × count` may wait, but never half of all threads; the next is refused at once."""

    def __init__(self, count: int) -> None:
        self._free = threading.BoundedSemaphore(count)
        self._busy = self._waiting = 0
        figures.watch_pool(_POOL, lambda: figures.Load(count, self._busy, self._waiting))
        self._most_waiting = max(1, min(count * _QUEUE_PER_SLOT, settings.HTTP_THREADS // 2))
        self._lock = threading.Lock()

    @contextmanager
    def one(self) -> Iterator[None]:
        if not self._free.acquire(blocking=False):
            self._wait()
        self._count(1)
        try:
            yield
        finally:
            self._count(-1)
            self._free.release()

    def _count(self, change: int) -> None:
        with self._lock:
            self._busy += change

    def _wait(self) -> None:
        with self._lock:
            if self._waiting >= self._most_waiting:
                raise _overloaded()
            self._waiting += 1
        try:
            if not self._free.acquire(timeout=_QUEUE_SECONDS):
                raise _overloaded()
        finally:
            with self._lock:
                self._waiting -= 1


def _overloaded() -> Refusal:
    figures.POOL_REFUSED.add(_POOL)
    return Refusal(Reason.OVERLOADED, field="password", retry_after=1, detail="password hashing")


@cache
def _slots() -> _Slots:
    return _Slots(settings.PASSWORD_HASHERS_AT_ONCE or os.cpu_count() or 1)


@cache
def _dummy() -> str:
    """A hash nobody knows the password of, with the parameters in force."""
    return make_password(os.urandom(16).hex())


def prepare(password: str) -> str:
    """The one spelling of a password (NFKC); FIELD_INVALID for what is no text or longer than 1 024 bytes."""
    try:
        if len(password.encode()) > _MAX_BYTES:
            raise Refusal(Reason.FIELD_INVALID, field="password", detail="too long")
    except UnicodeEncodeError:
        raise Refusal(Reason.FIELD_INVALID, field="password", detail="not storable") from None
    return unicodedata.normalize("NFKC", password)


def verify(user: User | None, password: str) -> bool:
    """Whether the password is the account's; False at the same cost for every account, for one without, for nobody.

    A right password whose hash is old is hashed anew. Refuses with OVERLOADED when too many wait.
    """
    prepared = prepare(password)
    encoded = user.password if user is not None and user.has_usable_password() else ""
    with _slots().one():
        if not _is_right(encoded, prepared):
            _refuse_as_dearly_as_any(encoded, prepared)
            return False
        if user is not None and needs_upgrade(user):
            renewed = make_password(prepared)
            # Only over the hash that was verified: a password changed meanwhile stays.
            if User.objects.filter(pk=user.pk, password=encoded).update(password=renewed):
                user.password = renewed  # a session is bound to the hash: it must not end with this very login
    return True


def matches(encoded: str, password: str) -> bool:
    """Whether a hash kept elsewhere than in an account is the password's; False for an empty or unusable one."""
    prepared = prepare(password)
    with _slots().one():
        return _is_right(encoded, prepared)


def encode(password: str) -> str:
    """The hash of a password, whatever the policy thinks of it."""
    prepared = prepare(password)
    with _slots().one():
        return make_password(prepared)


def _is_right(encoded: str, prepared: str) -> bool:
    """One hash of work at most; none for "", an unusable or an unreadable hash."""
    if not encoded or not is_password_usable(encoded):
        return False
    try:
        identify_hasher(encoded)
        return bool(check_password(prepared, encoded))
    except (ValueError, TypeError, AssertionError):  # what Django's hashers make of a damaged text
        return False


def _refuse_as_dearly_as_any(encoded: str, prepared: str) -> None:
    """The work that a refusal lacks: every refusal costs one hash of each kind in the database (R11)."""
    usual = hash_kinds.of(_dummy())
    own = hash_kinds.of(encoded)
    others = hash_kinds.samples.except_of({own}, usual=usual)
    for sample in others if own == usual else [_dummy(), *others]:
        _is_right(sample, prepared)


def hashed(password: str, *, username: str = "") -> str:
    """The hash of a new password that satisfies the policy; PASSWORD_WEAK says in `detail` what is wrong."""
    complaint = weakness(prepare(password), username=username)
    if complaint:
        raise Refusal(Reason.PASSWORD_WEAK, field="password", detail=complaint)
    return encode(password)


def needs_upgrade(user: User) -> bool:
    """Whether the stored hash is of another kind or weaker than today's."""
    try:
        hasher = identify_hasher(user.password)
    except ValueError:
        return False
    return hasher.algorithm != "argon2" or hasher.must_update(user.password)


def weakness(password: str, *, username: str = "") -> str:
    """What is wrong with a new password, in words for a person; "" when nothing is."""
    if len(password) < settings.PASSWORD_MIN_LENGTH:
        return f"at least {settings.PASSWORD_MIN_LENGTH} characters are needed"
    folded = password.casefold()
    if folded in {username.casefold(), "latchkey", settings.PUBLIC_HOST.casefold()}:
        return "it must not be your name or the name of this site"
    try:
        _common().validate(password)
    except ValidationError:
        return "it is on the list of common passwords"
    return ""


@cache
def _common() -> CommonPasswordValidator:
    return CommonPasswordValidator()


class PolicyValidator:
    """The same policy for Django's own forms."""

    def validate(self, password: str, user: User | None = None) -> None:
        """Raises ValidationError with the complaint."""
        try:
            complaint = weakness(prepare(password), username=user.username if user else "")
        except Refusal:
            complaint = "it is too long or holds characters that cannot be stored"
        if complaint:
            raise ValidationError(f"This password cannot be used: {complaint}.", code="password_weak")

    def get_help_text(self) -> str:
        """Shown beside password fields."""
        return f"At least {settings.PASSWORD_MIN_LENGTH} characters, not a common password, not your name."

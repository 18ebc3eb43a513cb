"""Rate limits: hit, peek, clear (R37–R40).

A bucket is one number, the moment at which it will be full again (the generic cell rate algorithm): `count` actions
at once, refilled evenly over `seconds`. Buckets live in Redis if there is one, else in this process, from where
`save` keeps them in the database across restarts. When Redis is gone the process counts for itself at half the
allowance: never unlimited, never an error.
"""

import hashlib
import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from ipaddress import IPv6Address, ip_network
from typing import Any, Protocol

import redis
from django.conf import settings
from django.db import transaction

from accounts import clock, patterns
from accounts.errors import Reason, Refusal
from accounts.models import Allowance

_log = logging.getLogger("latchkey.throttle")
_NAMESPACE = "idp:limit"
_SWEEP_AT = 20_000  # keys in memory after which full buckets are forgotten
_REDIS_PAUSE = 1.0  # seconds without asking a Redis that did not answer; then one thread asks for all
_ROUNDING = 5e-5  # seconds: sums of moments are rounded, in Redis to microseconds, and that must cost no action


class _Rate(Protocol):
    @property
    def count(self) -> int: ...

    @property
    def seconds(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Limit:
    """`count` actions in `seconds`; `scaled` limits are multiplied by `RATE_LIMIT_SCALE` (operations.md §2).

    An action that costs more than one may overdraw the bucket by up to `most_wait` seconds. What is not `kept` is
    forgotten when a process without Redis ends: pauses of seconds, which need no row. What is not `shared` is counted
    by each process for itself, also with Redis: limits that spare the process, where asking Redis would cost more.
    """

    name: str
    count: float
    seconds: float
    scaled: bool = True
    most_wait: float = 0.0
    kept: bool = True
    shared: bool = True

    @classmethod
    def of(cls, name: str, rate: _Rate, *, scaled: bool = True, most_wait: float = 0.0, **more: bool) -> "Limit":
        """A limit with a rate from the settings; `more`: kept, shared."""
        return cls(name, rate.count, rate.seconds, scaled, most_wait, **more)

    def allowance(self, factor: float = 1.0) -> float:
        """How many actions fit at once."""
        return max(1.0, self.count * factor * (settings.RATE_LIMIT_SCALE if self.scaled else 1.0))

    def bucket(self, factor: float = 1.0) -> "_Bucket":
        """The limit in seconds."""
        return _Bucket(self.seconds, self.seconds / self.allowance(factor), self.most_wait, self.kept)


def hit(limit: Limit, *key: str, cost: float = 1.0) -> None:
    """Takes one action; Refusal RATE_LIMITED with `retry_after` seconds when none is left."""
    _ask(limit, key, cost=cost)


def peek(limit: Limit, *key: str) -> None:
    """Refuses like `hit` would, taking nothing: for allowances that only failures use up (R38)."""
    _ask(limit, key, cost=0.0)


def clear(limit: Limit, *key: str) -> None:
    """Gives the whole allowance back."""
    text = _key(limit, key)
    _memory.clear(text, kept=limit.kept)
    if settings.REDIS_URL:
        _on_redis(lambda: _redis().delete(text))


def level(limit: Limit, *key: str) -> float:
    """How many actions the bucket holds now: those taken, less what was refilled since."""
    text, bucket = _key(limit, key), limit.bucket()
    full_at = _memory.full_at(text)
    if settings.REDIS_URL:
        known = _on_redis(lambda: float(_redis().get(text) or 0))
        full_at = full_at if known is None else known
    return max(0.0, full_at - clock.now().timestamp()) / bucket.step


@lru_cache(maxsize=4096)  # asked several times by each request and socket
def address_key(ip: str) -> str:
    """The key of a client address: IPv4 whole, IPv6 by its /64."""
    parsed = patterns.address(ip)
    if isinstance(parsed, IPv6Address):
        return str(ip_network((parsed, 64), strict=False))
    return str(parsed or ip)


@lru_cache(maxsize=4096)
def network_key(ip: str) -> str:
    """The network of a client address: IPv4 by its /24, IPv6 by its /48; "" for none."""
    parsed = patterns.address(ip)
    if parsed is None:
        return ""
    return str(ip_network((parsed, 48 if isinstance(parsed, IPv6Address) else 24), strict=False))


@dataclass(frozen=True, slots=True)
class _Bucket:
    """A limit in seconds: how long an empty bucket takes to fill, what one action takes, how far it may overdraw."""

    seconds: float
    step: float
    most_wait: float
    kept: bool


class _Memory:
    """Buckets of this process: key → unix seconds at which it is full again."""

    def __init__(self) -> None:
        self._full_at: dict[str, float] = {}
        self._dirty: set[str] = set()
        self._sweep_at = _SWEEP_AT
        self._lock = threading.Lock()

    def ask(self, key: str, bucket: "_Bucket", *, cost: float, moment: float) -> float:
        """Seconds to wait, 0 when the action is allowed."""
        with self._lock:
            known = self._full_at.get(key, 0.0)
            full_at = min(max(known, moment), moment + bucket.seconds + bucket.most_wait)
            if full_at < known:  # the clock stepped back: the wait must not grow by the step (R30)
                self._full_at[key] = full_at
            wait = full_at + bucket.step - moment - bucket.seconds
            if wait > _ROUNDING:
                return wait
            if cost:
                self._full_at[key] = full_at + cost * bucket.step
                if bucket.kept:
                    self._dirty.add(key)
                if len(self._full_at) > self._sweep_at:
                    self._sweep(moment)
            return 0.0

    def full_at(self, key: str) -> float:
        return self._full_at.get(key, 0.0)

    def clear(self, key: str, *, kept: bool) -> None:
        with self._lock:
            if self._full_at.pop(key, None) is not None and kept:
                self._dirty.add(key)

    def forget(self) -> None:
        """Drops everything; tests start with it."""
        with self._lock:
            self._full_at.clear()
            self._dirty.clear()

    def take_dirty(self) -> dict[str, float | None]:
        """What changed since the last call; None for a bucket that is full."""
        with self._lock:
            changed = {key: self._full_at.get(key) for key in self._dirty}
            self._dirty.clear()
            return changed

    def restore(self, rows: Iterable[tuple[str, float]]) -> None:
        with self._lock:
            for key, full_at in rows:
                self._full_at[key] = max(full_at, self._full_at.get(key, 0.0))

    def _sweep(self, moment: float) -> None:
        for key in [key for key, full_at in self._full_at.items() if full_at <= moment]:
            del self._full_at[key]
        self._sweep_at = max(_SWEEP_AT, 2 * len(self._full_at))  # under a flood not at every action


_memory = _Memory()
_redis_resumes_at = 0.0  # of the monotonic clock; 0 while it answers
_redis_lock = threading.Lock()

_REDIS_SCRIPT = """
local now = tonumber(ARGV[1]); local seconds = tonumber(ARGV[2]); local step = tonumber(ARGV[3])
local cost = tonumber(ARGV[4]); local most_wait = tonumber(ARGV[5])
local known = tonumber(redis.call('GET', KEYS[1]) or '0')
local full_at = math.min(math.max(known, now), now + seconds + most_wait)
local wait = full_at + step - now - seconds
if wait > 5e-5 then
  if full_at < known then redis.call('SET', KEYS[1], string.format('%.6f', full_at), 'KEEPTTL') end
  return tostring(wait)
end
if cost > 0 then
  local after = full_at + cost * step
  redis.call('SET', KEYS[1], string.format('%.6f', after), 'PX', math.ceil((after - now) * 1000) + 1000)
end
return '0'
"""


def _ask(limit: Limit, key: tuple[str, ...], *, cost: float) -> None:
    text, moment = _key(limit, key), clock.now().timestamp()
    asks_redis = bool(settings.REDIS_URL) and limit.shared
    wait = _ask_redis(limit.bucket(), text, moment, cost=cost) if asks_redis else None
    if wait is None:
        factor = 0.5 if asks_redis else 1.0
        wait = _memory.ask(text, limit.bucket(factor), cost=cost, moment=moment)
    if wait > 0:
        raise Refusal(Reason.RATE_LIMITED, retry_after=wait, detail=limit.name)


def _ask_redis(bucket: _Bucket, key: str, moment: float, *, cost: float) -> float | None:
    """Seconds to wait, or None when Redis does not answer."""
    arguments = [moment, bucket.seconds, bucket.step, cost, bucket.most_wait]
    return _on_redis(lambda: float(_script()(keys=[key], args=arguments)))


def _on_redis(ask: Callable[[], float]) -> float | None:
    """What Redis answers, None when it does not. While it is away one thread at a time tries whether it is back: one
    that is frozen costs every try half a second, which not every request has to pay."""
    global _redis_resumes_at
    was_away = _redis_resumes_at > 0.0
    if was_away:
        with _redis_lock:
            if time.monotonic() < _redis_resumes_at:
                return None
            _redis_resumes_at = time.monotonic() + _REDIS_PAUSE
    try:
        answer = ask()
    except redis.RedisError as error:
        _redis_resumes_at = time.monotonic() + _REDIS_PAUSE
        if not was_away:
            _log.warning("redis does not answer, counting in this process: %s", type(error).__name__)
        return None
    if was_away:
        _redis_resumes_at = 0.0
        _log.warning("redis answers again")
    return answer


@cache
def _redis() -> Any:
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=0.5, socket_connect_timeout=0.5)


@cache
def _script() -> Any:
    return _redis().register_script(_REDIS_SCRIPT)


def _key(limit: Limit, key: tuple[str, ...]) -> str:
    """Keys hold no name or address in clear: the table and Redis outlive the request. They are made under the
    server's key, so that two installations may share a Redis."""
    text = "\0".join(key).encode("utf-8", "surrogatepass")
    hashed = hashlib.blake2b(text, digest_size=16, key=_derived(str(settings.SECRET_KEY))).hexdigest()
    return f"{_NAMESPACE}:{limit.name}:{hashed}"


@cache
def _derived(key: str) -> bytes:
    return hashlib.sha256(b"latchkey limits" + key.encode()).digest()


def load() -> None:
    """Takes up the buckets that the last process kept."""
    _memory.restore(Allowance.objects.values_list("key", "full_at"))


def save() -> None:
    """Keeps what changed since the last call; with Redis there is nothing to keep."""
    changed = _memory.take_dirty()
    if not changed or settings.REDIS_URL:
        return
    kept = [Allowance(key=key, full_at=full_at) for key, full_at in changed.items() if full_at is not None]
    with transaction.atomic():
        Allowance.objects.bulk_create(kept, update_conflicts=True, unique_fields=["key"], update_fields=["full_at"])
        Allowance.objects.filter(pk__in=[key for key, full_at in changed.items() if full_at is None]).delete()


def forget() -> None:
    """Drops the buckets of this process."""
    _memory.forget()


def purge(*, batch: int = 1000) -> int:
    """Deletes one batch of buckets that are full again; answers how many."""
    full = Allowance.objects.filter(full_at__lt=clock.now().timestamp())
    ids = list(full.values_list("pk", flat=True)[:batch])
    Allowance.objects.filter(pk__in=ids).delete()
    return len(ids)

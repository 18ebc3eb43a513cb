"""Rendezvous sessions in Redis: each step one script, so that one of many writers wins (qr-login.md §8).

A session is a hash that Redis forgets by itself. Who lives is also in sorted sets by the moment of the end: of
everybody, one for each form, of an address, of an account; their sizes are the caps. Keys are made under the server's
key, so that two installations may share a Redis, and hold neither id nor address in clear.
"""

import hashlib
import logging
import time
from collections.abc import Callable
from functools import cache
from typing import Any

import redis
from django.conf import settings

from accounts.errors import Reason, Refusal
from devicelogin.rendezvous.protocol import Form, Held, form_of
from devicelogin.rendezvous.store import FULL, Caps, Listed, New, Written, full

_log = logging.getLogger("latchkey.rendezvous")
_NAMESPACE = "idp:rendezvous"
_PAUSE = 2.0  # seconds without asking a Redis that did not answer
_LATER_MS = 2_000  # Redis forgets a session so much after its end: the moment that counts is in it
_resumes_at = 0.0

_CREATE = """
local now, ends = tonumber(ARGV[1]), tonumber(ARGV[2])
local own = tonumber(ARGV[3])
local function first(key)
  local found = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')
  return found[2] and (tonumber(found[2]) - now) or 0
end
for index = 2, #KEYS do redis.call('ZREMRANGEBYSCORE', KEYS[index], '-inf', now) end
if redis.call('ZCARD', KEYS[2]) + redis.call('ZCARD', KEYS[3]) >= tonumber(ARGV[4]) then return {'everybody', 0} end
if redis.call('ZCARD', KEYS[4]) >= tonumber(ARGV[5]) then return {'address', first(KEYS[4])} end
if KEYS[5] and redis.call('ZCARD', KEYS[5]) >= tonumber(ARGV[6]) then return {'user', first(KEYS[5])} end
local lists = {KEYS[own], KEYS[4], KEYS[5]}
for _, key in ipairs(lists) do
  redis.call('ZADD', key, ARGV[2], KEYS[1])
  redis.call('PEXPIRE', key, ends - now + tonumber(ARGV[12]))
end
redis.call('HSET', KEYS[1], 'data', ARGV[7], 'token', ARGV[8], 'written', ARGV[1], 'expires', ARGV[2],
  'previous', '', 'created', ARGV[1], 'writes', 0, 'address', ARGV[9], 'user', ARGV[10], 'form', ARGV[11],
  'lists', table.concat(lists, ' '))
redis.call('PEXPIRE', KEYS[1], ends - now + tonumber(ARGV[12]))
return false
"""

_WRITE = """
local found = redis.call('HMGET', KEYS[1], 'data', 'token', 'written', 'expires', 'previous')
if not found[4] or tonumber(found[4]) <= tonumber(ARGV[1]) then return false end
if found[2] ~= ARGV[2] or found[5] == ARGV[4] then
  return {0, found[1], found[2], found[3], found[4], found[5]}
end
redis.call('HSET', KEYS[1], 'data', ARGV[3], 'token', ARGV[4], 'written', ARGV[1], 'previous', found[2])
redis.call('HINCRBY', KEYS[1], 'writes', 1)
return {1, ARGV[3], ARGV[4], ARGV[1], found[4], found[2]}
"""

_DELETE = """
local found = redis.call('HMGET', KEYS[1], 'expires', 'lists')
redis.call('DEL', KEYS[1])
if not found[1] then return 0 end
for key in string.gmatch(found[2], '%S+') do redis.call('ZREM', key, KEYS[1]) end
return tonumber(found[1]) > tonumber(ARGV[1]) and 1 or 0
"""

_FORMS = (Form.TEXT, Form.JSON)  # in the order of their lists


class RedisStore:
    """The store of installations with Redis. UNAVAILABLE from every verb while it does not answer."""

    letter = "r"

    def create(self, new: New, caps: Caps) -> None:
        """As `Store`."""
        keys = [_session(new.session_id), *map(_list, _FORMS), _key("address", new.address)]
        if new.user_id is not None:
            keys.append(_key("user", str(new.user_id)))
        held, own = new.held, 2 + _FORMS.index(new.form)
        values = [held.written_ms, held.expires_ms, own, *caps, held.data, held.token, new.address]
        values += ["" if new.user_id is None else new.user_id, new.form.value, _LATER_MS]
        refused = _asked(lambda: _script(_CREATE)(keys=keys, args=values))
        if refused:
            cap, wait = refused[0].decode(), refused[1] / 1000
            raise full(cap, wait if wait > 0 else FULL)

    def find(self, session_id: str, now_ms: int) -> Held | None:
        """As `Store`."""
        key = _session(session_id)
        found = _asked(lambda: _redis().hmget(key, "data", "token", "written", "expires"))
        if found[3] is None or int(found[3]) <= now_ms:
            return None
        return _held(found)

    def write(self, session_id: str, *, seen: str, data: bytes, token: str, now_ms: int) -> Written | None:
        """As `Store`."""
        arguments = [now_ms, seen, data, token]
        found = _asked(lambda: _script(_WRITE)(keys=[_session(session_id)], args=arguments))
        return Written(bool(found[0]), _held(found[1:5]), found[5].decode()) if found else None

    def delete(self, session_id: str, now_ms: int) -> bool:
        """As `Store`."""
        return bool(_asked(lambda: _script(_DELETE)(keys=[_session(session_id)], args=[now_ms])))

    def counts(self, now_ms: int) -> dict[Form, int]:
        """As `Store`."""
        numbers = _asked(lambda: [_redis().zcount(_list(form), f"({now_ms}", "+inf") for form in _FORMS])
        return {form: number for form, number in zip(_FORMS, numbers, strict=True) if number}

    def listed(self, now_ms: int, *, most: int) -> list[Listed]:
        """As `Store`."""
        fields = ("form", "address", "user", "created", "expires", "writes")

        def look() -> list[list[Any]]:
            keys = [key for form in _FORMS for key in _redis().zrange(_list(form), 0, most - 1, desc=True)]
            with _redis().pipeline(transaction=False) as asked:
                for key in keys:
                    asked.hmget(key, *fields)
                    asked.hstrlen(key, "data")
                answers = asked.execute()
            return [[*answers[place], answers[place + 1]] for place in range(0, len(answers), 2)]

        rows = [_listed(row) for row in _asked(look) if row[4] is not None and int(row[4]) > now_ms]
        return sorted(rows, key=lambda row: -row.expires_ms)[:most]


def _listed(row: list[Any]) -> Listed:
    form, address, user, created, expires, writes, size = row
    return Listed(
        form=Form(form.decode()),
        store=RedisStore.letter,
        address=address.decode(),
        user_id=int(user) if user else None,
        created_ms=int(created),
        expires_ms=int(expires),
        writes=int(writes),
        size=size,
    )


def _held(found: list[Any]) -> Held:
    data, token, written, expires = found
    return Held(data, token.decode(), int(written), int(expires))


def _asked(call: Callable[[], Any]) -> Any:
    """What Redis answers; UNAVAILABLE when it does not, and at once while it is known to be away."""
    global _resumes_at
    if time.monotonic() < _resumes_at:
        raise Refusal(Reason.UNAVAILABLE, retry_after=_PAUSE, detail="redis")
    try:
        return call()
    except redis.RedisError as error:
        _resumes_at = time.monotonic() + _PAUSE
        _log.warning("redis does not answer: %s", type(error).__name__)
        raise Refusal(Reason.UNAVAILABLE, retry_after=_PAUSE, detail="redis") from None


def _session(session_id: str) -> str:
    return _key(form_of(session_id).value, session_id)


def _list(form: Form) -> str:
    return _key("live", form.value)


def _key(kind: str, name: str) -> str:
    hashed = hashlib.blake2b(name.encode(), digest_size=20, key=_derived(str(settings.SECRET_KEY))).hexdigest()
    return f"{_NAMESPACE}:{kind}:{hashed}"


@cache
def _derived(key: str) -> bytes:
    return hashlib.sha256(b"latchkey rendezvous" + key.encode()).digest()


@cache
def _redis() -> Any:
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=0.5, socket_connect_timeout=0.5)


@cache
def _script(text: str) -> Any:
    return _redis().register_script(text)

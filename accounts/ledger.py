"""The one challenge store: open, answer, consume, expire (R15–R18).

A challenge is a secret good for one thing, once, for one subject, for a while. Its text is stored as a digest, a short
code as an HMAC. It dies by one conditional UPDATE: of any number of simultaneous uses exactly one wins, on both
databases and across processes. Wrong answers are counted before comparing, in a transaction of their own.
"""

import hmac
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet

from accounts import clock, inserts, sealing
from accounts.errors import Reason, Refusal
from accounts.models import Challenge, User
from accounts.tokens import digest

AUTHORIZATION_CODE, DEVICE_GRANT = "authorization-code", "device-grant"
GRANTS = (AUTHORIZATION_CODE, DEVICE_GRANT)  # purposes: what a person granted to a program (matrix-oauth.md §4)


def open(  # noqa: A001  # the verb of the house; the builtin is not used here
    secret: str,
    *,
    flow: str,
    purpose: str,
    lifetime: float,
    binding: str = "",
    user: User | None = None,
    facts: dict[str, Any] | None = None,
    code: str = "",
    tries: int = 0,
    ip: str = "",
) -> Challenge:
    """Stores a challenge for `lifetime` seconds. `code` is a short secret with `tries` wrong answers allowed."""
    stored, moment = digest(secret), clock.now()
    challenge = Challenge(
        flow=flow,
        purpose=purpose,
        digest=stored,
        binding=binding,
        user=user,
        facts=facts or {},
        code_mac=next(_macs(stored, code))[1] if code else None,
        key_version=sealing.key_version(str(settings.SECRET_KEY)) if code else "",
        tries_left=tries,
        ip=ip or None,
        created_at=moment,
        expires_at=clock.after(lifetime, moment),
    )
    if not inserts.insert(challenge):
        raise Refusal(Reason.CHALLENGE_INVALID, detail="the challenge exists already")
    return challenge


def find(secret: str, *, flow: str, purpose: str, binding: str = "") -> Challenge:
    """The live challenge, or CHALLENGE_INVALID: unknown, expired, used, issued to somebody else."""
    live = _live().filter(digest=digest(secret), flow=flow, purpose=purpose, binding=binding)
    challenge = live.select_related("user").first()
    if challenge is None:
        raise Refusal(Reason.CHALLENGE_INVALID)
    return challenge


def hold(secret: str, *, flow: str, purpose: str, used_within: float = 0.0) -> Challenge:
    """The live challenge with its row locked until the caller's transaction ends; CHALLENGE_INVALID otherwise.

    One that was used at most `used_within` seconds ago is found too: its `used_at` tells.
    """
    fresh = Q(used_at=None) | Q(used_at__gt=clock.after(-used_within)) if used_within else Q(used_at=None)
    rows = Challenge.objects.select_for_update(of=("self",)).filter(fresh, expires_at__gt=clock.now())
    challenge = rows.filter(digest=digest(secret), flow=flow, purpose=purpose).first()
    if challenge is None:
        raise Refusal(Reason.CHALLENGE_INVALID)
    return challenge


def note(challenge: Challenge, *, facts: dict[str, Any], lifetime: float) -> None:
    """Keeps what is known of a challenge that is answered in steps, and lets it live on; for a held row."""
    challenge.facts, challenge.expires_at = facts, clock.after(lifetime)
    challenge.save(update_fields=["facts", "expires_at"])


def answer(challenge: Challenge, code: str) -> bool:
    """Whether the short code is right. A try is used up before comparing and stays used, whatever follows.

    CHALLENGE_INVALID when no try is left. Must not run inside a transaction of the caller's (R17).
    """
    with transaction.atomic(durable=True):
        if not _live().filter(pk=challenge.pk, tries_left__gt=0).update(tries_left=F("tries_left") - 1):
            raise Refusal(Reason.CHALLENGE_INVALID, detail="no tries left")
    expected = bytes(challenge.code_mac or b"")
    macs = [mac for version, mac in _macs(bytes(challenge.digest), code) if version == challenge.key_version]
    if not macs or not hmac.compare_digest(macs[0], expected):
        return False
    _live().filter(pk=challenge.pk).update(answered_at=clock.now())
    return True


def decide(challenge: Challenge, *, user: User, facts: dict[str, Any]) -> None:
    """Answers a question that a person decides: one decision counts, every other gets CHALLENGE_INVALID.

    Nobody else writes these columns of a row that waits, so no decision is lost to a look at the same moment.
    """
    waiting = _live().filter(pk=challenge.pk, answered_at=None)
    if not waiting.update(answered_at=clock.now(), user=user, facts=facts):
        raise Refusal(Reason.CHALLENGE_INVALID, detail="decided or expired meanwhile")


def consume(challenge: Challenge, *, answered: bool = False) -> None:
    """Uses the challenge up: one caller wins, every other gets CHALLENGE_INVALID.

    Call it inside the transaction that issues what the challenge was for. With `answered` its code must have been
    answered rightly.
    """
    live = _live().filter(pk=challenge.pk)
    if answered:
        live = live.exclude(answered_at=None)
    if not live.update(used_at=clock.now()):
        raise Refusal(Reason.CHALLENGE_INVALID, detail="used meanwhile")


def consume_stateless(secret: str, *, flow: str, purpose: str, lifetime: float, binding: str = "") -> None:
    """Uses up a secret that was not stored when issued, by one unique INSERT; CHALLENGE_INVALID if it was used.

    `lifetime` is what the secret has left to live: so long must the row stay.
    """
    moment = clock.now()
    used = Challenge(
        flow=flow,
        purpose=purpose,
        digest=digest(secret),
        binding=binding,
        created_at=moment,
        used_at=moment,
        expires_at=clock.after(lifetime, moment),
    )
    if not inserts.insert(used):
        raise Refusal(Reason.CHALLENGE_INVALID, detail="used before")


def expire(challenges: QuerySet[Challenge]) -> int:
    """Cancels challenges that are not used yet; answers how many."""
    return challenges.filter(used_at=None).update(expires_at=clock.now())


def purge(*, batch: int = 1000) -> int:
    """Deletes one batch of challenges that expired `CHALLENGE_RETENTION` seconds ago; answers how many."""
    past = clock.after(-settings.CHALLENGE_RETENTION)
    ids = list(Challenge.objects.filter(expires_at__lt=past).values_list("pk", flat=True)[:batch])
    Challenge.objects.filter(pk__in=ids).delete()
    return len(ids)


def _live() -> QuerySet[Challenge]:
    return Challenge.objects.filter(Q(used_at=None), expires_at__gt=clock.now())


def _macs(stored: bytes, code: str) -> Iterator[tuple[str, bytes]]:
    """HMACs of the code under the current key and the ones before, with the version of each key (R9, R31)."""
    for key in map(str, (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)):
        derived = hmac.digest(key.encode(), b"latchkey ledger code", "sha256")
        yield sealing.key_version(key), hmac.digest(derived, stored + code.encode("utf-8", "surrogatepass"), "sha256")

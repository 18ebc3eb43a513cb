"""Recovery codes: ten, each good once, kept as HMACs (R9, R15, R31, R47).

django-allauth keeps a seed from which it can show the codes again; here nobody can, so they are shown once. They have
no end, so a key that `rotatekeys` retires is kept for them alone, sealed, while codes of its time are unused.
"""

import contextlib
import hmac
import secrets
from collections.abc import Iterator

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from accounts import audit, clock, sealing
from accounts.errors import Reason, Refusal
from accounts.models import KeptKey, RecoveryCode, User

COUNT = 10
LABEL = "kept key"
_PURPOSE = "recovery code"
_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"  # without what looks alike
_LENGTH = 12  # 59 bits


def renew(user: User) -> list[str]:
    """Ten new codes, to be shown once; the ones before are worth nothing any more."""
    codes = ["".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH)) for _ in range(COUNT)]
    with transaction.atomic():
        User.objects.select_for_update(no_key=True).filter(pk=user.pk).first()  # renewed twice at once: ten stay
        RecoveryCode.objects.filter(user=user).delete()
        version = sealing.key_version(str(settings.SECRET_KEY))
        made = [RecoveryCode(user=user, mac=_macs(user, code)[0], key_version=version) for code in codes]
        RecoveryCode.objects.bulk_create(made)
        audit.record_or_fail("recovery-codes-renewed", actor=user, subject=user.username)
    return ["-".join(code[at : at + 4] for at in range(0, _LENGTH, 4)) for code in codes]


def left(user: User) -> int:
    """How many are unused."""
    return RecoveryCode.objects.filter(user=user, used_at=None).count()


def is_good(user: User, code: str) -> bool:
    """Whether it is one of the unused ones."""
    return RecoveryCode.objects.filter(user=user, used_at=None, mac__in=_macs(user, code)).exists()


def use(user: User, code: str) -> None:
    """Uses it up: one caller wins, every other gets CHALLENGE_INVALID."""
    unused = RecoveryCode.objects.filter(user=user, used_at=None, mac__in=_macs(user, code))
    if not unused.update(used_at=clock.now()):
        raise Refusal(Reason.CHALLENGE_INVALID, field="code")
    facts = {"left": left(user)}
    audit.record("recovery-code-used", actor=user, subject=user.username, facts=facts)


def remove(user: User) -> None:
    """Takes them all away, within a verb that audits it."""
    RecoveryCode.objects.filter(user=user).delete()


def keep_keys() -> None:
    """Keeps the keys of unused codes whose SECRET_KEY signs no more. Called when keys are rotated."""
    for secret in map(str, settings.SECRET_KEY_FALLBACKS):
        version = sealing.key_version(secret)
        if _unused(version).exists():
            sealed = sealing.seal(_derived(secret).hex(), label=LABEL)
            KeptKey.objects.get_or_create(purpose=_PURPOSE, version=version, defaults={"sealed": sealed})


def purge(*, batch: int = 1000) -> int:
    """Deletes kept keys with no unused code left; answers how many."""
    kept = KeptKey.objects.filter(purpose=_PURPOSE)[:batch]
    ids = [key.pk for key in kept if not _unused(key.version).exists()]
    KeptKey.objects.filter(pk__in=ids).delete()
    return len(ids)


def _unused(version: str) -> QuerySet[RecoveryCode]:
    """Codes that nobody used and that may be of this key: of those from before versions were noted nobody knows."""
    return RecoveryCode.objects.filter(used_at=None, key_version__in=[version, ""])


def _macs(user: User, code: str) -> list[bytes]:
    """Under the current key, then under those before (R31)."""
    spelling = "".join(char for char in code.lower() if char.isalnum())
    text = f"{user.pk} {spelling}".encode("utf-8", "surrogatepass")
    return [hmac.digest(key, text, "sha256") for key in dict.fromkeys(_keys())]


def _keys() -> Iterator[bytes]:
    yield from map(_derived, map(str, (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)))
    for sealed in KeptKey.objects.filter(purpose=_PURPOSE).order_by("-pk").values_list("sealed", flat=True):
        with contextlib.suppress(sealing.InvalidToken):  # of a SECRET_KEY that was lost: its codes are too
            yield bytes.fromhex(sealing.unseal(sealed, label=LABEL))


def _derived(secret_key: str) -> bytes:
    return hmac.digest(secret_key.encode(), b"latchkey recovery code", "sha256")

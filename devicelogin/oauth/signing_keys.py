"""Keys of ID tokens: RSA, sealed at rest, shared by all processes, rotated by hand (R28, R31).

The newest key signs. A retired one stays published until the last ID token it signed has expired, and an hour longer
for those who look at a copy.
"""

import logging
import secrets
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Max, Q
from joserfc.jwk import RSAKey

from accounts import audit, clock, inserts, sealed_rows, sealing
from devicelogin.oauth.models import SigningKey

_log = logging.getLogger("latchkey.oauth")
_LABEL = "oauth signing key"
_BITS = 2048
_COPIES = 3600.0  # seconds
SEALED = sealed_rows.Kind("signing keys", _LABEL, SigningKey.objects.all, "sealed")


def current() -> tuple[str, RSAKey]:
    """The id of the key that signs, and the key; made when there is none, or none that can be read."""
    row = SigningKey.objects.filter(retired_at=None).order_by("-number").first()
    if row is not None:
        try:
            return row.kid, _opened(row.sealed, str(settings.SECRET_KEY), tuple(settings.SECRET_KEY_FALLBACKS))
        except sealing.InvalidToken:
            _log.error("the signing key %s was sealed under another SECRET_KEY: making a new one", row.kid)
    rotate(reason="unreadable" if row else "first", expected=row.number if row else 0)
    return current()


def rotate(*, reason: str = "asked for", expected: int | None = None, actor: audit.Actor = None) -> bool:
    """Makes the next key. With `expected` only if that is still the number of the newest: of many, one process does."""
    newest = SigningKey.objects.aggregate(newest=Max("number"))["newest"] or 0
    if expected is not None and newest != expected:
        return False
    key = RSAKey.generate_key(_BITS, private=True)  # a tenth of a second and more: outside the transaction
    kid, moment = secrets.token_hex(8), clock.now()
    public = {**key.as_dict(private=False), "kid": kid, "use": "sig", "alg": "RS256"}
    sealed = sealing.seal(key.as_pem(private=True).decode(), label=_LABEL)
    with transaction.atomic():
        row = SigningKey(kid=kid, number=newest + 1, sealed=sealed, public=public, created_at=moment)
        if not inserts.insert(row):
            return False
        SigningKey.objects.filter(number__lt=row.number, retired_at=None).update(retired_at=moment)
        audit.record_or_fail("signing-key-made", actor=actor or "server", subject=kid, facts={"reason": reason})
    return True


def published() -> dict[str, Any]:
    """The key set (RFC 7517): every key whose tokens may still be about."""
    current()
    since = clock.after(-settings.OAUTH_ID_TOKEN_LIFETIME - _COPIES)
    rows = SigningKey.objects.filter(Q(retired_at=None) | Q(retired_at__gt=since)).order_by("-number")
    return {"keys": [row.public for row in rows]}


def purge(batch: int) -> int:
    """Deletes keys that nobody needs any more."""
    gone = clock.after(-settings.OAUTH_ID_TOKEN_LIFETIME - 2 * _COPIES)
    ids = list(SigningKey.objects.filter(retired_at__lt=gone).values_list("pk", flat=True)[:batch])
    SigningKey.objects.filter(pk__in=ids).delete()
    return len(ids)


@lru_cache(maxsize=4)
def _opened(sealed: str, _secret_key: str, _fallbacks: tuple[str, ...]) -> RSAKey:
    """Opening and checking a key takes longer than signing with it."""
    return RSAKey.import_key(sealing.unseal(sealed, label=_LABEL))

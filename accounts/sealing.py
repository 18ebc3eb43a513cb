"""Texts that must be read again are kept encrypted under a key made from SECRET_KEY (R7, R31).

What only has to be recognised is kept as a digest instead. Each purpose has a label, so that no text passes as another.
"""

import base64
import contextlib
import hashlib
from functools import cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

__all__ = ["InvalidToken", "key_version", "resealed", "seal", "unseal"]


def seal(text: str, *, label: str) -> str:
    """The text encrypted, as ASCII."""
    return _keys(label).encrypt(text.encode()).decode("ascii")


def unseal(sealed: str, *, label: str) -> str:
    """Undoes `seal`, also under SECRET_KEY_FALLBACKS; InvalidToken when none of the keys sealed it."""
    return _keys(label).decrypt(sealed.encode("ascii", "replace")).decode()


def resealed(sealed: str, *, label: str) -> str | None:
    """The same text sealed under the current key; None when it is already. InvalidToken when no key opens it."""
    current, data = _key(str(settings.SECRET_KEY), label), sealed.encode("ascii", "replace")
    with contextlib.suppress(InvalidToken):
        current.decrypt(data)
        return None
    return _keys(label).rotate(data).decode("ascii")


def key_version(secret_key: str) -> str:
    """The name of a SECRET_KEY: kept beside what was made with it, so that the right one is asked (R31)."""
    return hashlib.sha256(b"latchkey key version" + secret_key.encode()).hexdigest()[:16]


def _keys(label: str) -> MultiFernet:
    return MultiFernet([_key(str(secret), label) for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)])


@cache
def _key(secret: str, label: str) -> Fernet:
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=f"latchkey {label}".encode()).derive(secret.encode())
    return Fernet(base64.urlsafe_b64encode(derived))

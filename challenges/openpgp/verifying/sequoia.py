"""The first maker: Sequoia in this process (pysequoia). Its policy is not adjustable from Python.

It judges keys at the moment of the signature, so revocation and expiry until now are asked separately.
"""

from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from typing import TypeVar

import pysequoia

from challenges.openpgp.verifying.makers import Verdict
from challenges.openpgp.verifying.transferable import Transferable, with_primary_end
from challenges.openpgp.verifying.verdicts import KeyRefused, NotSigned

Result = TypeVar("Result")
_NOT_IN_ORDER = (
    "This key is not in order: what binds its parts is missing, damaged or made with a method that is no longer safe."
)


class _Failed(Exception):
    """Sequoia said no. Its own words can hold what was uploaded, so they are dropped."""


def confirmed(certificate: Transferable, *, now: datetime) -> Transferable:
    """The certificate with Sequoia's view of its end; KeyRefused where its policy takes nothing of it."""
    try:
        cert = _read(certificate.binary)
        same = cert.fingerprint == certificate.primary.key.fingerprint
        revoked, end = _asked(lambda: cert.is_revoked), _asked(lambda: cert.expiration)
    except _Failed:
        raise KeyRefused(_NOT_IN_ORDER) from None
    if not same:
        raise KeyRefused(_NOT_IN_ORDER)
    if revoked:
        raise KeyRefused("This key has been revoked.")
    return with_primary_end(certificate, end)


def with_end(certificate: Transferable) -> Transferable:
    """The certificate with Sequoia's view of its end, where it has one."""
    try:
        cert = _read(certificate.binary)
        return with_primary_end(certificate, _asked(lambda: cert.expiration))
    except _Failed:
        return certificate


def verify(message: bytes, certificate: Transferable, *, now: datetime) -> Verdict:
    """Sequoia's verdict. The time of the signature is not told; the message holds one signature, which states it."""
    try:
        cert = _cert(certificate.binary)
        if _asked(lambda: cert.is_revoked):
            raise NotSigned("revoked")
        result = _asked(lambda: pysequoia.verify(bytes=message, store=lambda _ids: [cert]))
    except _Failed:
        raise NotSigned("sequoia") from None
    good = result.valid_sigs
    if len(good) != 1 or good[0].certificate != certificate.primary.key.fingerprint or result.bytes is None:
        raise NotSigned("not one signature of this key")
    return Verdict(text=result.bytes, signer=good[0].signing_key, created_at=None)


@lru_cache(maxsize=128)  # uploads do not come by here, so they drive nobody out
def _cert(binary: bytes) -> pysequoia.Cert:
    return _read(binary)


def _read(binary: bytes) -> pysequoia.Cert:
    return _asked(lambda: pysequoia.Cert.from_bytes(binary))


def _asked(question: Callable[[], Result]) -> Result:
    """Sequoia's answer. A panic in Rust arrives as a BaseException of a class that cannot be imported."""
    try:
        return question()
    except (KeyboardInterrupt, SystemExit, MemoryError):
        raise
    except BaseException:
        raise _Failed from None

"""Verifying a cleartext signature against one certificate (laverna.md §4.1; security.md R32, R33)."""

import logging
from datetime import datetime

from challenges.openpgp.verifying import certificates, cleartext, gpg, sequoia
from challenges.openpgp.verifying.makers import Maker
from challenges.openpgp.verifying.signatures import Signature
from challenges.openpgp.verifying.transferable import Transferable
from challenges.openpgp.verifying.verdicts import KeyRefused, NotSigned, Signed

log = logging.getLogger(__name__)


def verify(signed: str, armored: str, *, fingerprint: str, now: datetime) -> Signed:
    """The text that the owner of the certificate `armored` signed, with the time of the signature.

    `fingerprint` is the stored one of the primary key, in any case of hex. NotSigned unless the message is exactly one
    cleartext block with one good signature by a key that is alive now, made no later than 300 seconds from now; the
    caller compares the beginning of its own window. OVERLOADED where the key is for gpg and too many wait for it.
    """
    message = cleartext.read(signed)
    try:
        certificate = certificates.known(armored)
    except KeyRefused:
        raise NotSigned("certificate") from None
    if certificate.primary.key.fingerprint != fingerprint.lower():
        raise NotSigned("another key")
    check_times(message.signature, now)
    maker = _maker_for(message.signature, certificate)
    return judged(maker, message, certificate, now=now)


def judged(maker: Maker, message: cleartext.Message, certificate: Transferable, *, now: datetime) -> Signed:
    """What a maker says of the message, held against what the certificate and the signature state themselves."""
    verdict = maker.verify(message.rewritten, certificate, now=now)
    signer = certificate.named(frozenset({verdict.signer}))
    if signer is None or signer not in certificate.signing(now):
        raise NotSigned("a key that may not sign now")
    if verdict.created_at not in {None, message.signature.created_at}:
        raise NotSigned("another time")
    try:
        return Signed(verdict.text.decode().replace("\r\n", "\n"), message.signature.created_at)
    except UnicodeDecodeError:
        raise NotSigned("no UTF-8") from None


def check_times(signature: Signature, now: datetime) -> None:
    """NotSigned for a signature from the future or one whose own time is over."""
    if signature.created_at > now + certificates.AHEAD:
        raise NotSigned("from the future")
    if signature.has_ended(now):
        raise NotSigned("expired")


def _maker_for(signature: Signature, certificate: Transferable) -> Maker:
    """pysequoia wherever it can judge the key that signed and the primary key: nobody is asked twice."""
    signer = certificate.named(signature.issuers)
    if certificate.primary.key.is_for_gpg or (signer is not None and signer.key.is_for_gpg):
        return gpg
    return sequoia

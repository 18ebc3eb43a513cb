"""Reading an uploaded certificate: what it is, or why it cannot be used here (laverna.md §2; security.md R34)."""

import re
from datetime import datetime, timedelta
from functools import lru_cache

from challenges.openpgp.verifying import armor, gpg, sequoia, transferable
from challenges.openpgp.verifying.armor import BadArmor
from challenges.openpgp.verifying.keys import LEAST_RSA_BITS, MOST_RSA_BITS, Key
from challenges.openpgp.verifying.makers import Maker
from challenges.openpgp.verifying.packets import BadPacket
from challenges.openpgp.verifying.transferable import Bound, Transferable
from challenges.openpgp.verifying.verdicts import Certificate, KeyRefused

KIND = "PUBLIC KEY BLOCK"
MOST_BYTES = 65_536
MOST_CHARACTERS_FOR_GPG = 14_000  # the app signs its key on one line, and gpg refuses lines of 20 000 characters
AHEAD = timedelta(seconds=300)  # clocks differ; openpgp.js 2 rounds to the next second
_BETWEEN = re.compile(r"[\s<>()\[\],;:\"\ufffd]+")
_PRIVATE = "This is a private key. Never give it away. Upload the public key only."


def read_certificate(armored: str, *, now: datetime, usable: bool = True) -> Certificate:
    """What an uploaded public key block is; KeyRefused with words for its owner where it cannot sign anybody in.

    OVERLOADED where gpg has to look at the key and too many wait for gpg. With `usable=False` a key that is revoked,
    expired or without a signing key is read too, for an owner who publishes a revocation and for users brought in from
    another server: look at `revoked` and `expires_at`. What makes no certificate at all is refused either way.
    """
    parsed = _parse(armored)
    if parsed.primary.key.created_at > now + AHEAD:
        raise KeyRefused("This key says it was made in the future. Check the clock of your device.")
    if usable:
        parsed = _usable(parsed, len(armored), now)
    elif _maker_of(parsed, now) is sequoia:
        parsed = sequoia.with_end(parsed)
    return _certificate(parsed, armored)


def minimal(armored: str) -> str:
    """The certificate without what others signed, without photos and comments; KeyRefused where it is none."""
    return armor.encode(_parse(armored).binary, KIND)


@lru_cache(maxsize=128)  # a user's key is read once and then asked many times; 64 KiB each at most
def known(armored: str) -> Transferable:
    """A stored certificate; KeyRefused where it is none. No judgement about now."""
    return _parse(armored)


def _parse(armored: str) -> Transferable:
    try:
        if len(armored.encode()) > MOST_BYTES:
            raise KeyRefused("This key is too large: 64 KiB at most. Export it without other people's signatures.")
        if "-----BEGIN PGP PRIVATE KEY BLOCK" in armored:
            raise KeyRefused(_PRIVATE)
        return transferable.parse(armor.decode(armored, KIND))
    except transferable.HasSecret:
        raise KeyRefused(_PRIVATE) from None
    except transferable.TooManyKeys:
        raise KeyRefused("There is more than one key in this text. Upload one public key.") from None
    except transferable.TooManyParts:
        most = transferable.MOST_PARTS
        raise KeyRefused(f"This key has too many names or subkeys: {most} of each at most.") from None
    except (BadArmor, BadPacket, UnicodeEncodeError):
        raise KeyRefused("This is not a readable OpenPGP public key.") from None


def _usable(parsed: Transferable, characters: int, now: datetime) -> Transferable:
    """The certificate where it can sign somebody in now, in our own view and in that of the maker who will judge it."""
    _refuse_ended(parsed.primary, now)
    if not parsed.signing(now):
        raise KeyRefused(_why_not(parsed, now))
    maker = _maker_of(parsed, now)
    if maker is gpg:
        _refuse_for_gpg(parsed, characters)
    if not now < parsed.newest <= now + AHEAD:  # a key of this very second is none yet for the makers
        parsed = maker.confirmed(parsed, now=now)
        _refuse_ended(parsed.primary, now)
    return parsed


def _refuse_ended(primary: Bound, now: datetime) -> None:
    if primary.revoked:
        raise KeyRefused("This key has been revoked.")
    if not primary.is_live(now):
        raise KeyRefused("This key has expired.")


def _why_not(parsed: Transferable, now: datetime) -> str:
    weak = [bound.key for bound in parsed.keys if bound.key.is_rsa and not bound.key.signs]
    if weak:
        bits = weak[0].bits
        return f"RSA keys need {LEAST_RSA_BITS} to {MOST_RSA_BITS} bits here; this one has {bits}. Make a new key."
    if not any(bound.key.signs for bound in parsed.keys):
        return "This kind of key cannot be used here. Use RSA with 2048 bits or more, Ed25519 or a NIST curve."
    if any(bound.may_sign and bound.key.signs and not bound.is_live(now) for bound in parsed.subkeys):
        return "The part of this key that signs has expired or has been revoked."
    if not all(bound.sound for bound in parsed.keys):
        return "The parts of this key are bound with a method that is no longer safe. Renew it with a current program."
    return "This key cannot sign. Upload a key with a part that signs."


def _maker_of(parsed: Transferable, now: datetime) -> Maker:
    """Who judges the certificate: pysequoia wherever it can."""
    signing = parsed.signing(now)
    if parsed.primary.key.is_for_gpg or (signing and all(bound.key.is_for_gpg for bound in signing)):
        return gpg
    return sequoia


def _refuse_for_gpg(parsed: Transferable, characters: int) -> None:
    key: Key = next(bound.key for bound in parsed.keys if bound.key.is_for_gpg)
    if not gpg.is_here():
        raise KeyRefused(
            f"This server takes RSA keys of 2048 to 4096 bits only; this one has {key.bits}. "
            "Make a new key and try again: half of the keys that old programs make are large enough."
        )
    if characters > MOST_CHARACTERS_FOR_GPG:
        raise KeyRefused(
            f"RSA keys of {key.bits} bits may have {MOST_CHARACTERS_FOR_GPG} characters at most here. "
            "Export the key without photos and other people's signatures."
        )


def _certificate(parsed: Transferable, armored: str) -> Certificate:
    primary = parsed.primary
    words = [word for user_id in parsed.user_ids for word in _BETWEEN.split(user_id)]
    addresses = [word.lower() for word in words if word.count("@") == 1 and word.strip("@") == word]
    return Certificate(
        fingerprint=primary.key.fingerprint,
        algorithm=primary.key.algorithm,
        bits=primary.key.bits,
        created_at=primary.key.created_at,
        expires_at=primary.expires_at,
        user_ids=parsed.user_ids,
        emails=tuple(dict.fromkeys(addresses)),
        armored=armored,
        revoked=primary.revoked,
    )

"""What comes out: a certificate that was read, a text that was signed, and the two ways to say no."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Certificate:
    """A public key block as its owner uploaded it.

    `fingerprint` is that of the primary key: 40 (v4) or 64 (v6) lower-case hex digits, computed here. `algorithm` and
    `bits` (RSA and DSA only) are the primary key's. The moments are aware. `emails` are the lower-case addresses found
    in `user_ids`, which nobody but the owner vouches for. `armored` is the text as given.
    """

    fingerprint: str
    algorithm: str
    bits: int | None
    created_at: datetime
    expires_at: datetime | None
    user_ids: tuple[str, ...]
    emails: tuple[str, ...]
    armored: str
    revoked: bool = False


@dataclass(frozen=True, slots=True)
class Signed:
    """A text as the verifier put it out, and when the signature over it says it was made.

    Lines end with a line feed and have no white space at their end, as they were signed (RFC 9580 §7.2).
    """

    text: str
    created_at: datetime


class KeyRefused(Exception):
    """An uploaded key cannot be used; `words` is a sentence for the person who uploaded it."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


class NotSigned(Exception):
    """No good signature. The reason is for logs and tests and holds nothing that came from outside."""

"""What both verifiers take and give, so that one table of tests runs both. Pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from challenges.openpgp.verifying.transferable import Transferable


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a verifier says of a good signature: the text it saw, the fingerprint of the key that signed, and when.

    `created_at` is None where the verifier does not tell the time of the signature that it verified.
    """

    text: bytes
    signer: str
    created_at: datetime | None


class Maker(Protocol):
    """A verifier."""

    def confirmed(self, certificate: Transferable, *, now: datetime) -> Transferable:
        """The certificate, with the maker's view of its end; KeyRefused where it cannot sign anybody in."""

    def verify(self, message: bytes, certificate: Transferable, *, now: datetime) -> Verdict:
        """The verdict on a cleartext message; NotSigned unless exactly one signature by the certificate is good."""

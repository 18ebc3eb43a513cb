"""Reading uploaded OpenPGP certificates and verifying cleartext signatures (laverna.md §2, §4.1; R32-R34, R36).

A library inside the flow. `read_certificate` says what an uploaded key is or why it cannot be used; `verify` gives the
text that the owner of a certificate signed. Two makers stand behind both: pysequoia in this process, and gpg for the
RSA keys that pysequoia refuses. Synchronous and slow: never on the event loop, never inside a transaction.
"""

from challenges.openpgp.verifying.certificates import minimal, read_certificate
from challenges.openpgp.verifying.signed_texts import verify
from challenges.openpgp.verifying.verdicts import Certificate, KeyRefused, NotSigned, Signed

__all__ = ["Certificate", "KeyRefused", "NotSigned", "Signed", "minimal", "read_certificate", "verify"]

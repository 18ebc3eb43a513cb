"""The password hashes: Argon2id with 19 MiB, t=2, p=1 (R5; architecture.md §5), and Synapse's bcrypt, to read only."""

import hmac
import re
from typing import Any

import bcrypt
from django.conf import settings
from django.contrib.auth.hashers import Argon2PasswordHasher, BasePasswordHasher, mask_hash

_BCRYPT = re.compile(r"(\$2[abxy]\$(\d\d)\$)[./A-Za-z0-9]{53}")
_BCRYPT_BYTES = 72  # what bcrypt reads of a password
_MOST_ROUNDS = 15  # two seconds; a stored hash of 31 would keep a thread for days


class Argon2id(Argon2PasswordHasher):
    """Django's Argon2 hasher with the parameters of R5; older parameters verify and are rehashed."""

    time_cost = 2
    memory_cost = 19_456  # KiB
    parallelism = 1


class SynapseBcrypt(BasePasswordHasher):
    """bcrypt over the password and Synapse's pepper, stored as `synapse_bcrypt$` and Synapse's own text.

    Such hashes come from `import_synapse` only and are hashed anew at the first right password. What is no such hash
    verifies as False.
    """

    algorithm = "synapse_bcrypt"
    library = "bcrypt"

    @classmethod
    def stored(cls, original: str) -> str:
        """How a hash of Synapse's table is kept here; "" when it is none that `verify` could answer for."""
        match = _BCRYPT.fullmatch(original)
        return f"{cls.algorithm}${original}" if match and 4 <= int(match[2]) <= _MOST_ROUNDS else ""

    def encode(self, password: str, salt: str) -> str:
        """The hash under `salt`, which is bcrypt's own text of kind, rounds and salt."""
        secret = (password + settings.SYNAPSE_PEPPER).encode()[:_BCRYPT_BYTES]
        return f"{self.algorithm}${bcrypt.hashpw(secret, salt.encode()).decode()}"

    def salt(self) -> str:
        """A new salt with Synapse's own twelve rounds."""
        return bcrypt.gensalt().decode()

    def verify(self, password: str, encoded: str) -> bool:
        """Whether the password is the one; False for what is no hash."""
        original = encoded.removeprefix(f"{self.algorithm}$")
        if not self.stored(original):
            return False
        try:
            return hmac.compare_digest(self.encode(password, original[:29]), encoded)
        except ValueError:  # a salt that bcrypt could not have written
            return False

    def decode(self, encoded: str) -> dict[str, Any]:
        """The parts that Django's tools ask for."""
        _, _, kind, rounds, rest = encoded.split("$", 4)
        return {
            "algorithm": self.algorithm,
            "kind": kind,
            "work_factor": int(rounds),
            "salt": rest[:22],
            "hash": rest[22:],
        }

    def safe_summary(self, encoded: str) -> dict[Any, Any]:
        """What the administration shows of a hash."""
        parts = self.decode(encoded)
        shown = {"algorithm": self.algorithm, "work factor": parts["work_factor"]}
        return {**shown, "salt": mask_hash(parts["salt"]), "checksum": mask_hash(parts["hash"])}

    def must_update(self, encoded: str) -> bool:
        """Always: nothing is kept this way longer than until the next right password."""
        return True

    def harden_runtime(self, password: str, encoded: str) -> None:
        """Nothing: `passwords.verify` makes refusals cost the same whatever the hash."""

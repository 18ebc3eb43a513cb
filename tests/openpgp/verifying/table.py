"""Which message which maker takes, and why they differ where they do (laverna.md §4.1).

`True`: the text is given; `False`: NotSigned. The stricter maker wins wherever both can judge a key: `verify` asks gpg
only for keys that pysequoia cannot judge at all.
"""

from dataclasses import dataclass

SHORT = "pysequoia's policy takes no RSA below 2048 bits; half of all keys of openpgp.js 2 have 2047"
LARGE = "pysequoia's RSA ends at 4096 bits"
ALGORITHM_27 = "gpg 2.2 does not know algorithm 27 (RFC 9580)"
VERSION_6 = "gpg 2.2 does not know keys of version 6 (RFC 9580)"


@dataclass(frozen=True)
class Row:
    """A message, the certificate it is held against, and what each maker says. `why` is there where they differ."""

    message: str
    certificate: str
    sequoia: bool
    gpg: bool
    why: str = ""

    @property
    def name(self) -> str:
        return f"{self.message} against {self.certificate}"

    @property
    def is_for_gpg(self) -> bool:
        """Whether only gpg can judge the key."""
        return "2047" in self.certificate or "6144" in self.certificate


def _same(message: str, good: bool, certificate: str = "") -> Row:
    return Row(message, certificate or message, good, good)


def _short(message: str, good: bool, certificate: str) -> Row:
    """A row of the key of 2047 bits: pysequoia always says no."""
    return Row(message, certificate, False, good, SHORT if good else "")


ALGORITHMS = [
    _short("rsa2047", True, "rsa2047"),
    _same("rsa2048", True),
    _same("rsa2048 of 6", True),
    _same("rsa4096", True),
    Row("rsa6144", "rsa6144", False, True, LARGE),
    _same("ed25519 legacy", True),
    Row("ed25519", "ed25519", True, False, ALGORITHM_27),
    Row("ed25519 v6", "ed25519 v6", True, False, VERSION_6),
    _same("p256", True),
    Row("p256 v6", "p256 v6", True, False, VERSION_6),
    _same("p384", True),
    _same("p521", True),
    _same("subkey", True),
    Row("subkey v6", "subkey v6", True, False, VERSION_6),
    _same("ed448", False),
    _same("forged user id", True),
    _same("other", True),
    _same("rsa2048 ahead", True, "rsa2048"),
    _same("bound by sha1", False),
]

# What follows is said of both a key for gpg and one that both makers judge.
_MESSAGES = {
    "gpg": True,
    "lines": True,
    "notation": True,
    "sha512": True,
    "soon": True,
    "critical notation": False,
    "sha1": False,
    "md5": False,
    "sha224": False,
    "future": False,
    "sig expired": False,
    "not dash escaped": False,
    "inline": False,
    "detached": False,
    "and another": False,
}
_STATES = {
    "certified": True,
    "prolonged": True,
    "signing subkey": True,
    "subkey expired": True,
    "subkey revoked": True,
    "expired": False,
    "revoked": False,
    "retired": False,
}
_SUBKEY_STATES = {"signing subkey": True, "subkey expired": False, "subkey revoked": False}


def _rows(key: str) -> list[Row]:
    make = _short if key == "rsa2047" else _same
    rows = [make(f"{key} {message}", good, key) for message, good in _MESSAGES.items()]
    rows += [make(key, good, f"{key} {state}") for state, good in _STATES.items()]
    by_subkey = f"{key} signing subkey"
    return rows + [make(by_subkey, good, f"{key} {state}") for state, good in _SUBKEY_STATES.items()]


ROWS = [
    *ALGORITHMS,
    *_rows("rsa2047"),
    _short("rsa2047 ahead", True, "rsa2047"),
    *_rows("ed25519 legacy"),
    _same("ed25519 legacy signing subkey", False, "ed25519 legacy"),  # the certificate does not hold that subkey
    _same("rsa2048", False, "rsa4096"),  # somebody else's
    _same("other", True, "designated revoker"),
]

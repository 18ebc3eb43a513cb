"""The HPKE of these tests against the RFC's own numbers and against another implementation."""

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hpke as theirs
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from tests.conformance.qr import hpke

# RFC 9180, A.2.1
INFO = bytes.fromhex("4f6465206f6e2061204772656369616e2055726e")
EPHEMERAL = "f4ec9b33b792c372c1d2c2063507b684ef925b8c75a42dbcbf57d63ccd381600"
ENC = "1afa08d3dec047a643885163f1180476fa7ddb54c6a8029ea33f95796bf2ac4a"
RECEIVER = "8057991eef8f1f1af18f4a9491d16a1ce333f695d4db8e38da75975c4478e0fb"
PLAIN = bytes.fromhex("4265617574792069732074727574682c20747275746820626561757479")
SEALED = "1c5250d8034ec2b784ba2cfd69dbdb8af406cfe3ff938e131f0def8c8b60b4db21993c62ce81883d2dd1b51a28"
EXPORTED = "4bbd6243b8bb54cec311fac9df81841b6fd61f56538a775e7c80a9f40160606e"


def key(text: str) -> X25519PrivateKey:
    return X25519PrivateKey.from_private_bytes(bytes.fromhex(text))


def test_the_numbers_of_the_rfc() -> None:
    theirs_public = key(RECEIVER).public_key().public_bytes_raw()
    assert key(EPHEMERAL).public_key().public_bytes_raw().hex() == ENC
    sends = hpke.sender(theirs_public, INFO, key(EPHEMERAL))
    receives = hpke.receiver(bytes.fromhex(ENC), INFO, key(RECEIVER))
    assert sends.seal(PLAIN, b"Count-0").hex() == SEALED
    assert receives.open(bytes.fromhex(SEALED), b"Count-0") == PLAIN
    assert sends.export(b"", 32).hex() == receives.export(b"", 32).hex() == EXPORTED
    second = sends.seal(PLAIN, b"Count-1")
    with pytest.raises(InvalidTag):
        receives.open(second, b"Count-2")


def test_another_implementation_understands_it() -> None:
    suite = theirs.Suite(theirs.KEM.X25519, theirs.KDF.HKDF_SHA256, theirs.AEAD.CHACHA20_POLY1305)
    own, ephemeral = X25519PrivateKey.generate(), X25519PrivateKey.generate()
    enc = ephemeral.public_key().public_bytes_raw()
    sent = enc + hpke.sender(own.public_key().public_bytes_raw(), b"info", ephemeral).seal(b"hello", b"")
    assert suite.decrypt(sent, own, b"info") == b"hello"
    public = X25519PublicKey.from_public_bytes(own.public_key().public_bytes_raw())
    received = suite.encrypt(b"hello", public, b"info")
    assert hpke.receiver(received[:32], b"info", own).open(received[32:], b"") == b"hello"

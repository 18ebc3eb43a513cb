"""A Session client as section 5.1 of the specification describes it, written without the server's code."""

import base64
import contextlib
import http.client
import json
import secrets
from dataclasses import dataclass, field
from email.message import Message
from typing import Any

from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes


def decrypt(challenge: dict[str, str], private_key: X25519PrivateKey) -> str:
    """The token of a challenge."""
    server_key = base64.b64decode(challenge["serverPubKey64"])
    shared = private_key.exchange(X25519PublicKey.from_public_bytes(server_key[1:]))
    sealed = base64.b64decode(challenge["cipherText64"])
    decryptor = Cipher(algorithms.AES(shared), modes.CBC(sealed[:16])).decryptor()
    unpadder = padding.PKCS7(128).unpadder()
    padded = decryptor.update(sealed[16:]) + decryptor.finalize()
    return (unpadder.update(padded) + unpadder.finalize()).decode()


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and body of an answer."""

    status: int
    body: bytes
    headers: Message = field(default_factory=Message)

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(slots=True)
class Client:
    """One person's key and what their app sends. One connection a request, so that clients share nothing."""

    port: int
    private_key: X25519PrivateKey = field(
        default_factory=lambda: X25519PrivateKey.from_private_bytes(secrets.token_bytes(32))
    )

    @property
    def public_key(self) -> str:
        return "05" + self.private_key.public_key().public_bytes_raw().hex()

    def ask(self, method: str, path: str, *, token: str = "", body: Any = None) -> Answer:
        """One request; a dropped connection is the caller's OSError or HTTPException."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        content = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            content = json.dumps(body)
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)) as connection:
            connection.request(method, path, body=content, headers=headers)
            response = connection.getresponse()
            return Answer(response.status, response.read(), response.headers)

    def challenge(self) -> str:
        """A decrypted, inert token."""
        answer = self.ask("GET", f"/loki/v1/get_challenge?pubKey={self.public_key}")
        assert answer.status == 200, answer
        return self.decrypted(answer.body)

    def decrypted(self, challenge: bytes) -> str:
        """The token of the body that answers `get_challenge`."""
        return decrypt(json.loads(challenge), self.private_key)

    def submit(self, token: str) -> Answer:
        """Submits a decrypted token."""
        return self.ask("POST", "/loki/v1/submit_challenge", body={"pubKey": self.public_key, "token": token})

    def log_in(self) -> str:
        """An active token."""
        token = self.challenge()
        answer = self.submit(token)
        assert answer.status == 200, answer
        return token

    def who_am_i(self, token: str) -> Answer:
        """GET /token."""
        return self.ask("GET", "/token", token=token)

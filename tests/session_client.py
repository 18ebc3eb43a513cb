"""A Session client's side of the login, through the in-process client."""

from typing import Any

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from tests.asgi_client import Client, Response
from tests.live.session import decrypt


class SessionIdentity:
    def __init__(self, private: X25519PrivateKey | None = None) -> None:
        self.private = private or X25519PrivateKey.generate()
        self.public_key = "05" + self.private.public_key().public_bytes_raw().hex()

    def decrypt(self, challenge: dict[str, str]) -> str:
        return decrypt(challenge, self.private)

    def challenge(self, client: Client) -> Response:
        return client.get("/loki/v1/get_challenge", params={"pubKey": self.public_key})

    def answer(self, client: Client) -> str:
        """A fresh token, still inert."""
        return self.decrypt(self.challenge(client).json())

    def submit(self, client: Client, token: Any, public_key: Any = None) -> Response:
        return client.post("/loki/v1/submit_challenge", data={"pubKey": public_key or self.public_key, "token": token})

    def log_in(self, client: Client) -> str:
        """An active token."""
        token = self.answer(client)
        response = self.submit(client, token)
        assert response.status == 200, response.text
        return token

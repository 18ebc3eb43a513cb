"""People with key pairs, for the load generator: all key agreement of the clients happens here."""

import json

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from bench.wire import Connection, get, post
from tests.live.session import decrypt


class Person:
    """A new key."""

    def __init__(self) -> None:
        self.private_key = X25519PrivateKey.generate()
        self.public_key = "05" + self.private_key.public_key().public_bytes_raw().hex()

    async def challenge(self, connection: Connection) -> str:
        """A decrypted, inert token."""
        answer = await connection.ask(get(f"/loki/v1/get_challenge?pubKey={self.public_key}"))
        return decrypt(json.loads(answer), self.private_key)

    async def submit(self, connection: Connection, token: str) -> None:
        """Makes the token active."""
        body = json.dumps({"pubKey": self.public_key, "token": token}).encode()
        await connection.ask(post("/loki/v1/submit_challenge", body))

    async def log_in(self, connection: Connection) -> str:
        """An active token."""
        token = await self.challenge(connection)
        await self.submit(connection, token)
        return token

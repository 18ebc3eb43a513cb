"""`make demo`: one transcript per open door against a live server. Secrets shown here die with the server."""

import json
from typing import Any

from tests.live import running
from tests.live.session import Client


class Told:
    """Prints what a client sends and what it gets."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def ask(self, title: str, method: str, path: str, *, token: str = "", body: Any = None) -> Any:
        """One request, one answer, on paper."""
        print(f"\n# {title}\n> {method} {_short(path)}")
        if token:
            print(f"> Authorization: Bearer {token[:8]}…")
        if body is not None:
            print(f"> {_short(json.dumps(body))}")
        answer = self._client.ask(method, path, token=token, body=body)
        print(f"< {answer.status} {_short(answer.body.decode())}")
        return answer.json


def session_door() -> None:
    """A Session client logs in, is banned, and is refused."""
    with running() as installation:
        client = Client(installation.server.port)
        told = Told(client)
        print(f"== Session open group, at {installation.server.base_url}")
        print(f"the client's key: {client.public_key}")
        told.ask("a challenge for the key", "GET", f"/loki/v1/get_challenge?pubKey={client.public_key}")
        print("\n(the client decrypts a challenge with its private key: that text is the token)")
        token = client.challenge()
        body = {"pubKey": client.public_key, "token": token}
        told.ask("the token is still inert", "GET", "/token", token=token)
        told.ask("the answer makes it active", "POST", "/loki/v1/submit_challenge", body=body)
        told.ask("a second time it is worth nothing", "POST", "/loki/v1/submit_challenge", body=body)
        told.ask("who am I?", "GET", "/token", token=token)
        told.ask("call me bob", "PATCH", "/users/me", token=token, body={"name": "bob"})
        print(f"\n# the operator bans the key\n$ manage.py rules add deny pubkey {client.public_key[:12]}…")
        installation.manage("rules", "add", "deny", "pubkey", client.public_key)
        told.ask("the token is dead at once", "GET", "/token", token=token)
        told.ask("and there is no new one", "GET", f"/loki/v1/get_challenge?pubKey={client.public_key}")


def _short(text: str) -> str:
    return text if len(text) <= 160 else f"{text[:157]}…"


if __name__ == "__main__":
    session_door()

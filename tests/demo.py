"""`make demo`: one transcript per open door against a live server. Secrets shown here die with the server."""

import json
from typing import Any

from websockets.sync.client import connect

from tests.conformance.matrix.client import PASSWORD, Matrix, Session, user
from tests.conformance.otp.person import FAKE, Person, make_people
from tests.live import running
from tests.live.session import Client

V3 = "/_matrix/client/v3"


class Told:
    """Prints what a client sends and what it gets."""

    def __init__(self, client: Client | Matrix) -> None:
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


def matrix_door() -> None:
    """A Matrix client registers, logs in on a second device, refreshes, throws the device out, and is locked."""
    with running(REGISTRATION="token") as installation:
        client = Matrix(installation.server.port)
        told = Told(client)
        print(f"\n\n== Matrix, at {installation.server.base_url}")
        print("\n$ manage.py registration_tokens issue --uses 1 --token welcome")
        installation.manage("registration_tokens", "issue", "--uses", "1", "--token", "welcome")
        alice = _registration(told)
        login = {"type": "m.login.password", "identifier": user("alice"), "password": PASSWORD}
        answer = told.ask("a second device", "POST", f"{V3}/login", body={**login, "refresh_token": True})
        phone = answer["device_id"]
        body = {"refresh_token": answer["refresh_token"]}
        fresh = told.ask("its token lives five minutes: it refreshes", "POST", f"{V3}/refresh", body=body)
        told.ask("who am I?", "GET", f"{V3}/account/whoami", token=fresh["access_token"])
        told.ask("my devices", "GET", f"{V3}/devices", token=alice.access_token)
        deletion: dict[str, Any] = {"devices": [phone]}
        flows = told.ask("the phone is lost", "POST", f"{V3}/delete_devices", token=alice.access_token, body=deletion)
        deletion["auth"] = {**alice.proof, "session": flows["session"]}
        told.ask("with a proof", "POST", f"{V3}/delete_devices", token=alice.access_token, body=deletion)
        told.ask("the phone is out", "GET", f"{V3}/account/whoami", token=fresh["access_token"])
        print("\n# the operator locks the account\n$ manage.py users lock alice")
        installation.manage("users", "lock", "alice")
        told.ask("its session waits, keys and all", "GET", f"{V3}/devices", token=alice.access_token)


def code_door() -> None:
    """A site of 2020 signs a user in by mail, over a plain websocket; the next visit needs no mail."""
    with running() as installation:
        make_people(installation)
        url = f"ws://127.0.0.1:{installation.server.port}/ws/login/"
        print(f"\n\n== E-mail code, at {url}")
        with connect(url) as socket:

            def ask(event: str, data: dict[str, Any]) -> Any:
                frame = json.dumps({"event": event, "data": data})
                print(f"> {_short(frame)}")
                socket.send(frame)
                answer = str(socket.recv(20))
                print(f"< {_short(answer)}")
                return json.loads(answer)["data"]

            person = Person(installation, ask)
            print("\n# a wrong password")
            person.request(password="wrong")
            print("\n# the right one")
            token = person.token()
            print("\n# the constant of the old page opens nothing by itself")
            person.confirm(token, FAKE)
            [code] = person.codes()
            print(f"\n(the mail says {code})\n# the code")
            answer = person.confirm(token, code)
            print("\n# the next visit needs no mail")
            person.confirm(token, FAKE)
        told = Told(Client(installation.server.port))
        told.ask("what a backend asks", "GET", "/api/me", token=answer["access"])


def _registration(told: Told) -> Session:
    """Alice's account, stage by stage."""
    body: dict[str, Any] = {"username": "alice", "password": PASSWORD}
    session = told.ask("what does an account need?", "POST", f"{V3}/register", body=body)["session"]
    stage = {"type": "m.login.registration_token", "token": "welcome", "session": session}
    told.ask("a token; the session remembers the rest", "POST", f"{V3}/register", body={"auth": stage})
    stage = {"type": "m.login.dummy", "session": session}
    answer = told.ask("that was all", "POST", f"{V3}/register", body={"auth": stage})
    return Session(answer["user_id"], answer["device_id"], answer["access_token"])


def _short(text: str) -> str:
    return text if len(text) <= 160 else f"{text[:157]}…"


if __name__ == "__main__":
    session_door()
    matrix_door()
    code_door()

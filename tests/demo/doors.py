"""`make demo DOOR=…`: one long transcript per door, each against a server of its own."""

import json
import re
import time
from collections.abc import Callable, Mapping
from typing import Any

from websockets.sync.client import connect

from tests.conformance.matrix.client import PASSWORD, Matrix, Session, user
from tests.conformance.oauth import person as oauth_people
from tests.conformance.oauth.conftest import SETTINGS
from tests.conformance.oauth.provider import DEVICE, REFRESH, Provider, new_device, scope_of
from tests.conformance.oauth.provider import Client as Program
from tests.conformance.otp.person import FAKE, Person, make_people
from tests.live import running
from tests.live.laverna import Device, Key, login_text
from tests.live.laverna import Person as Author
from tests.live.session import Client

V3 = "/_matrix/client/v3"


class Told:
    """Prints what a client sends and what it gets."""

    def __init__(self, client: Client | Matrix | Author) -> None:
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


def laverna_door() -> None:
    """A Laverna user signs in with an OpenPGP key, and two devices find each other."""
    with running() as installation:
        alice = Author(installation.server.port, "alice", Key("alice"))
        told = Told(alice)
        print(f"\n\n== Laverna, at {installation.server.base_url}\nthe fingerprint of her key: {alice.key.fingerprint}")
        body = {"username": "alice", "publicKey": alice.key.public}
        told.ask("a name and a public key make an account", "POST", "/api/users", body=body)
        told.ask("anybody may look it up", "GET", "/api/users/name/alice")
        session_token = told.ask("a session token, to be signed", "GET", "/api/token/alice")["sessionToken"]
        signature = alice.key.sign(login_text("alice", alice.key.public, session_token))
        print(f"\n(the app signs it, with its name and key)\n{signature[:49]}{_short(signature[49:])}")
        body = {"username": "alice", "fingerprint": alice.key.fingerprint, "signature": signature}
        alice.token = told.ask("the signature opens", "POST", "/api/auth", body=body)["token"]
        told.ask("a second time it does not", "POST", "/api/auth", body=body)
        told.ask("who am I?", "GET", "/api/me", token=alice.token)
        with alice.device("laptop") as laptop, alice.device("phone") as phone:
            _signaling(laptop, phone)


def _signaling(laptop: Device, phone: Device) -> None:
    """What two devices say until WebRTC is up between them."""

    def say(title: str, device: Device, event: str, data: dict[str, Any], *heard: tuple[str, Device, str]) -> None:
        print(f"\n# {title}\n> {_short(json.dumps({'event': event, 'data': data}))}")
        device.emit(event, data)
        for name, listener, expected in heard:
            frame = {"event": expected, "data": listener.told(expected)}
            print(f"< ({name}) {_short(json.dumps(frame))}")

    both = [("laptop", laptop, "requestOffer"), ("phone", phone, "requestOffer")]
    say("the laptop looks for other devices of its owner", laptop, "requestOffers", {"users": ["alice"]}, *both)
    asker = {"username": "alice", "deviceId": "laptop"}
    offers = [("laptop", laptop, "offer"), ("phone", phone, "offer")]
    say("the phone is willing", phone, "sendOffer", asker, *offers)
    signal = {"signal": {"type": "offer", "sdp": "v=0…"}, "signature": "-----BEGIN PGP…", "to": asker}
    say("and begins; the server carries what it says", phone, "sendSignal", signal, ("laptop", laptop, "signal"))


def device_door() -> None:
    """A television without a keyboard is signed in from a browser, refreshes, and signs out."""
    with running(**SETTINGS) as installation:
        oauth_people.make_people(installation, count=1)
        provider = Provider(installation.server.port)
        where = f"{installation.server.base_url} behind a proxy for {SETTINGS['PUBLIC_URL']}"
        print(f"\n\n== OAuth 2.0 device grant, at {where}")
        print("\n# the program says what it is\n> POST /oauth2/registration")
        program = provider.client(grant_types=[DEVICE, REFRESH], redirect_uris=..., response_types=[], client_name="TV")
        print(f"< 201 client_id {program.client_id}, of {program.base}")
        scope = {"client_id": program.client_id, "scope": scope_of(new_device())}
        grant = _form(provider, "the television asks for codes, and shows one of them", "/oauth2/device", scope)
        polling = {"grant_type": DEVICE, "device_code": grant["device_code"], "client_id": program.client_id}
        _form(provider, "has somebody decided?", "/oauth2/token", polling)
        _decision(oauth_people.Person(installation), grant)
        time.sleep(grant["interval"])
        _session(provider, program, _form(provider, "and now?", "/oauth2/token", polling))


def _decision(person: oauth_people.Person, grant: Mapping[str, Any]) -> None:
    """Somebody signs in at a browser, types the code and allows."""
    print(f"\n(somebody opens {grant['verification_uri']}, signs in, and types {grant['user_code']})")
    page = person.enter(grant["user_code"])
    print(f"the page: {_read(page.text)}")
    done = person.decide_device(page, "allow")
    print(f"(they tick that it is theirs, and choose Allow)\nthe page: {_read(done.text)}")


def _session(provider: Provider, program: Program, tokens: Mapping[str, Any]) -> None:
    """What the television does with its tokens."""
    _who(provider, "who am I?", tokens)
    renewal = {"grant_type": REFRESH, "refresh_token": tokens["refresh_token"], "client_id": program.client_id}
    fresh = _form(provider, "its token lives five minutes: it refreshes", "/oauth2/token", renewal)
    _who(provider, "the new token is used, so the old refresh token is spent", fresh)
    _form(provider, "a thief comes with the old one: the session ends", "/oauth2/token", renewal)
    _who(provider, "the television is out", fresh)


def _who(provider: Provider, title: str, tokens: Mapping[str, Any]) -> None:
    """A call of the Matrix API with the access token."""
    print(f"\n# {title}\n> GET {V3}/account/whoami\n< {provider.who_am_i(tokens['access_token'])}")


def _form(provider: Provider, title: str, path: str, fields: Mapping[str, str]) -> dict[str, Any]:
    """One form, one answer, on paper."""
    sent = "&".join(f"{name}={value if len(value) < 60 else value[:12] + '…'}" for name, value in fields.items())
    print(f"\n# {title}\n> POST {path}\n> {sent}")
    answer = provider.post(path, fields)
    print(f"< {answer.status} {_short(answer.text)}")
    return dict(answer.json)


def _read(page: str) -> str:
    """The words of a page's content."""
    content = page.partition("<main")[2].partition(">")[2].partition("</main>")[0]
    return _short(" ".join(re.sub(r"<[^>]+>", " ", content).split()))


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


DOORS: Mapping[str, Callable[[], None]] = {
    "session": session_door,
    "matrix": matrix_door,
    "code": code_door,
    "laverna": laverna_door,
    "device": device_door,
}

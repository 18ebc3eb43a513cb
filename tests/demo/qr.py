"""The fifth door: a signed-in computer scans the code that a new telephone shows (qr-login.md §4–§6, the 2024 form).

The two devices take turns here; in life each asks for news once a second.
"""

import json
import secrets
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from tests.conformance.oauth.provider import DEVICE, REFRESH, scope_of
from tests.conformance.oauth.wire import PUBLIC_URL, Answer, ask
from tests.conformance.qr import qr_code
from tests.conformance.qr.channels import Channel, Scanned2024, Shown2024, b64
from tests.demo.paper import Paper, as_json

CREATE = "/_matrix/client/unstable/org.matrix.msc4108/rendezvous"
V3 = "/_matrix/client/v3"
_SECRETS = dict.fromkeys(("master_key", "self_signing_key", "user_signing_key"), "c2VjcmV0")


class Slot:
    """One device's end of the rendezvous session: the tag of what it saw last."""

    def __init__(self, paper: Paper, name: str, url: str, etag: str = "") -> None:
        self._paper, self._name, self._url, self._etag = paper, name, url, etag
        self.channel: Channel | None = None

    def read(self) -> str:
        """What is new."""
        answer = self._ask("GET", {"If-None-Match": self._etag} if self._etag else {})
        assert answer.status == 200, answer.body
        return answer.text

    def write(self, text: str) -> None:
        answer = self._ask("PUT", {"If-Match": self._etag, "Content-Type": "text/plain"}, text)
        assert answer.status == 202, answer.body

    def tell(self, kind: str, **fields: Any) -> None:
        """A login message; the server sees its ciphertext only."""
        assert self.channel is not None
        message = {"type": f"m.login.{kind}", **fields}
        self._paper.say(f"the {self._name} seals: {as_json(message)}")
        self.write(self.channel.seal(json.dumps(message).encode()))

    def told(self, kind: str) -> dict[str, Any]:
        """The other side's message."""
        assert self.channel is not None
        message: dict[str, Any] = json.loads(self.channel.open(self.read()))
        assert message["type"] == f"m.login.{kind}"
        return message

    def close(self) -> None:
        assert self._ask("DELETE", {}).status == 204

    def _ask(self, method: str, headers: dict[str, str], text: str = "") -> Answer:
        answer = ask(self._paper.port, method, self._url, body=text.encode() or None, headers=headers)
        self._etag = str(answer.headers["ETag"])
        there = f"…/rendezvous/{self._url.rpartition('/')[2][:6]}…"
        sent, heard = (f" {body[:6]}…" if body else "" for body in (text, answer.text))
        print(f"{self._name}> {method} {there}{sent}")
        print(f"{self._name}< {answer.status}{heard}")
        return answer


def sign_in(paper: Paper, *, computer_token: str, consent: Callable[[str, str], str]) -> str:
    """The whole login; answers the telephone's access token. `consent` is what the person does with link and code."""
    telephone, computer = _meet(paper)
    paper.note("the computer says what this server can do, and the telephone asks there for a device code")
    paper.ask("GET", "/_matrix/client/v1/auth_metadata", show=("issuer", "device_authorization_endpoint"))
    computer.tell("protocols", protocols=["device_authorization_grant"], homeserver=PUBLIC_URL)
    telephone.told("protocols")
    client_id, device_id, grant = _device_code(paper)
    links = {name: grant[name] for name in ("verification_uri", "verification_uri_complete")}
    telephone.tell(
        "protocol", protocol="device_authorization_grant", device_authorization_grant=links, device_id=device_id
    )
    link = computer.told("protocol")["device_authorization_grant"]["verification_uri_complete"]
    paper.note("the computer makes sure that the device is new, and opens the link")
    path = f"{V3}/devices/{quote(device_id, safe='')}"
    assert paper.ask("GET", path, token=computer_token, show=("errcode",)).status == 404
    computer.tell("protocol_accepted")
    telephone.told("protocol_accepted")
    paper.say(f"the telephone shows {grant['user_code']}")
    paper.say(consent(link, grant["user_code"]))
    return _finish(paper, telephone, computer, (client_id, grant), path, computer_token)


def _finish(
    paper: Paper, telephone: Slot, computer: Slot, asked: tuple[str, dict[str, Any]], path: str, computer_token: str
) -> str:
    """Tokens for the telephone, a look at the new device, and the secrets by which it reads old messages."""
    client_id, grant = asked
    paper.note("the telephone has its tokens")
    time.sleep(grant["interval"])
    fields = {"grant_type": DEVICE, "device_code": grant["device_code"], "client_id": client_id}
    show = ("access_token", "refresh_token", "expires_in")
    tokens = paper.ask("POST", "/oauth2/token", form=fields, show=show).json
    telephone.tell("success")
    computer.told("success")
    paper.note("the computer sees the new device, and hands it the keys of its messages")
    assert paper.ask("GET", path, token=computer_token, show=("device_id", "display_name")).status == 200
    computer.tell("secrets", cross_signing=_SECRETS)
    telephone.told("secrets")
    telephone.close()
    return str(tokens["access_token"])


def _meet(paper: Paper) -> tuple[Slot, Slot]:
    """The session, the QR code, the channel, the digits that people compare."""
    paper.note("the new telephone opens a session and shows a QR code")
    made = ask(paper.port, "POST", CREATE, body=b"", headers={"Content-Type": "text/plain"})
    assert made.status == 201, made.body
    paper.sent(f"POST {CREATE}")
    paper.heard(f"201 {as_json(made.json)}")
    shown = Shown2024()
    octets = qr_code.Code2024(shown.public, made.json["url"]).octets()
    paper.say(f"the QR code holds {len(octets)} bytes: MATRIX, 02, 03, a public key, the address of the session")
    paper.note("the computer scans it, and both agree on keys that the server never sees")
    code = qr_code.read(octets)
    assert isinstance(code, qr_code.Code2024)
    telephone = Slot(paper, "telephone", code.url, str(made.headers["ETag"]))
    computer = Slot(paper, "computer", code.url)
    assert computer.read() == ""
    scanned = Scanned2024(code.public)
    computer.write(scanned.initiate())
    telephone.channel = shown.accept(telephone.read())
    telephone.write(shown.agreed(telephone.channel))
    computer.channel = scanned.confirm(computer.read())
    assert computer.channel.check_code == telephone.channel.check_code
    paper.say(f"the computer shows {computer.channel.check_code}; she types it into the telephone: it is the right one")
    return telephone, computer


def _device_code(paper: Paper) -> tuple[str, str, dict[str, Any]]:
    """The telephone registers its program and asks for a code; its device id is its key, as Element X makes them."""
    metadata = {
        "client_name": "Messenger",
        "client_uri": "https://app.example.com",
        "grant_types": [DEVICE, REFRESH],
        "response_types": [],
        "token_endpoint_auth_method": "none",
    }
    client_id = paper.ask("POST", "/oauth2/registration", metadata, show=("client_id",)).json["client_id"]
    device_id = f"{b64(secrets.token_bytes(28))[:37]}/+{secrets.token_hex(2)}"
    fields = {"client_id": client_id, "scope": scope_of(device_id)}
    show = ("user_code", "verification_uri_complete", "expires_in", "interval")
    return client_id, device_id, dict(paper.ask("POST", "/oauth2/device", form=fields, show=show).json)

"""One person, five ways in, one account: every part ends with whose account its token opens."""

import json
from typing import Any

from websockets.sync.client import connect

from tests.conformance.oauth.conftest import SETTINGS
from tests.conformance.oauth.wire import HOST, PUBLIC_URL
from tests.conformance.otp.person import FAKE
from tests.conformance.otp.person import Person as CodePerson
from tests.demo import qr
from tests.demo.alice import ADDRESS, NAME, AccountPage, Mailbox
from tests.demo.paper import Paper, as_json
from tests.live import Installation, running
from tests.live.laverna import Key, login_text
from tests.live.session import Client as SessionApp
from tests.live.session import decrypt

PASSWORD = "correct horse battery"
V3 = "/_matrix/client/v3"


def main() -> None:
    with running(**SETTINGS, REGISTRATION="open") as installation:
        paper, mailbox = Paper(installation.server.port), Mailbox(installation)
        computer, first = _matrix(paper)
        app, key = SessionApp(installation.server.port), Key(NAME)
        page = _link(paper, installation, mailbox, app, key)
        found = [
            first,
            _code(paper, installation, mailbox),
            _session(paper, app),
            _laverna(paper, installation, key),
            _qr(paper, page, computer),
        ]
        assert set(found) == {first}, found
        _end(paper, page, mailbox)


def _matrix(paper: Paper) -> tuple[str, Any]:
    """Her account is made by a Matrix client, which is signed in then."""
    paper.door("First door: Matrix, with a password")
    paper.note("a Matrix client makes the account")
    auth = {"type": "m.login.dummy"}
    body = {"username": NAME, "password": PASSWORD, "initial_device_display_name": "Computer", "auth": auth}
    made = paper.ask("POST", f"{V3}/register", body, show=("user_id", "device_id", "access_token"))
    assert made.status == 200, made.body
    token = str(made.json["access_token"])
    return token, paper.who(token)


def _link(paper: Paper, installation: Installation, mailbox: Mailbox, app: SessionApp, key: Key) -> AccountPage:
    """What else shall open it is added on the account page."""
    paper.door(f"At {PUBLIC_URL}/account/ she adds what else shall open it")
    page = AccountPage(installation, mailbox)
    paper.say(f"E-mail addresses, Add: {ADDRESS}. The mail says {page.add_address()}; she types it in")
    token = app.log_in()
    paper.say(f"Keys, Add a Session key: her app has the key {app.public_key}, and a token of it proves that")
    paper.say(f"the page: {page.add_session_key(token)}")
    paper.say(f"Keys, Add an OpenPGP key: she signs the text of the page with the key {key.fingerprint}")
    paper.say(f"the page: {page.add_openpgp_key(key.public, key.sign)}")
    return page


def _code(paper: Paper, installation: Installation, mailbox: Mailbox) -> Any:
    """A site signs her in by a mailed code, over a websocket."""
    paper.door(f"Second door: a code by e-mail, over wss://{HOST}/ws/login/")
    with connect(f"ws://127.0.0.1:{installation.server.port}/ws/login/") as socket:

        def ask(event: str, data: dict[str, Any]) -> Any:
            paper.sent(as_json({"event": event, "data": _few(data)}))
            socket.send(json.dumps({"event": event, "data": data}))
            answer = json.loads(str(socket.recv(20)))["data"]
            paper.heard(as_json(_few(answer) if isinstance(answer, dict) else answer))
            return answer

        person = CodePerson(installation, ask, NAME)
        token = person.token()
        code = mailbox.code()
        paper.say(f"the mail says {code}")
        access = person.confirm(token, code)["access"]
        paper.say("the next visit needs no mail: the page sends the constant that old pages sent")
        person.confirm(token, FAKE)
    return paper.who(str(access))


def _few(data: dict[str, Any]) -> dict[str, Any]:
    shown = ("email", "password", "token", "otp", "code", "verified", "access")
    return {name: data[name] for name in shown if name in data}


def _session(paper: Paper, app: SessionApp) -> Any:
    """Her Session app proves its key by decrypting a text."""
    paper.door("Third door: a Session app, with its key")
    paper.note("a text for her key, encrypted; decrypted it is the token")
    path = f"/loki/v1/get_challenge?pubKey={app.public_key}"
    token = decrypt(paper.ask("GET", path).json, app.private_key)
    body = {"pubKey": app.public_key, "token": token}
    assert paper.ask("POST", "/loki/v1/submit_challenge", body).status == 200
    return paper.who(token)


def _laverna(paper: Paper, installation: Installation, key: Key) -> Any:
    """Her Laverna app signs a text with her OpenPGP key."""
    paper.door("Fourth door: Laverna, with an OpenPGP key")
    session_token = paper.ask("GET", f"/api/token/{NAME}").json["sessionToken"]
    signature = key.sign(login_text(NAME, key.public, session_token))
    paper.say("her app signs that token, with its name and key")
    body = {"username": NAME, "fingerprint": key.fingerprint, "signature": signature}
    paper.sent("POST /api/auth " + as_json({**body, "signature": f"{signature[:34]}…"}))
    answer = SessionApp(installation.server.port).ask("POST", "/api/auth", body=body)
    paper.heard(f"{answer.status} {as_json(answer.json)}")
    return paper.who(str(answer.json["token"]))


def _qr(paper: Paper, page: AccountPage, computer: str) -> Any:
    """The computer of the first door signs in a new telephone."""
    paper.door("Fifth door: a QR code, from the computer to a new telephone")

    def consent(link: str, code: str) -> str:
        question = page.person.asked(link)
        assert code in question.text
        done = page.person.decide_device(question, "allow")
        assert "signed in" in done.text
        return f"she opens {link.replace(code, '…')}, compares {code}, ticks that it is hers, and chooses Allow"

    token = qr.sign_in(paper, computer_token=computer, consent=consent)
    return paper.who(token)


def _end(paper: Paper, page: AccountPage, mailbox: Mailbox) -> None:
    """What she has now, and what she was told of."""
    paper.door("One account")
    for line in sorted(page.devices()):
        paper.say(f"signed in: {line}")
    mailbox.wait_for(lambda subject, _: subject.startswith("Messenger was signed in"))
    paper.say("of each new device since she has an address a mail tells her, with a link that signs it out")

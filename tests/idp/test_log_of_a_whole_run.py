"""A run through every door, after which no secret that was used stands in the log (R51, ASVS V16.2).

At LOG_LEVEL=DEBUG, with secrets also where they do not belong: in paths and queries.
"""

import base64
import contextlib
import http.client
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import pytest
from websockets.sync.client import connect

from tests.conformance.matrix import mails
from tests.conformance.matrix.client import Matrix, user
from tests.conformance.oauth import person as oauth_people
from tests.conformance.oauth.conftest import SETTINGS
from tests.conformance.oauth.provider import CODE, DEVICE, REFRESH, Attempt, Provider
from tests.conformance.otp import person as otp_people
from tests.live import Installation, running
from tests.live.laverna import Person as Author
from tests.live.redis_server import RedisServer
from tests.live.session import Client

PASSWORD = "correct horse battery"
METRICS_TOKEN, REGISTRATION_TOKEN = "a-scrapers-own-token-7f3a", "welcome-to-the-house"
WRONG_PASSWORD = "wrong-donkey-battery-91"
_LEAST_ISSUED = 25  # characters of what the server itself issues to be shown again


@dataclass
class Run:
    """The server, and every secret that was used on it."""

    installation: Installation
    secrets: dict[str, set[str]] = field(default_factory=dict)

    @property
    def port(self) -> int:
        return self.installation.server.port

    def used(self, door: str, *secrets: str) -> None:
        assert all(len(secret) >= 6 for secret in secrets), (door, secrets)
        self.secrets.setdefault(door, set()).update(secrets)

    def misplace(self, secret: str) -> None:
        """Asks for it as a path and in a query, as somebody does who pasted it into the wrong field."""
        for path in (
            f"/{secret}",
            f"/no/such/{secret}/path",
            f"/_matrix/client/v3/{secret}",
            f"/api/users/name/{secret}",
        ):
            for query in ("", f"?token={secret}&access_token={secret}"):
                with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)) as connection:
                    connection.request("GET", quote(path, safe="/") + quote(query, safe="?=&"))
                    connection.getresponse().read()


def session_door(run: Run) -> None:
    client = Client(run.port)
    token, inert = client.log_in(), client.challenge()
    client.who_am_i(token)
    client.ask("GET", f"/token?access_token={token}")
    client.ask("DELETE", "/token", token=token)
    run.used("session", token, inert)


def matrix_door(run: Run) -> None:
    client = Matrix(run.port)
    run.used("matrix", PASSWORD, WRONG_PASSWORD, REGISTRATION_TOKEN)
    run.installation.manage("registration_tokens", "issue", "--token", REGISTRATION_TOKEN)
    client.get(f"v1/register/m.login.registration_token/validity?token={REGISTRATION_TOKEN}")
    client.get(f"/_synapse/admin/v1/registration_tokens/{REGISTRATION_TOKEN}")
    session = client.register("alice", refresh_token=True)
    client.post("v3/login", {"type": "m.login.password", "identifier": user("alice"), "password": WRONG_PASSWORD})
    run.used("matrix", client.login_token(session))
    fresh = client.post("v3/refresh", {"refresh_token": session.refresh_token}).json
    client.get("v3/account/whoami", token=fresh["access_token"])
    client.get(f"v3/account/whoami?access_token={fresh['access_token']}")
    mails.add_address(run.installation, client.log_in("alice"), "alice@example.net")
    [link] = re.findall(r"token=([A-Za-z0-9]+)", mails.link(run.installation.folder, "alice@example.net"))
    run.used("matrix", session.access_token, session.refresh_token, *map(str, fresh.values()), link)
    run.secrets["matrix"].discard(str(fresh["expires_in_ms"]))


def code_door(run: Run) -> None:
    with connect(f"ws://127.0.0.1:{run.port}/ws/login/") as socket:

        def ask(event: str, data: dict[str, Any]) -> Any:
            socket.send(json.dumps({"event": event, "data": data}))
            return json.loads(socket.recv(60))["data"]

        somebody = otp_people.Person(run.installation, ask, name="person0")
        somebody.request(password=WRONG_PASSWORD)
        token, answer = somebody.signed_in()
        run.used("otp", token, answer["access"], answer["refresh"], *somebody.codes())
    Client(run.port).ask("GET", "/api/me", token=answer["access"])


def laverna_door(run: Run) -> None:
    author = Author(run.port).signed_in()
    signature = author.signature()
    author.answer(signature)
    author.answer(signature)
    with author.device("laptop"):
        pass
    query = f"EIO=4&transport=polling&username={author.username}&deviceId=phone&token={author.token}"
    author.ask("GET", f"/socket.io/?{query}")
    run.used("openpgp", author.token, author.session_token(), signature.splitlines()[-3])


def oauth_door(run: Run) -> None:
    provider, somebody = Provider(run.port), oauth_people.Person(run.installation, name="person1")
    program = provider.client(token_endpoint_auth_method="client_secret_post")
    attempt = Attempt(program)
    code = somebody.authorize(attempt.url()).parameters["code"]
    issued = provider.token({**attempt.redemption(code), "client_secret": program.secret}).json
    provider.who_am_i(issued["access_token"])
    provider.refresh(program, issued["refresh_token"], client_secret=program.secret)
    television = provider.client(grant_types=[DEVICE, REFRESH, CODE])
    grant = provider.device(television)
    provider.poll(television, grant["device_code"])
    somebody.browser.open(f"{somebody.browser.public_url}/link?code={grant['user_code']}")
    somebody.link(grant["user_code"])
    run.used("oauth", code, attempt.verifier, program.secret, issued["access_token"], issued["refresh_token"])
    run.used("oauth", grant["device_code"], grant["user_code"])
    run.used("pages", *somebody.browser.cookies.values())


def administration(run: Run) -> None:
    """A scraper's token, an administrator's wrong and right password."""
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", run.port, timeout=60)) as connection:
        for header in (f"Bearer {METRICS_TOKEN}", "Basic " + base64.b64encode(b"ada:" + PASSWORD.encode()).decode()):
            connection.request("GET", f"/metrics?token={METRICS_TOKEN}", headers={"Authorization": header})
            connection.getresponse().read()
    run.used("administration", METRICS_TOKEN, run.installation.environment["SECRET_KEY"])


DOORS = (session_door, matrix_door, code_door, laverna_door, oauth_door, administration)


@pytest.fixture(params=[("daphne", 1), ("uvicorn", 1), ("uvicorn", 2)], ids=lambda param: f"{param[0]}-{param[1]}")
def run(request: pytest.FixtureRequest) -> Iterator[Run]:
    server, workers = request.param
    settings = SETTINGS | {"SERVER": server, "LOG_LEVEL": "DEBUG", "METRICS_TOKEN": METRICS_TOKEN}
    with contextlib.ExitStack() as stack:
        if workers > 1:
            redis = RedisServer()
            stack.callback(redis.remove)
            settings |= {"WORKERS": str(workers), "REDIS_URL": redis.start().url}
        installation = stack.enter_context(running(**settings))
        oauth_people.make_people(installation, count=2)
        yield Run(installation)


@pytest.mark.thorough
def test_no_secret_of_any_door_is_in_the_log(run: Run) -> None:
    for door in DOORS:
        door(run)
    issued = {secret for secrets in run.secrets.values() for secret in secrets if len(secret) >= _LEAST_ISSUED}
    assert len(issued) > 20
    for secret in issued - {PASSWORD, WRONG_PASSWORD, METRICS_TOKEN}:
        run.misplace(secret)
    assert run.installation.server.stop() == 0
    log = run.installation.server.log.read_text()
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    requests = [line for line in lines if line["event"] == "request"]
    assert {line["door"] for line in requests} >= {"session", "matrix", "openpgp", "devicelogin", "otp", "sockets"}
    assert {line["event"] for line in lines} >= {"websocket-open", "websocket-close"}
    assert any(line["user"] for line in requests)
    found = {(door, secret) for door, secrets in run.secrets.items() for secret in secrets if _stands_in(secret, log)}
    assert found == set()


def _stands_in(secret: str, log: str) -> bool:
    """Six digits stand in many a number: they count only by themselves."""
    if secret.isdecimal() and len(secret) < 12:
        return re.search(rf"(?<![\w.]){secret}(?!\w)", log) is not None
    return any(form in log for form in {secret, quote(secret), quote(secret, safe=""), json.dumps(secret)[1:-1]})

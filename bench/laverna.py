"""The Laverna door: a session token, and a login with keys of each verifier."""

import atexit
import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from typing import Protocol

from pysequoia import Cert

from bench.measure import Effort, cpu_microseconds, generator, median
from bench.report import Figure
from bench.scenarios import Scenario
from bench.wire import Connection, get, post
from tests.live import running
from tests.live.database import ROOT
from tests.live.laverna import Key, login_text, new_name

TURNS = {"Laverna session token": 1000, "Laverna login, Ed25519": 400, "Laverna login, RSA 2048": 400}
GPG_TURNS = 100
KEYS = ROOT / "tests" / "conformance" / "laverna" / "keys.json"


class Signs(Protocol):
    """A key pair."""

    public: str
    fingerprint: str

    def sign(self, text: str) -> str: ...


def kept(kind: str) -> dict[str, str]:
    """A key pair of the conformance test: making RSA keys takes seconds."""
    pair: dict[str, str] = json.loads(KEYS.read_text())[kind]
    return pair


class GpgKey:
    """The kept key of 2047 bits, which pysequoia neither signs with nor verifies; gpg and its agent sign.

    openpgp.js 2 writes the factors of its keys in the other order, and gpg then signs one text in a hundred wrongly.
    """

    def __init__(self) -> None:
        home = tempfile.mkdtemp(prefix="latchkey-bench-")
        atexit.register(shutil.rmtree, home, ignore_errors=True)
        atexit.register(subprocess.run, ["gpgconf", "--homedir", home, "--kill", "all"], check=False)
        pair = kept("RSA 2047")
        self.public, self.fingerprint = pair["public"], Cert.from_bytes(pair["public"].encode()).fingerprint
        self._command = ["gpg", "--homedir", home, "--batch", "--quiet", "--no-tty"]
        self._run("--import", text=pair["private"])

    def sign(self, text: str) -> str:
        while True:
            signed = self._run("--digest-algo", "SHA256", "--clear-sign", text=text)
            done = subprocess.run([*self._command, "--verify"], input=signed, check=False, text=True, stderr=-3)
            if done.returncode == 0:
                return signed
            time.sleep(1)  # another time makes another signature

    def _run(self, *arguments: str, text: str) -> str:
        done = subprocess.run([*self._command, *arguments], input=text, check=True, capture_output=True, text=True)
        return done.stdout


class SessionToken(Scenario):
    """GET /api/token of one of 50 people in turn."""

    name = "Laverna session token"

    async def prepare(self, connection: Connection, turns: int) -> None:
        key_of = {name: Key() for name in (new_name() for _ in range(min(50, turns)))}
        for name, key in key_of.items():
            await register(connection, name, key)
        names = list(key_of)
        self._requests = [get(f"/api/token/{names[turn % len(names)]}") for turn in range(turns)]

    async def turn(self, connection: Connection) -> None:
        await connection.ask(self._requests.pop())


class Login(Scenario):
    """POST /api/auth with a fresh signature: verification, device, token, audit event."""

    def __init__(self) -> None:
        self._people = [(new_name(), key) for key in self.keys()]

    def keys(self) -> list[Signs]:
        """One for each of those who log in."""
        return [Key() for _ in range(5)]

    async def prepare(self, connection: Connection, turns: int) -> None:
        people = self._people
        for name, key in people:
            await register(connection, name, key)
        self._requests = []
        for turn in range(turns):
            name, key = people[turn % len(people)]
            token = json.loads(await connection.ask(get(f"/api/token/{name}")))["sessionToken"]
            signature = key.sign(login_text(name, key.public, token))
            body = {"signature": signature, "fingerprint": key.fingerprint, "username": name}
            self._requests.append(post("/api/auth", json.dumps(body).encode()))

    async def turn(self, connection: Connection) -> None:
        answer = await connection.ask(self._requests.pop())
        assert b'"success":true' in answer.replace(b" ", b""), answer


class LoginEd25519(Login):
    name = "Laverna login, Ed25519"


class LoginRSA2048(Login):
    name = "Laverna login, RSA 2048"

    def keys(self) -> list[Signs]:
        return [Key(kept=kept("RSA 2048")["private"])]


class LoginRSA2047(Login):
    """Half of the historic keys: gpg verifies them, in a process each."""

    name = "Laverna login, RSA 2047 by gpg"

    def keys(self) -> list[Signs]:
        return [GpgKey()]


async def register(connection: Connection, name: str, key: Signs) -> None:
    """Makes the account, unless it was made before."""
    body = {"username": name, "publicKey": key.public}
    try:
        await connection.ask(post("/api/users", json.dumps(body).encode()))
    except AssertionError:
        await connection.ask(get(f"/api/users/name/{name}"))


SCENARIOS: tuple[type[Scenario], ...] = (SessionToken, LoginEd25519, LoginRSA2048, LoginRSA2047)
ALL: Mapping[str, type[Scenario]] = {scenario.name: scenario for scenario in SCENARIOS}


def figures_of(kind: str, effort: Effort) -> Iterator[Figure]:
    """One server class."""
    with running(SERVER=kind) as installation:
        for name in ALL:
            if name == LoginRSA2047.name and not shutil.which("gpg"):
                continue
            with generator(installation.server, connections=effort.connections) as load:
                load.choose(name)
                turns = max(20, int(TURNS.get(name, GPG_TURNS) * effort.scale))
                cost = cpu_microseconds(installation.server, load, turns=turns, rounds=effort.rounds)
            yield Figure(kind, name, median(cost), "µs", spread=(min(cost), max(cost)))

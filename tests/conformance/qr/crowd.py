"""Many logins at once, each device with a connection and an address of its own, each side reading once a second.

    python -m tests.conformance.qr.crowd [COUNT]

starts a server with the limits and threads of an installation as it comes, and prints what it took.
"""

import asyncio
import collections
import json
import random
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from tests.conformance.oauth.person import PASSWORD, Person, make_people
from tests.conformance.oauth.wire import PUBLIC_URL
from tests.conformance.qr.asking import follow
from tests.conformance.qr.devices import Existing, Meeting, New
from tests.conformance.qr.line import Exchange, Line
from tests.conformance.qr.qr_code import EXISTING, NEW
from tests.live import Installation, process, running
from tests.live.matrix import API, proof

SERVER_NAME = "id.example.org"
SETTINGS: dict[str, Any] = {
    "PUBLIC_URL": PUBLIC_URL,
    "TRUSTED_PROXIES": "127.0.0.0/8",  # each person is somewhere else
    "RATE_LIMIT_SCALE": "1",
    "HTTP_THREADS": "16",
    "DATABASE_TIMEOUT": "60",  # a test's machine is busy with other things, too
    "PASSWORD_HASHERS_AT_ONCE": "8",  # for the sign-ins before
}
_SIGN_INS = 4  # at once, before the crowd comes: hashes are not what is measured
_LEAST_THOUGHT, _MOST_THOUGHT = 3.0, 12.0  # seconds between the link and the decision, in which both sides wait
# What a login that goes well is told: a device that is not there yet, a decision that is not made yet.
_EXPECTED = {200, 201, 202, 204, 304}


@dataclass
class Report:
    """What became of them. CPU is that of the server's processes, in seconds, without the sign-ins before."""

    logins: int
    failures: list[str] = field(default_factory=list)
    unexpected: list[Exchange] = field(default_factory=list)
    requests: collections.Counter[str] = field(default_factory=collections.Counter)
    cpu: float = 0.0
    seconds: float = 0.0

    @property
    def lines(self) -> list[str]:
        total = self.requests.total()
        return [
            f"{self.logins} logins, {len(self.failures)} failed, {len(self.unexpected)} unexpected answers",
            f"{self.seconds:.0f} s, {total} requests of devices, {total / self.seconds:.0f} a second",
            f"CPU of the server {self.cpu:.1f} s: {self.cpu / self.seconds:.0%} of one core, "
            f"{self.cpu / self.logins * 1e3:.0f} ms a login",
            *(f"  {count:6d} {kind}" for kind, count in self.requests.most_common()),
        ]


@dataclass
class Login:
    """One of the crowd."""

    person: Person
    existing: Existing
    new: New
    meeting: Meeting

    @property
    def lines(self) -> list[Line]:
        return [self.existing.line, self.new.line]


async def crowd(installation: Installation, count: int) -> Report:
    """All of them at the same moment, half of them with the QR code on the existing device, in both forms."""
    make_people(installation, count)
    gate, visitors = asyncio.Semaphore(_SIGN_INS), ThreadPoolExecutor(32)
    logins = await asyncio.gather(*(_login(installation, number, gate, visitors) for number in range(count)))
    for line in (line for login in logins for line in login.lines):
        line.seen.clear()
    report, clock = Report(count), asyncio.get_running_loop().time
    begun, cpu = clock(), _cpu(installation)
    ends = await asyncio.gather(
        *(device.run(login.meeting) for login in logins for device in (login.existing, login.new)),
        return_exceptions=True,
    )
    report.cpu, report.seconds = _cpu(installation) - cpu, clock() - begun
    report.failures = [repr(end) for end in ends if isinstance(end, BaseException)]
    for line in (line for login in logins for line in login.lines):
        line.close()
        for one in line.seen:
            report.requests[_kind(one)] += 1
            if not _is_expected(one):
                report.unexpected.append(one)
    visitors.shutdown()
    return report


async def _login(installation: Installation, number: int, gate: asyncio.Semaphore, pool: ThreadPoolExecutor) -> Login:
    """Somebody who is signed in on a device and at a browser, and has another device."""
    port, address = installation.server.port, f"10.1.{number // 200}.{number % 200 + 1}"
    person, loop = Person(installation, f"person{number}"), asyncio.get_running_loop()
    person.browser.address = address
    existing, new = (Line(port, PUBLIC_URL, address) for _ in range(2))
    async with gate:
        await loop.run_in_executor(pool, person.signed_in)
        body = json.dumps({**proof(person.name), "password": PASSWORD}).encode()
        told = await existing.ask("POST", f"{API}/login", body, {"Content-Type": "application/json"})
    fresh = New(new)
    fresh.may_ask.set()

    async def consent(link: str) -> None:
        code = await fresh.shown
        await asyncio.sleep(random.uniform(_LEAST_THOUGHT, _MOST_THOUGHT))
        await loop.run_in_executor(pool, follow, person, link, code, "allow")

    meeting = Meeting("2024" if number % 4 < 3 else "current", EXISTING if number % 2 else NEW)
    return Login(person, Existing(existing, told.json["access_token"], SERVER_NAME, consent), fresh, meeting)


def _cpu(installation: Installation) -> float:
    return sum(process.cpu_seconds(pid) for pid in installation.server.pids)


def _kind(one: Exchange) -> str:
    """The request without what differs from login to login."""
    for beginning in ("/rendezvous", "/devices"):
        head, found, tail = one.path.partition(beginning)
        if found:
            return f"{one.method} {head}{found}{'/…' if tail else ''} {one.status}"
    return f"{one.method} {one.path} {one.status}"


def _is_expected(one: Exchange) -> bool:
    waits = (one.path == "/oauth2/token" and one.status == 400) or ("/devices/" in one.path and one.status == 404)
    return one.status in _EXPECTED or waits


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    for server in ("uvicorn", "daphne"):
        with running(**SETTINGS | {"SERVER": server}) as installation:
            report = asyncio.run(crowd(installation, count))
            print(f"{server}:", *report.lines, *report.failures[:5], *report.unexpected[:5], sep="\n")


if __name__ == "__main__":
    main()

"""A browser and a server with the demonstration pages; without a browser the tests are skipped with the cure."""

import email
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.live import Installation, running
from tests.live.database import ROOT
from tests.matrix.browser import chromium

PASSWORD = "correct horse battery"
ADDRESS = "ann@example.org"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if missing := chromium.missing():
        pytest.skip(missing)
    with chromium.started() as started:
        yield started


@pytest.fixture(scope="module")
def installation(browser: Any) -> Iterator[Installation]:
    with running(DEMO="on", OTP_MAIL_LIMIT="1000/900") as servers:
        make_account(servers, "ann", ADDRESS)
        yield servers


def make_account(servers: Installation, name: str, address: str) -> None:
    subprocess.run(
        [sys.executable, "manage.py", "users", "create", name, "--email", address, "--password-stdin"],
        cwd=ROOT,
        env=servers.environment,
        input=PASSWORD,
        text=True,
        check=True,
        capture_output=True,
        timeout=60,
    )


@pytest.fixture
def next_code(installation: Installation) -> Callable[[], str]:
    """Waits for a mail that was not there when the test began, or at the last call, and reads the code in it."""
    folder = installation.folder / "mail"
    seen = mails_with_codes(folder)

    def wait() -> str:
        deadline = time.monotonic() + 60
        while not (new := mails_with_codes(folder) - seen):
            assert time.monotonic() < deadline, "no mail came"
            time.sleep(0.05)
        seen.update(new)
        return code_in(sorted(new)[-1].read_bytes())

    return wait


def eventually(holds: Callable[[], bool]) -> None:
    """Waits for a condition. (`wait_for_function` of playwright would evaluate text, which the page forbids.)"""
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.05)


def mails_with_codes(folder: Path) -> set[Path]:
    """Those about new devices come in between."""
    return {file for file in folder.glob("*.log") if b"Subject: Your sign-in code" in file.read_bytes()}


def code_in(mail: bytes) -> str:
    text = email.message_from_bytes(mail).get_payload(decode=True)
    assert isinstance(text, bytes)
    (code,) = re.findall(r"\b\d{6}\b", text.decode())
    return str(code)


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    with chromium.tab(browser) as page:
        yield page

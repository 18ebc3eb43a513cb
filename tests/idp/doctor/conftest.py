"""An installation as `doctor` finds it: whatever answers under PUBLIC_URL is told here."""

import json
from collections.abc import Callable
from email.utils import format_datetime
from typing import Any

import pytest

from accounts import clock
from accounts.homeserver import transport
from accounts.homeserver.transport import Answer, NoAnswer
from idp import doctor

US = "https://id.example.org"
NO_ANSWER = NoAnswer("ConnectionRefusedError")
Said = tuple[int, Any] | tuple[int, Any, dict[str, str]] | Exception


class World:
    """What answers: (status, body) or (status, body, headers) by method and path without query, or an exception."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        self.said: dict[tuple[str, str], Said | Callable[..., Said]] = {}
        self.date = clock.now()

    def ask(self, method: str, url: str, *, headers: Any = None, body: bytes | None = None, **_: Any) -> Answer:
        self.asked.append((method, url, dict(headers or {})))
        path = url.removeprefix(US).partition("?")[0]
        found = self.said.get((method, path), (404, {"error": "unknown"}))
        if callable(found):
            found = found(url=url, headers=dict(headers or {}), body=body)
        if isinstance(found, Exception):
            raise found
        status, content, *more = found
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        sent = {"date": format_datetime(self.date, usegmt=True), "content-type": "application/json"}
        return Answer(status, data, sent | dict(*more))


@pytest.fixture
def world(settings, monkeypatch: pytest.MonkeyPatch) -> World:
    settings.PUBLIC_URL, settings.PUBLIC_IS_HTTPS, settings.PUBLIC_HOST = US, True, "id.example.org"
    found = World()
    monkeypatch.setattr(transport, "ask", found.ask)
    return found


def look(name: str) -> doctor.Finding:
    """What one check finds."""
    [check] = [check for check in doctor.CHECKS if check.name == name]
    [(_, found)] = doctor.findings([check])
    assert bool(found.cure) is (found.result == doctor.FAILED), found
    assert "\n" not in found.detail + found.cure
    return found


def good(name: str) -> str:
    found = look(name)
    assert found.result == doctor.GOOD, found
    return found.detail


def failed(name: str) -> str:
    """What is wrong, with the cure behind it."""
    found = look(name)
    assert found.result == doctor.FAILED, found
    assert len(found.cure) > 12
    return f"{found.detail} · {found.cure}"


def skipped(name: str) -> str:
    found = look(name)
    assert found.result == doctor.SKIPPED, found
    return found.detail

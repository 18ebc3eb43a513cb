"""What the tests of this package ask with: a client of either server, and patience."""

import time
from collections.abc import Callable
from typing import Any

from tests.conformance.oauth.browser import Browser
from tests.conformance.oauth.person import Person
from tests.conformance.synapse.conftest import Pair
from tests.live.matrix import API, PASSWORD, Answer, ask, new_name, proof, register

_PATIENCE = 60.0  # seconds; what is waited for takes milliseconds


def until(is_so: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not is_so():
        assert time.monotonic() < deadline, f"never came true: {what}"
        time.sleep(0.02)


def new_person(pair: Pair) -> str:
    """The name of a new account, without a session: Synapse lets nobody register, so it is made here."""
    name = new_name()
    register(pair.installation.server.port, name, inhibit_login=True)
    return name


def at_a_browser(pair: Pair, name: str) -> Person:
    """Somebody with an account, at a browser that knows nobody yet; signs in when a page asks."""
    person = Person(pair.installation, name)
    person.browser = Browser(pair.identity.port, public_url=pair.identity.url)
    return person


def log_in(pair: Pair, name: str, **more: Any) -> dict[str, Any]:
    """As a client does: through the proxy."""
    answer = ask(pair.matrix.port, "POST", f"{API}/login", data=proof(name) | more)
    assert answer.status == 200, answer.body
    body: dict[str, Any] = answer.json
    return body


def at_synapse(pair: Pair, method: str, path: str, token: str, data: Any = None) -> Answer:
    """A request of a client, which the proxy gives to Synapse."""
    return ask(pair.matrix.port, method, f"{API}/{path}", data=data, token=token)


def is_signed_in(pair: Pair, token: str) -> bool:
    """What Synapse says of the token."""
    answer = at_synapse(pair, "GET", "account/whoami", token)
    assert answer.status in {200, 401}, (answer.status, answer.body)
    return answer.status == 200


def devices_there(pair: Pair, token: str) -> dict[str, str | None]:
    """The devices that Synapse knows of the token's owner, with their names."""
    answer = at_synapse(pair, "GET", "devices", token)
    assert answer.status == 200, answer.body
    return {device["device_id"]: device["display_name"] for device in answer.json["devices"]}


def is_told(pair: Pair) -> bool:
    """Whether Synapse has heard of everything."""
    return pair.installation.database.query("SELECT count(*) FROM accounts_homeservertask") == [(0,)]


__all__ = [
    "API",
    "PASSWORD",
    "at_a_browser",
    "at_synapse",
    "devices_there",
    "is_signed_in",
    "is_told",
    "log_in",
    "new_person",
    "until",
]

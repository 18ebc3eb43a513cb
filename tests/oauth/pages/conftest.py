"""People with a browser, and programs that send them."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest

from accounts.models import User
from tests.asgi_client import Client
from tests.oauth import people
from tests.pages.visitor import Visitor

Link = Callable[..., str]


@pytest.fixture
def visitor(client: Client, db: None) -> Visitor:
    return Visitor(client)


@pytest.fixture
def visit(client: Client, db: None) -> Callable[..., Visitor]:
    """Another browser, elsewhere if need be."""

    def another(address: str = "203.0.113.7", language: str = "en", agent: str = "") -> Visitor:
        return Visitor(client, address, language, agent)

    return another


@pytest.fixture
def signed_in(visitor: Visitor, ann: User) -> Visitor:
    visitor.sign_in("ann")
    return visitor


@pytest.fixture
def link(program: str) -> Link:
    """The path of an authorization request; a parameter that is None is left out."""

    def made(client_id: str = "", **more: Any) -> str:
        sent = people.parameters(client_id or program, **{key: value or "" for key, value in more.items()})
        return f"/authorize?{urlencode([(name, value) for name, values in sent.items() for value in values])}"

    return made


@pytest.fixture
def grant(client: Client, program: str) -> dict[str, Any]:
    """What a device was told."""
    answer = people.ask_device(client, program)
    assert answer.status == 200, answer.text
    return dict(answer.json())

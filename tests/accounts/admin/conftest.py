"""An administrator at the keyboard, with CSRF checked as in a browser."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts import tokens, users
from accounts.models import Flow, Token, User

PASSWORD = "correct horse battery"
KEY = "0533c1ac5a4a7c8f1d9ad4f2b7d2f5d9be9c9f2c4bb1a4c0d0c3f6f5e7a9b1d217"


@pytest.fixture
def ada(db: None) -> User:
    return users.create("ada", password=PASSWORD, administrator=True, by_administrator=True)


@pytest.fixture
def staff(ada: User) -> Client:
    client = Client()
    client.force_login(ada)
    return client


@pytest.fixture
def account(db: None) -> Callable[..., User]:
    def make(name: str, **facts: Any) -> User:
        return users.create(name, by_administrator=True, **facts)

    return make


@pytest.fixture
def token() -> Callable[..., Token]:
    numbers = iter(range(1000))

    def make(user: User, flow: str = Flow.MATRIX, credential: str = "") -> Token:
        return tokens.issue(tokens.Minted(f"secret {next(numbers)}", 3600), user=user, flow=flow, credential=credential)

    return make


@pytest.fixture
def key_account(db: None) -> User:
    return users.of_x25519_key_or_new(KEY)[0]


@pytest.fixture
def said() -> Callable[..., str]:
    """The text of a page, without marks and with single blanks."""

    def text(response: object) -> str:
        marked = response.content.decode()  # type: ignore[attr-defined]
        return " ".join(re.sub(r"<[^>]+>", " ", marked).split())

    return text


@pytest.fixture
def client_of_nobody(db: None) -> Client:
    return Client()

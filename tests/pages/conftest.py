"""People at the sign-in pages."""

from collections.abc import Callable

import pytest

from accounts import users
from accounts.models import User
from tests import premade
from tests.asgi_client import Client
from tests.pages.visitor import PASSWORD, Visitor


@pytest.fixture
def visitor(client: Client, db: None) -> Visitor:
    return Visitor(client)


@pytest.fixture
def visit(client: Client, db: None) -> Callable[..., Visitor]:
    """Another browser, elsewhere if need be."""

    def another(address: str = "203.0.113.7", language: str = "en") -> Visitor:
        return Visitor(client, address, language)

    return another


@pytest.fixture
def ann(db: None) -> User:
    return users.create("ann", encoded=premade.encoded(PASSWORD), email="ann@example.org")


@pytest.fixture
def signed_in(visitor: Visitor, ann: User) -> Visitor:
    visitor.sign_in("ann")
    return visitor

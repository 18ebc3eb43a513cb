"""A person and a program for each test that asks."""

from typing import Any

import pytest

from accounts.models import User
from tests.asgi_client import Client
from tests.oauth import people


@pytest.fixture
def ann(db: None) -> User:
    return people.person("ann")


@pytest.fixture
def program(client: Client, db: None) -> str:
    """The id of a public program with all grants."""
    return str(people.register(client)["client_id"])


@pytest.fixture
def keeper(client: Client, db: None) -> dict[str, Any]:
    """A confidential program."""
    return people.register(client, token_endpoint_auth_method="client_secret_basic", client_name="Keeper")

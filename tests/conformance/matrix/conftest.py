"""The servers that the tests of this folder share: each is started when the first test asks for it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.conformance.matrix import operating
from tests.conformance.matrix.client import Matrix, Session
from tests.live import Installation, running

TOKEN = "welcome"  # of the strict server, good for any number of accounts
TERMS = {"privacy_policy": {"version": "1.0", "en": {"name": "Privacy policy", "url": "https://example.org/privacy"}}}


@pytest.fixture(scope="package")
def open_installation() -> Iterator[Installation]:
    """Anybody may register; it says whose address it knows; wide limits."""
    with running(HIDE_ADDRESSES="off", MATRIX_NEXT_LINK_HOSTS="example.org") as installation:
        yield installation


@pytest.fixture
def matrix(open_installation: Installation) -> Matrix:
    """A client of the open server."""
    return Matrix(open_installation.server.port)


@pytest.fixture(scope="package")
def administrator(open_installation: Installation) -> Session:
    """Somebody who may lock and suspend others on the open server."""
    found = Matrix(open_installation.server.port).register()
    operating.make_administrator(open_installation.database, found.name)
    return found


@pytest.fixture(scope="package")
def strict_installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """A new account needs a registration token and accepts terms; the server says nothing of addresses."""
    terms = tmp_path_factory.mktemp("terms") / "terms.json"
    terms.write_text(json.dumps(TERMS))
    settings: dict[str, Any] = {
        "REGISTRATION": "token",
        "REGISTRATION_EMAIL": "optional",
        "PUBLIC_URL": "https://id.example.org",
    }
    with running(TERMS_FILE=str(terms), MATRIX_SERVER_NAME="example.org", **settings) as installation:
        installation.manage("registration_tokens", "issue", "--token", TOKEN)
        yield installation


@pytest.fixture(scope="package")
def shut_installation() -> Iterator[Installation]:
    """Everything that can be switched off is off."""
    settings: dict[str, Any] = {"MATRIX_LEGACY_LOGIN": "off", "MATRIX_GET_LOGIN_TOKEN": "off", "MATRIX_GUESTS": "off"}
    with running(REGISTRATION="closed", **settings) as installation:
        yield installation


@pytest.fixture(scope="package")
def narrow_installation() -> Iterator[Installation]:
    """Each limit is used up after two; a client may say where it is, so that tests do not use up each other's."""
    names = ("LOGIN", "VALIDITY", "LOGIN_TOKEN", "REFRESH")
    settings: dict[str, Any] = {f"MATRIX_{name}_RATE": "2/30" for name in names}
    settings |= {"MATRIX_REGISTRATION_RATE": "1/3"}  # matrix-nio waits that long
    settings |= {"MAIL_RATE": "2/30", "PASSWORD_FAILURE_RATE": "2/30", "RATE_LIMIT_SCALE": "1"}
    with running(TRUSTED_PROXIES="127.0.0.0/8", **settings) as installation:
        yield installation


@pytest.fixture(scope="package")
def token_installation() -> Iterator[Installation]:
    """A new account needs a registration token and nothing else, as matrix-nio knows it; its URL is set."""
    with running(REGISTRATION="token", PUBLIC_URL="https://id.example.org") as installation:
        yield installation

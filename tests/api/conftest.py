"""Tokens of each door, made over the wire where a door is open."""

from collections.abc import Callable

import pytest

from accounts import tokens, users
from accounts.models import Flow, Token, User

PASSWORD = "correct horse battery"


@pytest.fixture
def bob(db: None) -> User:
    return users.create("bob", password=PASSWORD, email="Bob@Example.org", display_name="Bob")


@pytest.fixture
def issued(bob: User) -> Callable[..., str]:
    """A live access token of a flow, stored as its door would."""
    numbers = iter(range(1000))

    def make(flow: str = Flow.OTP, *, lifetime: float | None = 300, **more: object) -> str:
        secret = f"{flow}-secret-{next(numbers)}"
        tokens.issue(tokens.Minted(secret, lifetime), user=bob, flow=flow, **{"amr": "pwd otp", **more})  # type: ignore[arg-type]
        return secret

    return make


@pytest.fixture
def revoke() -> Callable[[str], None]:
    def end(secret: str) -> None:
        tokens.revoke(Token.objects.filter(digest=tokens.digest(secret)), reason="test")

    return end

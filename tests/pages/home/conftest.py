"""Somebody at their account's pages, and somebody else whose rows are none of theirs."""

from collections.abc import Callable

import pytest

from accounts import credentials, devices, tokens, users
from accounts.models import Device, Flow, Token, User
from tests import premade
from tests.pages.visitor import PASSWORD, Visitor

KEY, OTHER_KEY = "05" + "1a" * 32, "05" + "2b" * 32


@pytest.fixture
def bob(db: None) -> User:
    """With one of everything."""
    user = users.create("bob", encoded=premade.encoded(PASSWORD), email="bob@example.org")
    credentials.add_x25519_key(user, OTHER_KEY)
    open_device(user, "BOBSDEVICE")
    return user


@pytest.fixture
def stranger(bob: User, visit: Callable[..., Visitor]) -> Visitor:
    """Bob's browser, signed in."""
    visitor = visit("198.51.100.7")
    visitor.sign_in("bob")
    return visitor


def open_device(
    user: User,
    device_id: str,
    *,
    kind: str = Device.Kind.MATRIX,
    flow: str = Flow.MATRIX,
    name: str = "",
    credential: str = "",
) -> Device:
    """A device with one live token."""
    device = devices.open(
        user, kind=kind, device_id=device_id, display_name=name, user_agent="Firefox/140.0 Linux", ip="192.0.2.9"
    )
    minted = tokens.Minted(f"secret of {user.pk} {device_id}")
    tokens.issue(minted, user=user, flow=flow, device=device, credential=credential)
    return device


def open_program(user: User, client: str = "c0ffee") -> Token:
    """A session of a program without a device."""
    minted = tokens.Minted(f"program of {user.pk} {client}")
    return tokens.issue(minted, user=user, flow=Flow.DEVICELOGIN, client=client)


def ref(device: Device) -> str:
    return f"d{device.pk}"


def passes(seconds: float) -> float:
    """Longer than a proof of who one is counts."""
    from django.conf import settings

    return float(settings.RECENT_SIGN_IN) + seconds

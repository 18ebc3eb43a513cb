"""`manage.py admin_bootstrap`: `make run` calls it so that a fresh installation can be administrated at once."""

import secrets
from collections.abc import Iterator
from itertools import count
from typing import Any

from django.conf import settings

from accounts import users
from accounts.management.base import HouseCommand
from accounts.models import User

_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # nothing that is mistaken for something else when read aloud


class Command(HouseCommand):
    """Makes somebody who can sign in to the administration, once."""

    help = "Make a first administrator if there is none; prints its name and a one-time password once."

    def handle(self, *args: Any, **options: Any) -> None:
        """Says nothing when somebody can administrate already."""
        if User.objects.filter(is_staff=True, locked_at=None, deactivated_at=None).exists():
            return
        name = next(name for name in _names() if users.find(name) is None)
        password = "-".join("".join(secrets.choice(_ALPHABET) for _ in range(5)) for _ in range(4))
        users.create(name, password=password, administrator=True, by_administrator=True, must_change_password=True)
        where = f"{settings.PUBLIC_URL}/{settings.ADMIN_PATH}"
        self.line(f"First administrator: {name}", f"one-time password: {password}", f"sign in at {where}")


def _names() -> Iterator[str]:
    """`admin`, or the first free name beside it: an account that exists is never promoted."""
    yield "admin"
    yield from (f"admin{number}" for number in count(2))

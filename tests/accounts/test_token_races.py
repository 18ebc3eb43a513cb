"""Racing refreshes: R24. After any number of them at most one access token is alive once it has been used."""

import secrets
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

from accounts import tokens, users
from accounts.errors import Refusal

pytestmark = pytest.mark.django_db(transaction=True)
RACERS = 8


def test_of_racing_refreshes_one_pair_is_good():
    user = users.create("alice")
    refresh = secrets.token_urlsafe(32)
    tokens.issue(tokens.Minted(refresh), user=user, flow="matrix", kind="refresh")
    together = Barrier(RACERS)

    def rotate(_: int) -> str | None:
        access, successor = tokens.Minted(secrets.token_urlsafe(32), 300), tokens.Minted(secrets.token_urlsafe(32))
        together.wait(30)
        try:
            tokens.rotate(refresh, flow="matrix", access=access, refresh=successor, grace=60)
        except Refusal:
            return None
        finally:
            connection.close()
        return access.secret

    with ThreadPoolExecutor(RACERS) as pool:
        pairs = [secret for secret in pool.map(rotate, range(RACERS)) if secret]
    assert pairs
    for secret in pairs:  # each client uses what it was given
        tokens.check(secret, flow="matrix")
    alive = [secret for secret in pairs if tokens.check(secret, flow="matrix")]
    assert len(alive) == 1

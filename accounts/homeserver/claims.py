"""Calls about one account follow each other, whichever process makes them: a claim on its row.

Without it a login could tell the homeserver of a device while the worker, having seen none, takes the same one away.
"""

import contextlib
import secrets
import time
from collections.abc import Iterator

from django.db import Error
from django.db.models import Q

from accounts import clock, inserts
from accounts.errors import Reason, Refusal
from accounts.models import HomeserverAccount, User

_LIFE = 45.0  # seconds; longer than the calls of one login with all their time-outs
_POLL = 0.03


@contextlib.contextmanager
def claimed(user_id: int, *, patience: float) -> Iterator[HomeserverAccount]:
    """The account's row, its own for the block; UNAVAILABLE when another keeps it for `patience` seconds."""
    secret = secrets.token_hex(16)
    deadline = time.monotonic() + patience
    while not _take(user_id, secret):
        if time.monotonic() >= deadline:
            raise Refusal(Reason.UNAVAILABLE, retry_after=2.0, detail="calls about the account are under way")
        time.sleep(_POLL)
    try:
        yield HomeserverAccount.objects.select_related("user").get(user_id=user_id)
    finally:
        with contextlib.suppress(Error):  # it ends by itself
            HomeserverAccount.objects.filter(user_id=user_id, claim=secret).update(claim="", claimed_until=None)


def renew(account: HomeserverAccount) -> None:
    """More time, before the next of several calls."""
    HomeserverAccount.objects.filter(pk=account.pk, claim=account.claim).update(claimed_until=clock.after(_LIFE))


def _take(user_id: int, secret: str) -> bool:
    moment = clock.now()
    free = Q(claimed_until=None) | Q(claimed_until__lt=moment)
    values = {"claim": secret, "claimed_until": clock.after(_LIFE, moment)}
    rows = HomeserverAccount.objects.filter(user_id=user_id)
    if rows.filter(free).update(**values):
        return True
    if rows.exists():
        return False
    name = User.objects.filter(pk=user_id).values_list("username", flat=True).first()
    if name is None:
        raise Refusal(Reason.NOT_FOUND, field="username")
    return inserts.insert(HomeserverAccount(user_id=user_id, localpart=name, created_at=moment, **values))

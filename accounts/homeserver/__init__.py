"""A Synapse that delegates its authentication to this server: what it must know of accounts and devices
(matrix-oauth.md §8). Without `MATRIX_HOMESERVER_URL` every verb here does nothing.

    with homeserver.preparing(user, device_id, display_name):
        open_the_session()                         # outside any transaction; UNAVAILABLE when Synapse does not answer

A Synapse takes a token only when it knows its user and device, so both go there first. Everything that ends or changes
later is a row of a queue, written in the transaction that does it and delivered by the server's background work.
"""

from accounts.homeserver.provisioning import (
    allow_cross_signing_reset,
    check_name,
    connect_existing,
    prepare,
    preparing,
    reactivate,
)
from accounts.homeserver.queue import (
    account_changed,
    account_created,
    device_renamed,
    devices_end,
    devices_wanted,
    is_on,
    queued,
    tokens_end,
)

__all__ = [
    "account_changed",
    "account_created",
    "allow_cross_signing_reset",
    "check_name",
    "connect_existing",
    "device_renamed",
    "devices_end",
    "devices_wanted",
    "is_on",
    "prepare",
    "preparing",
    "queued",
    "reactivate",
    "tokens_end",
]

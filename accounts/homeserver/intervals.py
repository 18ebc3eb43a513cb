"""When the homeserver's list of an account's devices is compared again: once a day, not all at once."""

import secrets
from datetime import datetime

from django.conf import settings

from accounts import clock

AFTER_FAILURE = 3_600.0  # seconds


def first_sync(moment: datetime) -> datetime:
    """Somewhere within the next interval."""
    return clock.after(_share(0.0, 1.0), moment)


def next_sync(moment: datetime) -> datetime:
    """An interval later, a tenth more or less."""
    return clock.after(_share(0.9, 1.1), moment)


def _share(least: float, most: float) -> float:
    return float(settings.MATRIX_HOMESERVER_SYNC_INTERVAL) * (least + (most - least) * secrets.randbelow(1000) / 1000)

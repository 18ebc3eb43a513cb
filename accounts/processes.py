"""The processes that serve now, over all machines: each says so every few seconds, with the sockets it holds."""

from collections.abc import Mapping
from datetime import datetime

from django.db.models import QuerySet

from accounts import clock
from accounts.models import ServerProcess

INTERVAL = 15.0  # seconds between two words of a process
_SILENT = 50.0  # seconds without one after which it is taken for gone
_FORGOTTEN = 3_600.0


def tell(name: str, *, started_at: datetime, sockets: Mapping[str, int], memory: int) -> None:
    """This process lives. `sockets` by door; `memory` in bytes."""
    values = {"seen_at": clock.now(), "started_at": started_at, "sockets": dict(sockets), "memory": memory}
    ServerProcess.objects.update_or_create(name=name[:64], defaults=values)
    ServerProcess.objects.filter(seen_at__lt=clock.after(-_FORGOTTEN)).delete()


def leave(name: str) -> None:
    """This process stops."""
    ServerProcess.objects.filter(name=name[:64]).delete()


def living() -> QuerySet[ServerProcess]:
    """Those that spoke lately, the oldest first."""
    return ServerProcess.objects.filter(seen_at__gt=clock.after(-_SILENT)).order_by("started_at", "name")

"""`manage.py purge`: deletes what is expired, now; the server also does it by itself (R62)."""

from typing import Any

from accounts import retention
from accounts.management.base import HouseCommand


class Command(HouseCommand):
    """Runs every job of `retention`."""

    help = "Delete what is expired, in batches, while the server runs."

    def handle(self, *args: Any, **options: Any) -> None:
        """Purges; a second purge at the same time does no harm."""
        counts = retention.purge_all(lambda name, count: self.progress(f"{name}: {count} deleted"))
        for name, count in counts.items():
            self.line(f"{count} deleted", did=name)

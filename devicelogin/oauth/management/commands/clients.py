"""`manage.py clients`: programs that sign people in over OAuth (operations.md §3)."""

from collections.abc import Iterator
from typing import Any

from django.core.management.base import CommandError, CommandParser

from accounts.errors import Refusal
from accounts.management.base import HouseCommand, Verbs, add_json, shown
from devicelogin.oauth import clients, hosts
from devicelogin.oauth.models import Client

_BATCH = 500


class Command(HouseCommand):
    """`clients list`, `block`, `unblock`, `forget`."""

    help = "Programs that sign people in over OAuth."

    def add_arguments(self, parser: CommandParser) -> None:
        """The verbs of operations.md §3, and `unblock`."""
        verbs = Verbs(parser)
        add_json(verbs.add("list", self._list, "list all programs, the latest first"))
        block = verbs.add("block", self._block, "refuse the programs of a host and of those below it; sessions end")
        block.add_argument("client", metavar="CLIENT", help="a client id, or a host")
        block.add_argument("--note", default="", metavar="TEXT", help="why, for other administrators")
        unblock = verbs.add("unblock", self._unblock, "serve the programs of a host again")
        unblock.add_argument("host", metavar="HOST")
        forget = verbs.add("forget", self._forget, "delete a registration; its sessions end")
        forget.add_argument("client", metavar="CLIENT")

    def _list(self, *, as_json: bool, **_: Any) -> None:
        described = _described()
        if as_json:
            self.json(described)
            return
        for one in described:
            self.line(
                one["client_id"],
                one["host"],
                one["client_name"],
                f"{one['live_sessions']} live",
                f"used {shown(one['last_used_at'])}",
                "blocked" if one["blocked_at"] else "",
            )

    def _block(self, *, client: str, note: str, **_: Any) -> None:
        known = Client.objects.filter(client_id=client).first()
        host = known.host if known else client.lower()
        if known is None and ("." not in host or hosts.of(f"https://{host}") != host):
            raise CommandError(f"no client {client}, and no host of that name can be")
        count = clients.block(host, note=note)
        self.line(host, f"{count} registered", did="blocked")

    def _unblock(self, *, host: str, **_: Any) -> None:
        try:
            count = clients.unblock(host.lower())
        except Refusal:
            raise CommandError(f"{host} is not blocked") from None
        self.line(host.lower(), f"{count} served again", did="unblocked")

    def _forget(self, *, client: str, **_: Any) -> None:
        try:
            clients.forget(client)
        except Refusal:
            raise CommandError(f"no client {client}") from None
        self.line(client, did="forgotten")


def _described() -> Iterator[dict[str, Any]]:
    """Every registration with its live sessions, counted a batch at a time."""
    batch: list[Client] = []
    for row in clients.listed().defer("digest", "secret_digest").iterator(chunk_size=_BATCH):
        batch.append(row)
        if len(batch) == _BATCH:
            yield from _of(batch)
            batch = []
    yield from _of(batch)


def _of(batch: list[Client]) -> Iterator[dict[str, Any]]:
    living = clients.live_sessions([row.client_id for row in batch])
    for row in batch:
        yield {
            "client_id": row.client_id,
            "client_name": row.name,
            "host": row.host,
            "redirect_uris": row.metadata.get("redirect_uris", []),
            "grant_types": row.metadata.get("grant_types", []),
            "live_sessions": living.get(row.client_id, 0),
            "created_at": row.created_at,
            "last_used_at": row.last_used_at,
            "blocked_at": row.blocked_at,
        }

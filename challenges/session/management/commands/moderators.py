"""`manage.py moderators`: Session's global moderators (operations.md §3)."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from accounts.management.base import HouseCommand, Verbs, add_json
from challenges.session import moderation
from challenges.session.models import Moderator


class Command(HouseCommand):
    """`moderators add`, `remove`, `list`."""

    help = "Session's global moderators; a key may be named before its first login."

    def add_arguments(self, parser: CommandParser) -> None:
        """The verbs of operations.md §3."""
        verbs = Verbs(parser)
        for name, run, words in (
            ("add", self._add, "make a key a global moderator"),
            ("remove", self._remove, "take moderator rights away"),
        ):
            verbs.add(name, run, words).add_argument("pubkey", metavar="PUBKEY", help="05 and 64 hex digits")
        add_json(verbs.add("list", self._list, "list moderators"))

    def _add(self, *, pubkey: str, **_: Any) -> None:
        self.line(pubkey.lower(), did="added" if moderation.add(pubkey) else "is a moderator already")

    def _remove(self, *, pubkey: str, **_: Any) -> None:
        if not moderation.remove(pubkey):
            raise CommandError(f"no moderator {pubkey}")
        self.line(pubkey.lower(), did="removed")

    def _list(self, *, as_json: bool, **_: Any) -> None:
        moderators = Moderator.objects.order_by("pk")
        if as_json:
            self.json(
                {"pubkey": one.public_key, "channels": one.channels, "note": one.note, "created_at": one.created_at}
                for one in moderators
            )
            return
        for one in moderators:
            where = "global" if one.is_global else f"channels {one.channels}"
            self.line(one.public_key, where, f"({one.note})" if one.note else "")

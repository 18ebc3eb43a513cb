"""`manage.py registration_tokens`: who may make an account while REGISTRATION is `token` (operations.md §3)."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from accounts import registration_tokens
from accounts.errors import Refusal
from accounts.management.base import HouseCommand, Verbs, add_json, future, shown
from accounts.models import RegistrationToken


class Command(HouseCommand):
    """`registration_tokens issue`, `list`, `revoke`."""

    help = "Tokens that let somebody make an account while REGISTRATION is token."

    def add_arguments(self, parser: CommandParser) -> None:
        """The verbs of operations.md §3."""
        verbs = Verbs(parser)
        issue = verbs.add("issue", self._issue, "make a token; without --uses and --until it has no end")
        issue.add_argument("--uses", type=int, metavar="N", help="how many accounts it may make")
        issue.add_argument("--until", type=future, metavar="ISO", help="when it ends, UTC where no zone is named")
        issue.add_argument("--token", default="", metavar="TEXT", help="its text, of A-Z a-z 0-9 . _ ~ -; else random")
        issue.add_argument("--note", default="", metavar="TEXT", help="what it is for, for other administrators")
        add_json(verbs.add("list", self._list, "list all tokens, the newest first"))
        revoke = verbs.add("revoke", self._revoke, "end a token for good; the accounts it made stay")
        revoke.add_argument("token", metavar="TOKEN")

    def _issue(self, *, uses: int | None, until: datetime | None, token: str, note: str, **_: Any) -> None:
        row = registration_tokens.issue(uses=uses, until=until, token=token, note=note)
        self.line(*_cells(row), did="issued")
        if settings.REGISTRATION != "token":
            self.remark(f"REGISTRATION is {settings.REGISTRATION}: no token is asked for")

    def _list(self, *, as_json: bool, **_: Any) -> None:
        rows = registration_tokens.listed().iterator()
        if as_json:
            self.json(_described(row) for row in rows)
            return
        for row in rows:
            self.line(*_cells(row))

    def _revoke(self, *, token: str, **_: Any) -> None:
        try:
            is_new = registration_tokens.revoke(token)
        except Refusal:
            raise CommandError(f"no registration token {token}") from None
        self.line(token, did="revoked" if is_new else "was revoked before")


def _cells(row: RegistrationToken) -> list[str]:
    """One token as `list` shows it."""
    allowed = "any number" if row.uses_allowed is None else row.uses_allowed
    return [
        row.token,
        registration_tokens.state(row).value,
        f"{row.completed} of {allowed} used",
        f"{held} pending" if (held := registration_tokens.pending(row)) else "",
        f"until {shown(row.expires_at)}" if row.expires_at else "",
        row.note,
    ]


def _described(row: RegistrationToken) -> dict[str, Any]:
    return {
        "token": row.token,
        "state": registration_tokens.state(row).value,
        "uses_allowed": row.uses_allowed,
        "completed": row.completed,
        "pending": registration_tokens.pending(row),
        "until": row.expires_at,
        "revoked_at": row.revoked_at,
        "note": row.note,
        "author": row.author.username if row.author else None,
        "created_at": row.created_at,
    }

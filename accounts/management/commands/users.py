"""`manage.py users`: accounts (operations.md §3). NAME is an account's name or a Session key of it.

All sessions of one account are ended by `tokens revoke --user NAME`.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.core.management.base import CommandError, CommandParser

from accounts import credentials, emails, users
from accounts.errors import Reason, Refusal
from accounts.management import accounts_shown
from accounts.management.base import HouseCommand, Verbs, add_json, password_from_stdin, shown
from accounts.management.named import account_named
from accounts.models import User

# What is said when it is done, what `--help` says, the verb.
_STATES: dict[str, tuple[str, str, Callable[[User], None]]] = {
    "lock": ("locked", "refuse every token and close sockets at once; unlock gives the tokens back", users.lock),
    "unlock": ("unlocked", "undo lock", users.unlock),
    "suspend": ("suspended", "let the account sign in, but not change what others see of it", users.suspend),
    "unsuspend": ("no longer suspended", "undo suspend", users.unsuspend),
    "remove-second-factors": (
        "without a second factor",
        "take app, passkeys and recovery codes away; the password alone opens again",
        credentials.remove_second_factors,
    ),
    "deactivate": ("deactivated", "end the account for good; its name stays taken", users.deactivate),
}


class Command(HouseCommand):
    """`users create`, `lock`, `suspend` and their opposites, `deactivate`, `confirm`, `password`,
    `remove-second-factors`, `list`, `show`."""

    help = (
        "Accounts. NAME is an account's name, or a Session key that opens it. "
        "`tokens revoke --user NAME` ends all sessions of one."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """The verbs of operations.md §3."""
        verbs = Verbs(parser)
        create = verbs.add("create", self._create, "make an account; its address counts as confirmed")
        create.add_argument("name", metavar="NAME")
        create.add_argument("--email", default="", metavar="A")
        create.add_argument("--password-stdin", action="store_true", help="one line on standard input")
        create.add_argument("--admin", action="store_true", help="may use the administration")
        for name, (did, words, change) in _STATES.items():
            changing = verbs.add(name, self._change, words)
            changing.add_argument("name", metavar="NAME")
            changing.set_defaults(did=did, change=change)
        confirm = verbs.add("confirm", self._confirm, "vouch for an e-mail address that the account gave")
        confirm.add_argument("name", metavar="NAME")
        confirm.add_argument("address", metavar="ADDRESS")
        password = verbs.add("password", self._password, "set a password; every session of the account ends")
        password.add_argument("name", metavar="NAME")
        password.add_argument("--password-stdin", action="store_true", required=True, help="one line on standard input")
        add_json(verbs.add("list", self._list, "list accounts: name, state, credentials, last seen"))
        show = verbs.add("show", self._show, "one account with its credentials, devices and live sessions")
        show.add_argument("name", metavar="NAME")
        add_json(show)

    def _create(self, *, name: str, email: str, password_stdin: bool, admin: bool, **_: Any) -> None:
        password = password_from_stdin() if password_stdin else ""
        user = users.create(name, password=password, email=email, administrator=admin, by_administrator=True)
        self.line(*_cells(accounts_shown.listed(user)), did="created")
        if not password:
            self.remark(f"it has no password yet: users password {user.username} --password-stdin")

    def _change(self, *, name: str, did: str, change: Callable[[User], None], **_: Any) -> None:
        user = account_named(name)
        change(user)
        self.line(user.username, did=did)

    def _confirm(self, *, name: str, address: str, **_: Any) -> None:
        user = account_named(name)
        try:
            emails.confirm(user, address, actor=None)
        except Refusal as refusal:
            if refusal.reason is not Reason.NOT_FOUND:
                raise
            raise CommandError(f"{user.username} has no address {address}") from None
        self.line(user.username, address, did="confirmed")

    def _password(self, *, name: str, **_: Any) -> None:
        user = account_named(name)
        if user.state is User.State.DEACTIVATED:
            raise CommandError(f"{user.username} is deactivated, for good")
        password = password_from_stdin()
        users.set_password(user, password)
        self.line(user.username, did="password set")

    def _list(self, *, as_json: bool, **_: Any) -> None:
        if as_json:
            self.json(accounts_shown.all_listed())
            return
        for listed in accounts_shown.all_listed():
            self.line(*_cells(listed))

    def _show(self, *, name: str, as_json: bool, **_: Any) -> None:
        user = account_named(name)
        account = accounts_shown.account(user)
        parts = {
            "credentials": accounts_shown.opened_by(user),
            "devices": accounts_shown.devices(user),
            "sessions": accounts_shown.sessions(user),
        }
        if as_json:
            self.json([account | parts])
            return
        self.line("account", *_named(account))
        for part, rows in parts.items():
            for row in rows:
                self.line(part.removesuffix("s"), *_named(row))


def _cells(listed: accounts_shown.Facts) -> list[str]:
    """One account as `users list` shows it."""
    return [
        listed["name"],
        listed["state"],
        "administrator" if listed["administrator"] else "",
        ",".join(listed["credentials"]) or "no credentials",
        f"last seen {shown(listed['last_seen'])}" if listed["last_seen"] else "never seen",
    ]


def _named(facts: accounts_shown.Facts) -> list[str]:
    """`name=value` cells; what is not known is left out."""
    return [f"{name}={_value(value)}" for name, value in facts.items() if value not in {None, ""}]


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return shown(value) if isinstance(value, datetime) else str(value)

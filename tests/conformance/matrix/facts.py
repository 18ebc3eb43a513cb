"""The facts that the requests of `section_17` name: made when they are asked for, one account each time."""

import secrets
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

from tests.conformance.matrix import mails
from tests.conformance.matrix.client import PASSWORD, Matrix, Session, encoded, new_name
from tests.live import Installation


class Facts(Mapping[str, str]):
    """What a request of one account fills in."""

    def __init__(self, installation: Installation, administrator: Session | None = None) -> None:
        self.installation = installation
        self.matrix = Matrix(installation.server.port)
        self.administrator = administrator
        self._made: dict[str, str] = {}
        self._makers: dict[str, Callable[[], str]] = {
            "name": lambda: self.session.name,
            "user_id": lambda: encoded(self.session.user_id),
            "device_id": lambda: self.session.device_id,
            "refresh_token": lambda: self.session.refresh_token,
            "password": lambda: PASSWORD,
            "fresh_name": new_name,
            "fresh_email": lambda: f"{new_name()}@example.net",
            "secret": lambda: secrets.token_hex(8),
            "email": self._email,
            "proved_sid": self._proved_sid,
        }

    def __getitem__(self, name: str) -> str:
        if name not in self._made:
            self._made[name] = self._makers[name]()
        return self._made[name]

    def __iter__(self) -> Any:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)

    @cached_property
    def session(self) -> Session:
        """A new account of our own."""
        return self.matrix.register(refresh_token=True)

    @property
    def asking(self) -> Session:
        """Who asks: the account, or the administrator where only one may."""
        return self.administrator or self.session

    def fill(self, value: Any) -> Any:
        """The value with every `{name}` in it replaced."""
        if isinstance(value, str):
            return value.format_map(self)
        if isinstance(value, Mapping):
            return {key: self.fill(member) for key, member in value.items()}
        return [self.fill(member) for member in value] if isinstance(value, list) else value

    def _email(self) -> str:
        """An address that the account has."""
        address = f"{self.session.name}@example.net"
        mails.add_address(self.installation, self.session, address)
        return address

    def _proved_sid(self) -> str:
        """A proof of a new address, whose link was opened."""
        body = {"client_secret": self["secret"], "email": self["fresh_email"], "send_attempt": 1}
        answer = self.matrix.post("v3/account/3pid/email/requestToken", body, token=self.session.access_token)
        assert answer.status == 200, answer.body
        mails.open_link(self.installation, self["fresh_email"])
        return str(answer.json["sid"])

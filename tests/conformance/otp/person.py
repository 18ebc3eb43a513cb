"""A person who signs in with codes: asks, reads the mail, confirms. And what an operator does to them."""

import base64
import email
import email.policy
import hmac
import itertools
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.live import Installation

PASSWORD = "correct horse battery"
FAKE = "12345678"
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:60.0) Gecko/20100101 Firefox/60.0"
SYSTEM = "5.0 (X11)"
PEOPLE = 600  # accounts made beforehand: one command for all
_PATIENCE = 60.0  # seconds
_numbers = itertools.count()
_MAKE = f"""
from accounts import passwords, users
encoded = passwords.encode({PASSWORD!r})
for number in range({PEOPLE}):
    users.create(f"person{{number}}", email=f"person{{number}}@example.org", encoded=encoded)
"""


def make_people(installation: Installation) -> None:
    installation.manage("shell", "-c", _MAKE)


@dataclass
class Person:
    """Somebody with an account of their own."""

    installation: Installation
    ask: Callable[..., Any]
    name: str = field(default_factory=lambda: f"person{next(_numbers)}")

    @property
    def address(self) -> str:
        return f"{self.name}@example.org"

    def request(self, **changes: Any) -> Any:
        """What the seed's page sends in step 1; a change to `...` leaves the member out."""
        data = {
            "email": self.address,
            "password": PASSWORD,
            "browser": BROWSER,
            "os": SYSTEM,
            "remove": "true",
            "token_expiry": 63113852000,
        } | changes
        return self.ask("request_login_token", {key: value for key, value in data.items() if value is not ...})

    def token(self, **changes: Any) -> str:
        answer = self.request(**changes)
        assert isinstance(answer, str), answer
        return answer

    def confirm(self, token: object, otp: object, **changes: Any) -> dict[str, Any]:
        """What it sends in steps 2 and 3."""
        data = {"otp": otp, "token": token, "browser": BROWSER, "os": SYSTEM, "remove": "true"} | changes
        answer = self.ask("confirm_token", {key: value for key, value in data.items() if value is not ...})
        assert isinstance(answer["code"], str)
        assert ("access" in answer) is (answer.get("verified") is True), "only what is verified carries credentials"
        return dict(answer)

    def codes(self, *, count: int = 1) -> list[str]:
        """The codes of the mails that came, once there are so many."""
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            texts = self._mails()
            if len(texts) >= count:
                return [re.findall(r"\b\d{6,10}\b", text)[0] for text in texts]
            time.sleep(0.02)
        raise AssertionError(f"not {count} mails to {self.address}")

    def signed_in(self) -> tuple[str, dict[str, Any]]:
        """A remembered token with the answer that confirmed it."""
        token = self.token()
        answer = self.confirm(token, self.codes()[-1])
        assert answer["code"] == "1104", answer
        return token, answer

    def execute(self, sql: str) -> None:
        """Past the server; `{user}` is this person's id."""
        ((user,),) = self.installation.database.query(f"SELECT id FROM accounts_user WHERE username = '{self.name}'")
        connection = self.installation.database.connect()
        connection.execute(sql.replace("{user}", str(user)))
        connection.commit()
        connection.close()

    def _mails(self) -> list[str]:
        found = []
        for path in sorted((self.installation.folder / "mail").glob("*.log")):
            mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
            body = mail.get_body(("plain",))
            if mail["To"] == self.address and body is not None and "code" in str(mail["Subject"]):
                found.append(body.get_content())
        return found


def wrong(code: str) -> str:
    """Another code of the same length."""
    return str((int(code) + 1) % 10 ** len(code)).zfill(len(code))


def payload_of(token: str) -> dict[str, Any]:
    return dict(json.loads(_decoded(token.split(".")[1])))


def tampered(token: str, **changes: Any) -> str:
    """Another payload under the old signature."""
    header, _, signature = token.split(".")
    return f"{header}.{_encoded(json.dumps(payload_of(token) | changes))}.{signature}"


def signed_anew(installation: Installation, token: str, **changes: Any) -> str:
    """Another payload with a signature of the server's: its key is known here, so that no test waits for an end."""
    head = f"{token.split('.', maxsplit=1)[0]}.{_encoded(json.dumps(payload_of(token) | changes))}"
    key = hmac.digest(installation.environment["SECRET_KEY"].encode(), b"latchkey jwt otp-login", "sha256")
    signature = base64.urlsafe_b64encode(hmac.digest(key, head.encode(), "sha256")).decode().rstrip("=")
    return f"{head}.{signature}"


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

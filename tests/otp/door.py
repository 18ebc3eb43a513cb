"""A client of the code door, below the sockets: one message, one answer."""

import asyncio
import re
from typing import Any

from accounts import mail_content, users
from accounts.models import QueuedMail, User
from challenges.otp import answers

PASSWORD = "correct horse battery"
ADDRESS = "alice@example.org"
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:109.0) Gecko/20100101 Firefox/115.0"
SYSTEM = "5.0 (X11)"
IP = "192.0.2.1"
FAKE = "12345678"


def alice(**more: Any) -> User:
    return users.create("alice", password=PASSWORD, email=ADDRESS, **more)


def ask(event: str, data: object, *, ip: str = IP) -> Any:
    return asyncio.run(answers.answer(event, data, ip=ip))


def request(*, ip: str = IP, **changes: Any) -> Any:
    """The answer to a request; a change to `...` leaves the member out."""
    data = {"email": ADDRESS, "password": PASSWORD, "browser": BROWSER, "os": SYSTEM, "remove": "true"} | changes
    return ask("request_login_token", {key: value for key, value in data.items() if value is not ...}, ip=ip)


def token(**changes: Any) -> str:
    answer = request(**changes)
    assert isinstance(answer, str), answer
    return answer


def confirm(token: object, otp: object, *, ip: str = IP, **changes: Any) -> dict[str, Any]:
    data = {"otp": otp, "token": token, "browser": BROWSER, "os": SYSTEM, "remove": "true"} | changes
    answer: dict[str, Any] = ask(
        "confirm_token", {key: value for key, value in data.items() if value is not ...}, ip=ip
    )
    assert isinstance(answer["code"], str)
    assert isinstance(answer["message"], str)
    assert ("access" in answer) is (answer.get("verified") is True), "only what is verified carries credentials"
    return answer


def mails(template: str = "login-code") -> list[QueuedMail]:
    return list(QueuedMail.objects.filter(template=template).order_by("pk"))


def text_of(mail: QueuedMail) -> str:
    return mail_content.unsealed(mail.sealed).text


def code() -> str:
    """The code of the newest mail."""
    (found,) = re.findall(r"^\d{6,10}$", text_of(mails()[-1]), re.MULTILINE)
    return str(found)


def wrong() -> str:
    """A code that is not the newest one."""
    return str((int(code()) + 1) % 10**6).zfill(6)


def signed_in(**changes: Any) -> tuple[str, dict[str, Any]]:
    """A remembered token with the answer that confirmed it."""
    fresh = token(**changes)
    answer = confirm(fresh, code())
    assert answer["code"] == "1104", answer
    return fresh, answer

"""What a person does with a mail: waits for it, finds the link, opens it."""

import email
import email.policy
import re
import secrets
import time
from pathlib import Path
from urllib.parse import urlsplit

from tests.conformance.matrix.client import Answer, Matrix, Session
from tests.live import Installation

_PATIENCE = 30.0  # seconds; mails are written within moments
_LINK = re.compile(r"https?://[^\s\"<>]+submit_token[^\s\"<>]*")


def texts(folder: Path, address: str) -> list[str]:
    """The text of every mail to an address, oldest first."""
    found = []
    for path in sorted((folder / "mail").glob("*.log")):
        mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        body = mail.get_body(("plain",))
        if address in str(mail["To"]) and body is not None:
            found.append(body.get_content())
    return found


def wait_for(folder: Path, address: str, *, count: int = 1, secret: str = "") -> list[str]:
    """The texts of the mails to an address, once there are so many that hold the secret."""
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        found = [text for text in texts(folder, address) if secret in text]
        if len(found) >= count:
            return found
        time.sleep(0.02)
    raise AssertionError(f"not {count} mails to {address}")


def link(folder: Path, address: str, *, secret: str = "") -> str:
    """Path and query of the link in the newest mail to the address; `secret` is the client's, to tell mails apart."""
    parts = urlsplit(_LINK.findall(wait_for(folder, address, secret=secret or "submit_token")[-1])[-1])
    return f"{parts.path}?{parts.query}"


def open_link(installation: Installation, address: str, *, secret: str = "") -> Answer:
    """Opens the link of the newest mail, as a browser would."""
    answer = Matrix(installation.server.port).get(link(installation.folder, address, secret=secret))
    assert answer.status in {200, 302}, answer.body
    return answer


def add_address(installation: Installation, session: Session, address: str) -> None:
    """Gives an account a proved address."""
    matrix, secret = Matrix(installation.server.port), secrets.token_hex(8)
    body = {"client_secret": secret, "email": address, "send_attempt": 1}
    answer = matrix.post("v3/account/3pid/email/requestToken", body, token=session.access_token)
    assert answer.status == 200, answer.body
    open_link(installation, address)
    proof = {"sid": answer.json["sid"], "client_secret": secret}
    added = matrix.proved("POST", "v3/account/3pid/add", proof, asking=session)
    assert added.status == 200, added.body

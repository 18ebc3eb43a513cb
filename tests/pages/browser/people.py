"""What a person does at the pages: sign up, read mail, show a code of their app, hold a passkey."""

import email
import re
import time
from email import policy
from typing import Any

from tests.live import Installation

PASSWORD = "correct horse battery"


def base_of(installation: Installation) -> str:
    """Under the name to which browsers give passkeys without https."""
    return f"http://localhost:{installation.server.port}"


def mail_to(installation: Installation, address: str, *, having: str = "", seconds: float = 30.0) -> str:
    """The text of the newest mail to the address, once there is one; it is gone then.

    Mails about new devices come in between: they are left lying unless `having` asks for what is in them.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for file in sorted((installation.folder / "mail").glob("*"), reverse=True):
            message = email.message_from_bytes(file.read_bytes(), policy=policy.default)
            if message["To"] == address:
                body = message.get_body()
                assert body is not None
                text = str(body.get_content())
                if having in text and (having or "/account/new-device/" not in text):
                    file.unlink()
                    return text
        time.sleep(0.05)
    raise AssertionError(f"no mail came for {address}")


def code_for(installation: Installation, address: str) -> str:
    return str(re.findall(r"^ +(\d{6})$", mail_to(installation, address), re.MULTILINE)[0])


def make(installation: Installation, *names: str) -> None:
    """Accounts with the password and the address NAME@example.org, by one command: each start takes its time."""
    each = f"for name in {names!r}: users.create(name, password={PASSWORD!r}, email=f'{{name}}@example.org')"
    installation.manage("shell", "-c", f"from accounts import users\n{each}")


def sign_in(page: Any, base: str, name: str, password: str = PASSWORD) -> None:
    page.goto(f"{base}/account/login/")
    page.fill("#id_name", name)
    page.fill("#id_password", password)
    press(page, "form:has(#id_password) button[type=submit]")


def submit(page: Any) -> None:
    """The form of the page, not the one that signs out."""
    press(page, "main form button[type=submit]")


def press(page: Any, what: str) -> None:
    """Presses what leads to another page, and waits for that."""
    with page.expect_navigation():
        page.click(what)


def shown_code(key: str, *, at: float | None = None) -> str:
    """What the app shows for a key as it is typed: now, or at another moment (unix seconds)."""
    from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value

    return str(format_hotp_value(hotp_value(key.replace(" ", ""), int(time.time() if at is None else at) // 30)))


def authenticator(page: Any) -> Any:
    """A device that holds passkeys and asks for nothing."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return devtools

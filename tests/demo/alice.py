"""Alice: her account page, used as people use it, and her mailbox."""

import email
import email.policy
import html
import re
import time
from collections.abc import Callable

from tests.conformance.oauth.browser import Form, Page
from tests.conformance.oauth.person import Person
from tests.live import Installation

NAME, ADDRESS = "alice", "alice@example.org"
_PATIENCE = 60.0  # seconds


class Mailbox:
    """What arrives; each mail is looked at once."""

    def __init__(self, installation: Installation) -> None:
        self._folder = installation.folder / "mail"
        self._seen: set[str] = set()

    def wait_for(self, wanted: Callable[[str, str], bool]) -> tuple[str, str]:
        """Subject and text of the first mail that is wanted, once it is there."""
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            for name, subject, text in self._fresh():
                if wanted(subject, text):
                    self._seen.add(name)
                    return subject, text
            time.sleep(0.05)
        raise AssertionError("the mail did not come")

    def code(self) -> str:
        """Of the next mail that holds one."""
        _, text = self.wait_for(lambda _, text: bool(re.search(r"^ *\d{6}$", text, re.MULTILINE)))
        return str(re.findall(r"^ *(\d{6})$", text, re.MULTILINE)[0])

    def _fresh(self) -> list[tuple[str, str, str]]:
        found = []
        for path in sorted(self._folder.glob("*.log")):
            if path.name not in self._seen:
                mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
                body = mail.get_body(("plain",))
                assert body is not None
                found.append((path.name, str(mail["Subject"]), str(body.get_content())))
        return found


class AccountPage:
    """She is signed in at a browser."""

    def __init__(self, installation: Installation, mailbox: Mailbox) -> None:
        self.person = Person(installation, NAME).signed_in()
        self._mailbox = mailbox

    def add_address(self) -> str:
        """Adds and confirms her address; answers the mailed code."""
        page = self._open("emails/add/")
        page = self._send(page, "email", email=ADDRESS)
        code = self._mailbox.code()
        assert f"{ADDRESS} is confirmed" in _words(self._send(page, "code", code=code))
        return code

    def add_session_key(self, token: str) -> str:
        """Adds the key that an active Session token is of; answers what the page says."""
        return _notice(self._send(self._open("keys/session/add/"), "token", token=token))

    def add_openpgp_key(self, public_key: str, sign: Callable[[str], str]) -> str:
        """Adds the key that signs the page's challenge; answers what the page says."""
        page = self._open("keys/openpgp/add/")
        challenge, *_ = re.findall(r'<pre[^>]*class="text"[^>]*>(.*?)</pre>', page.text, re.DOTALL)
        signed = sign(html.unescape(challenge))
        form = next(form for form in page.forms if "logout" not in form.action)
        return _notice(self.person.browser.submit(page, form, publicKey=public_key, signature=signed))

    def devices(self) -> list[str]:
        """What is signed in: name and door of each."""
        page = self._open("devices/")
        rows = re.findall(r"<li><div><strong><bdi>(.*?)</bdi>.*?<span class=\"quiet\">([^<·]*)", page.text, re.DOTALL)
        return [f"{html.unescape(name)}, {html.unescape(door).strip()}" for name, door in rows]

    def _open(self, path: str) -> Page:
        page = self.person.browser.open(f"{self.person.browser.public_url}/account/{path}")
        assert page.answer.status == 200, page.text[:3000]
        return page

    def _send(self, page: Page, field: str, **values: str) -> Page:
        form: Form = page.form(having=field)
        done = self.person.browser.submit(page, form, **values)
        assert done.answer.status == 200, done.text[:3000]
        return done


def _notice(page: Page) -> str:
    assert page.answer.status == 200, _words(page)
    [notice] = re.findall(r'<p class="notice[^"]*" role="status">(.*?)</p>', page.text, re.DOTALL)
    return html.unescape(notice.strip())


def _words(page: Page) -> str:
    content = page.text.partition("<main")[2].partition(">")[2].partition("</main>")[0]
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", content)).split())

"""The mail server and the queue, as `doctor` sees them: greeted, but nothing is sent unless an address is given."""

import socket
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest
from django.core import mail as django_mail

from accounts import clock, mail
from accounts.models import QueuedMail
from idp.doctor.findings import FAILED, GOOD
from idp.doctor.mails import to_address
from tests.idp.doctor.conftest import failed, good

pytestmark = pytest.mark.django_db
SMTP = "django.core.mail.backends.smtp.EmailBackend"


class MailServer:
    """A mail server of the least kind; what it was told is kept. `says` changes its answer to a command."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.says: dict[str, str] = {}
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with closing(connection), connection.makefile("rwb", buffering=0) as stream:
                self._talk(stream)

    def _talk(self, stream) -> None:
        stream.write(self._answer("greeting", "220 here"))
        while line := stream.readline():
            command = line.decode().strip()
            self.heard.append(command)
            word = command.partition(" ")[0].upper()
            if word == "DATA":
                stream.write(b"354 go on\r\n")
                while stream.readline().strip() != b".":
                    pass
                stream.write(b"250 kept\r\n")
                continue
            stream.write(self._answer(word, "250-here\r\n250 AUTH PLAIN" if word == "EHLO" else "250 fine"))
            if word == "QUIT":
                return

    def _answer(self, word: str, usual: str) -> bytes:
        return f"{self.says.get(word, usual)}\r\n".encode()


@pytest.fixture
def server(settings) -> Iterator[MailServer]:
    found = MailServer()
    settings.EMAIL_BACKEND, settings.EMAIL_HOST, settings.EMAIL_PORT = SMTP, "127.0.0.1", found.port
    settings.EMAIL_FILE_PATH = None
    settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "", ""
    settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
    settings.EMAIL_TIMEOUT = 10
    yield found
    found.close()


def test_the_mail_server_is_greeted_and_nothing_is_sent(server):
    assert good("mail") == f"127.0.0.1:{server.port} takes our greeting, without TLS"
    assert any(line.upper() == "NOOP" for line in server.heard)
    assert not any(line.upper().startswith(("MAIL", "RCPT", "DATA")) for line in server.heard)


def test_a_wrong_password_is_told_without_the_password(server, settings):
    settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "idp", "hushhush"
    server.says["AUTH"] = "535 hushhush is wrong"
    told = failed("mail")
    assert "SMTPAuthenticationError (535)" in told
    assert "refuses user or password" in told
    assert "hushhush" not in told


@pytest.mark.parametrize(("word", "answer", "expected"), [("greeting", "554 no", "554"), ("NOOP", "421 busy", "421")])
def test_a_server_that_says_no_is_told(server, word, answer, expected):
    server.says[word] = answer
    assert expected in failed("mail")


def test_a_server_that_is_not_there_is_told(server, settings):
    server.close()
    with socket.create_server(("127.0.0.1", 0)) as free:
        settings.EMAIL_PORT = free.getsockname()[1]
    assert "ConnectionRefusedError (Connection refused) · Check host and port" in failed("mail")
    settings.EMAIL_HOST = "no.such.host.invalid"
    assert "Check host and port" in failed("mail")


def test_files_stand_in_for_a_server_where_they_can_be_written(settings, tmp_path):
    settings.EMAIL_BACKEND, settings.EMAIL_FILE_PATH = "accounts.mail_files.EmailBackend", str(tmp_path / "mail")
    assert f"written to {tmp_path / 'mail'}" in good("mail")
    assert list((tmp_path / "mail").iterdir()) == []
    (tmp_path / "file").write_text("")
    settings.EMAIL_FILE_PATH = str(tmp_path / "file" / "mail")
    assert "Not a directory" in failed("mail")


@pytest.mark.parametrize("kind", ["console", "dummy"])
def test_mail_to_nobody_is_a_failure(settings, kind):
    settings.EMAIL_BACKEND = f"django.core.mail.backends.{kind}.EmailBackend"
    assert f"mails go to {kind}" in failed("mail")


def test_mails_that_wait_for_long_are_told_with_the_reason():
    assert good("mail-queue") == "none waits for long"
    mail.send("page-reset", to="ann@example.org", facts={"link": "https://x.example/"})
    assert good("mail-queue") == "none waits for long"
    QueuedMail.objects.update(created_at=clock.after(-400))
    assert "is the server running?" in failed("mail-queue")
    QueuedMail.objects.update(last_error="SMTPServerDisconnected")
    assert "SMTPServerDisconnected" in failed("mail-queue")


def test_a_mail_goes_to_the_address_that_is_given():
    found = to_address("ann@example.org").look()
    assert found.result == GOOD
    [sent] = django_mail.outbox
    assert sent.to == ["ann@example.org"]
    assert "look whether it arrives" in found.detail


def test_a_mail_that_is_refused_is_told(server):
    server.says["RCPT"] = "550 nobody of that name"
    found = to_address("ann@example.org").look()
    assert found.result == FAILED
    assert "SMTPRecipientsRefused" in found.detail
    server.says.clear()
    assert to_address("ann@example.org").look().result == GOOD

"""The queue across threads, processes and restarts, and the default backend's files: R7, R59."""

import base64
import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from email import message_from_bytes
from pathlib import Path
from urllib.parse import quote

import pytest
from django.core import mail as django_mail
from django.core.mail import EmailMessage
from django.core.mail.backends.locmem import EmailBackend as Outbox
from django.db import connection

from accounts import leases, mail, mail_files
from accounts.models import QueuedMail
from idp import background, checks, stores
from tests.live.database import ROOT, Database

pytestmark = pytest.mark.django_db(transaction=True)
LINK = "https://id.example.org/submit_token?token=Zm9vYmFyMTIzNDU2Nzg5"
RACERS, MAILS = 6, 10
PATIENCE = 60.0  # seconds


class Hanging(Outbox):
    """A server that answers when it is let."""

    asked, may_answer = threading.Event(), threading.Event()

    def send_messages(self, messages):
        self.asked.set()
        assert self.may_answer.wait(PATIENCE)
        return super().send_messages(messages)


class SmtpServer(threading.Thread):
    """Speaks SMTP with one client after another: refuses bob, hangs up on carol, takes the rest."""

    def __init__(self):
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.connections, self.taken = 0, []

    def run(self):
        with contextlib.suppress(OSError):  # the listener is closed
            while True:
                client, _ = self.listener.accept()
                self.connections += 1
                with client, client.makefile("rwb", 0) as stream:
                    self.talk(stream)

    def talk(self, stream):
        stream.write(b"220 here\r\n")
        while line := stream.readline().strip().lower():
            if line.startswith(b"rcpt") and b"<carol@" in line:
                return
            if line == b"data":
                stream.write(b"354 go on\r\n")
                self.taken.append(b"".join(iter(stream.readline, b".\r\n")))
            refused = line.startswith(b"rcpt") and b"<bob@" in line
            stream.write(b"550 no such box\r\n" if refused else b"250 ok\r\n")


@pytest.fixture
def smtp(settings):
    server = SmtpServer()
    for name, value in stores.email(f"smtp://127.0.0.1:{server.port}", folder=ROOT).items():
        setattr(settings, name, value)
    assert 0 < settings.EMAIL_TIMEOUT <= 10
    yield server
    server.listener.close()


def queue(number=0):
    mail.send("register", to=f"person{number}@example.org", facts={"link": LINK})


def database_url():
    at = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{at['NAME']}"
    user, password = quote(at["USER"] or "", safe=""), quote(at["PASSWORD"] or "", safe="")
    return f"postgres://{user}:{password}@{quote(at['HOST'], safe='')}:{at['PORT'] or 5432}/{at['NAME']}"


def eventually(condition):
    deadline = time.monotonic() + PATIENCE
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


def test_the_link_of_a_waiting_mail_is_nowhere_in_the_database():
    queue()
    stored = Database(database_url()).dump()
    assert b"person0@example.org" in stored  # the dump holds the row
    for secret in (LINK, "submit_token", "Zm9vYmFyMTIzNDU2Nzg5"):
        for spelling in (secret.encode(), secret.encode().hex().encode(), base64.b64encode(secret.encode())[:-4]):
            assert spelling not in stored


def test_of_several_deliverers_at_once_each_mail_goes_once():
    for number in range(MAILS):
        queue(number)
    together = threading.Barrier(RACERS)

    def deliver(_):
        together.wait(PATIENCE)
        try:
            return mail.deliver_due()
        finally:
            connection.close()

    with ThreadPoolExecutor(RACERS) as pool:
        counts = list(pool.map(deliver, range(RACERS)))
    assert sum(counts) == MAILS
    assert sorted(sent.to[0] for sent in django_mail.outbox) == [
        f"person{number}@example.org" for number in range(MAILS)
    ]
    assert not QueuedMail.objects.exists()


def test_a_mail_in_the_middle_of_being_sent_is_nobody_elses(settings):
    settings.EMAIL_BACKEND = f"{__name__}.Hanging"
    Hanging.asked.clear()
    Hanging.may_answer.clear()
    queue()

    def deliver():
        try:
            return mail.deliver_due()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(deliver)
        assert Hanging.asked.wait(PATIENCE)
        assert mail.deliver_due() == 0  # would hang here if it took the same mail
        Hanging.may_answer.set()
        assert first.result(PATIENCE) == 1
    assert len(django_mail.outbox) == 1


def test_a_batch_goes_over_one_smtp_connection_and_a_refused_or_broken_mail_costs_only_itself(smtp):
    smtp.start()
    for name in ("alice", "bob", "carol", "dave", "erin"):
        mail.send("register", to=f"{name}@example.org", facts={"link": LINK})
    assert mail.deliver_due() == 3
    takers = [message_from_bytes(taken)["To"] for taken in smtp.taken]
    assert takers == ["alice@example.org", "dave@example.org", "erin@example.org"]
    assert smtp.connections == 3  # one, and a new one after each failure
    left = QueuedMail.objects.order_by("pk").values_list("recipient", "last_error")
    assert list(left) == [
        ("bob@example.org", "SMTPRecipientsRefused"),
        ("carol@example.org", "SMTPServerDisconnected"),
    ]


def test_a_server_that_hangs_is_left_after_the_time_out_and_the_mail_stays(smtp, settings):
    settings.EMAIL_TIMEOUT = 0.2
    queue()  # the server listens, but nobody answers
    assert mail.deliver_due() == 0
    row = QueuedMail.objects.get()
    assert (row.tries, row.last_error) == (1, "SMTPServerDisconnected")  # so smtplib calls a time-out


def test_a_waiting_mail_survives_its_process_and_a_new_one_sends_it(settings, tmp_path):
    queue()
    connection.close()
    environment = os.environ | {
        "DATABASE_URL": database_url(),
        "VAR_DIR": str(tmp_path),
        "SECRET_KEY": settings.SECRET_KEY,
        "EMAIL_URL": f"filemail:///{tmp_path}/mail",
    }
    code = "import django; django.setup(); from accounts import mail; print(mail.deliver_due())"
    environment["DJANGO_SETTINGS_MODULE"] = "idp.settings"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout.strip()) == (0, "1"), done.stderr
    (file,) = (tmp_path / "mail").iterdir()
    message = message_from_bytes(file.read_bytes())
    assert message["To"] == "person0@example.org"
    assert LINK in message.get_payload(decode=True).decode()
    assert not QueuedMail.objects.exists()


def test_mail_files_are_their_owners_and_hold_one_mail_each(settings, tmp_path):
    settings.EMAIL_FILE_PATH = str(tmp_path / "mail")
    old = os.umask(0)
    try:
        backend = mail_files.EmailBackend()
        messages = [EmailMessage(f"number {number}", "text", "a@b.example", ["c@d.example"]) for number in range(3)]
        assert backend.send_messages(messages) == 3
    finally:
        os.umask(old)
    files = sorted((tmp_path / "mail").iterdir())
    assert (tmp_path / "mail").stat().st_mode & 0o777 == 0o700
    assert [file.stat().st_mode & 0o777 for file in files] == [0o600] * 3
    assert [message_from_bytes(file.read_bytes())["Subject"] for file in files] == ["number 0", "number 1", "number 2"]


def test_a_mail_file_that_cannot_be_written_leaves_nothing_half_done(tmp_path, monkeypatch):
    def full(*_):
        raise OSError("no space left")

    monkeypatch.setattr(Path, "rename", full)
    with pytest.raises(OSError, match="no space left"):
        mail_files.EmailBackend(file_path=str(tmp_path)).send_messages([EmailMessage("a", "b", "a@b.c", ["d@e.f"])])
    assert not list(tmp_path.iterdir())


def test_the_mail_thread_sends_at_once_what_this_process_queues_and_ends_when_told(monkeypatch):
    monkeypatch.setattr(background, "_MAIL_INTERVAL", PATIENCE)  # only the wake-up can be in time
    monkeypatch.setattr(background, "_stopping", threading.Event())
    mail.queued.clear()
    thread = threading.Thread(target=background._carry_mail, daemon=True)
    monkeypatch.setattr(background, "_mailer", thread)
    monkeypatch.setattr(background, "_MAIL_PATIENCE", PATIENCE)
    thread.start()
    begun = time.monotonic()
    queue()
    assert eventually(lambda: len(django_mail.outbox) == 1)
    queue(1)
    assert eventually(lambda: len(django_mail.outbox) == 2)
    assert time.monotonic() - begun < PATIENCE
    background.stop()
    assert not thread.is_alive()


def test_of_the_processes_only_the_holder_of_the_lease_sends_and_gives_it_back():
    queue()
    assert leases.take("mail", "another process", seconds=600)
    background._send_mail()
    assert not django_mail.outbox
    assert leases.take("mail", "another process", seconds=0)
    assert eventually(lambda: background._send_mail() or len(django_mail.outbox) == 1)
    assert eventually(lambda: leases.take("mail", "another process", seconds=0))


def test_an_empty_queue_writes_nothing(django_assert_num_queries):
    with django_assert_num_queries(1):
        background._send_mail()


def test_the_deployment_check_tells_of_mail_that_only_goes_to_files_and_of_broken_templates(settings, tmp_path):
    def found():
        return {message.id for message in checks.facing_the_world(None)} & {"idp.W003", "idp.W006"}

    (tmp_path / "templates" / "mail").mkdir(parents=True)
    settings.VAR_DIR = tmp_path
    settings.TEMPLATES = [settings.TEMPLATES[0] | {"DIRS": [tmp_path / "templates"]}]
    settings.EMAIL_BACKEND = stores.email("smtp://127.0.0.1:25", folder=ROOT)["EMAIL_BACKEND"]
    (tmp_path / "templates" / "mail" / "register.subject.txt").write_text("Welcome to {{ site }}")
    assert found() == set()
    settings.EMAIL_BACKEND = stores.email(f"filemail:///{tmp_path}", folder=ROOT)["EMAIL_BACKEND"]
    (tmp_path / "templates" / "mail" / "register.txt").write_text("{% if %}")
    assert found() == {"idp.W003", "idp.W006"}

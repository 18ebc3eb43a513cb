"""What a mail says, how it waits, when it is tried again and when it is given up: docs/mail.md, R7, R12."""

import logging
import re
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.core import mail as django_mail
from django.core.mail.backends.locmem import EmailBackend as Outbox
from django.db import transaction
from django.test import TestCase

from accounts import clock, mail, mail_content, retention
from accounts.errors import Reason, Refusal
from accounts.models import AuditEvent, QueuedMail

pytestmark = pytest.mark.django_db
LINK = "https://id.example.org/submit_token?token=Zm9vYmFyMTIzNDU2Nzg5&client_secret=a.b&sid=1"
FACTS = {"link": LINK, "username": "alice", "device": "Alice's phone"}
TEMPLATES = ("register", "add-address", "reset-password", "address-in-use", "session-stolen")


class Refusing(Outbox):
    """A server that takes no mail; its words hold what must not be kept."""

    def send_messages(self, messages):
        raise ConnectionRefusedError(f"no, I do not take {messages[0].body}")


class Closed(Outbox):
    """A server that does not answer at all; `opened` counts who tried."""

    opened = 0

    def open(self):
        type(self).opened += 1
        raise TimeoutError


class Picky(Outbox):
    """Takes every mail but those to bob."""

    def send_messages(self, messages):
        if messages[0].to[0].startswith("bob@"):
            raise ValueError("not bob")
        return super().send_messages(messages)


def use(settings, backend):
    settings.EMAIL_BACKEND = f"{__name__}.{backend.__name__}"


def queue(template="register", to="alice@example.org", **options):
    mail.send(template, to=to, facts=FACTS, **options)
    return QueuedMail.objects.latest("pk")


def at(monkeypatch, seconds):
    """Moves the clock this far ahead of the system's."""
    real = clock.now()
    monkeypatch.setattr(clock, "now", lambda: real + timedelta(seconds=seconds))


def override(settings, folder, name, text):
    (folder / "mail").mkdir(exist_ok=True)
    (folder / "mail" / name).write_text(text)
    settings.TEMPLATES = [settings.TEMPLATES[0] | {"DIRS": [folder]}]


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_shipped_mail_is_plain_text_that_names_the_site_and_whom_it_concerns(settings, template):
    settings.PUBLIC_HOST = "id.example.org"
    settings.PUBLIC_URL = "https://id.example.org"
    queue(template, lifetime=3600)
    assert mail.deliver_due() == 1
    (sent,) = django_mail.outbox
    assert "id.example.org" in sent.subject
    assert "\n" not in sent.subject
    assert "https://id.example.org" in sent.body
    assert not sent.alternatives
    assert not re.search(r"\{\{|\{%|&#|&amp;|&quot;", sent.body)
    assert ("alice" in sent.body) is (template != "register")
    assert (f"\n{LINK}\n" in sent.body) is (template in {"register", "add-address", "reset-password"})
    assert ("1 hour" in sent.body) is (template in {"register", "add-address", "reset-password"})
    assert ("Alice's phone" in sent.body) is (template == "session-stolen")
    assert re.search(r"not you|you do not know", sent.body)


def test_a_mail_says_who_sends_it_and_asks_for_no_automatic_answer(settings):
    settings.DEFAULT_FROM_EMAIL = "idp@id.example.org"
    queue()
    mail.deliver_due()
    sent = django_mail.outbox[0]
    assert (sent.from_email, sent.to) == ("idp@id.example.org", ["alice@example.org"])
    assert sent.message()["Auto-Submitted"] == "auto-generated"


def test_facts_cannot_add_headers_or_lines():
    content = mail_content.rendered(
        "session-stolen", {"username": "alice", "device": "a\r\nBcc: eve@example.org\n\nPay here: http://evil\u2028x"}
    )
    assert '"a Bcc: eve@example.org Pay here: http://evil x"' in content.text


def test_a_subject_is_one_short_line_whatever_an_operator_writes(settings, tmp_path):
    override(settings, tmp_path, "register.subject.txt", "One\r\nBcc: eve@example.org\n\x0b\x85 {{ long }}")
    content = mail_content.rendered("register", {"long": "x" * 1000})
    assert content.subject.startswith("One Bcc: eve@example.org x")
    assert len(content.subject) == 200


@pytest.mark.parametrize(
    "address", ["alice", "a@b\nBcc: c@d", "a@b,c@example.org", "Alice <a@example.org>", "@b", "a@"]
)
def test_no_mail_is_queued_for_what_is_no_address(address):
    with pytest.raises(Refusal) as refusal:
        mail.send("register", to=address, facts=FACTS)
    assert refusal.value.reason is Reason.FIELD_INVALID
    assert not QueuedMail.objects.exists()


def test_a_mail_is_queued_with_the_callers_transaction_or_not_at_all():
    with transaction.atomic():
        queue()
        assert QueuedMail.objects.exists()
        transaction.set_rollback(True)
    assert not QueuedMail.objects.exists()


def test_the_sender_wakes_up_at_the_commit_and_not_before():
    mail.queued.clear()
    with TestCase.captureOnCommitCallbacks(execute=True):
        queue()
        assert not mail.queued.is_set()
    assert mail.queued.is_set()


def test_a_sent_mail_leaves_the_queue():
    queue()
    assert mail.is_due()
    assert mail.deliver_due() == 1
    assert mail.deliver_due() == 0
    assert not QueuedMail.objects.exists()
    assert not mail.is_due()


def test_a_batch_ends_at_its_bound():
    for _ in range(3):
        queue()
    assert [mail.deliver_due(most=2), mail.deliver_due(most=2)] == [2, 1]


def test_a_failed_mail_waits_ten_seconds_then_twice_as_long_up_to_an_hour(settings, monkeypatch):
    use(settings, Refusing)
    queue()
    ahead, waits = 0.0, []
    for _ in range(12):
        at(monkeypatch, ahead)
        assert mail.deliver_due() == 0
        row = QueuedMail.objects.get()
        waits.append(round((row.due_at - clock.now()).total_seconds()))
        assert mail.deliver_due() == 0  # not due
        assert QueuedMail.objects.get().tries == len(waits)
        ahead += waits[-1] + 1
    assert waits == [10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600, 3600]
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    at(monkeypatch, ahead)
    assert mail.deliver_due() == 1


def test_of_a_failure_only_the_name_of_the_error_is_kept_and_logged(settings, caplog):
    use(settings, Refusing)
    row = queue()
    with caplog.at_level(logging.DEBUG):
        mail.deliver_due()
    row.refresh_from_db()
    assert row.last_error == "ConnectionRefusedError"
    assert "ConnectionRefusedError" in caplog.text
    assert "alice" not in caplog.text
    assert LINK not in caplog.text


def test_one_bad_mail_does_not_hold_up_the_others(settings):
    use(settings, Picky)
    for name in ("bob", "alice", "carol"):
        queue(to=f"{name}@example.org")
    assert mail.deliver_due() == 2
    assert QueuedMail.objects.get().recipient == "bob@example.org"


def test_mails_that_waited_for_a_server_go_in_the_order_they_were_queued_and_as_soon_as_it_is_back(
    settings, monkeypatch
):
    class Away(Outbox):
        is_away = True

        def open(self):
            if self.is_away:
                raise ConnectionRefusedError

    monkeypatch.setattr("tests.accounts.test_mail.Away", Away, raising=False)
    settings.EMAIL_BACKEND = f"{__name__}.Away"
    moment = [100.0]
    monkeypatch.setattr(mail, "time", SimpleNamespace(monotonic=lambda: moment[0]))
    for name in ("first", "second", "third"):
        mail.send("register", to=f"{name}@example.org", facts={"link": "https://id.example.org/x"})
    pauses = []
    for _ in range(9):
        assert mail.is_due()
        assert mail.deliver_due() == 0
        assert not mail.is_due(), "nobody asks it all the time"
        pauses.append(mail._asked_again_at - moment[0])
        moment[0] = mail._asked_again_at
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    Away.is_away = False
    assert mail.is_due()
    assert mail.deliver_due() == 3
    assert [sent.to[0].partition("@")[0] for sent in django_mail.outbox] == ["first", "second", "third"]
    assert mail._asked_again_at == 0.0


def test_a_server_that_cannot_be_reached_is_asked_once_in_a_batch(settings):
    use(settings, Closed)
    Closed.opened = 0
    for _ in range(3):
        queue()
    assert mail.deliver_due() == 0
    assert Closed.opened == 1
    assert sorted(QueuedMail.objects.values_list("tries", "last_error")) == [(0, ""), (0, ""), (1, "TimeoutError")]


def test_a_mail_whose_end_has_come_is_not_sent_but_noted(settings, monkeypatch):
    use(settings, Refusing)
    queue(lifetime=60)
    mail.deliver_due()
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    at(monkeypatch, 61)
    assert mail.deliver_due() == 0
    assert not django_mail.outbox
    assert not QueuedMail.objects.exists()
    event = AuditEvent.objects.get(event="mail-lost")
    assert (event.outcome, event.reason, event.subject) == ("refused", "expired", "alice@example.org")
    assert event.facts == {"template": "register", "tries": 1, "last_error": "ConnectionRefusedError"}


def test_a_failed_mail_is_looked_at_again_no_later_than_its_end(settings):
    use(settings, Refusing)
    row = queue(lifetime=4)
    mail.deliver_due()
    row.refresh_from_db()
    assert row.due_at == row.expires_at


def test_a_mail_without_an_end_is_given_up_after_three_days(monkeypatch):
    queue()
    at(monkeypatch, 3 * 86_400 - 60)
    assert retention.purge_all()["mails"] == 0
    at(monkeypatch, 3 * 86_400 + 60)
    assert retention.purge_all()["mails"] == 1
    assert AuditEvent.objects.filter(event="mail-lost").count() == 1


def test_a_mail_that_is_being_sent_is_not_purged(monkeypatch):
    row = queue(lifetime=60)
    at(monkeypatch, 59)
    assert mail._claim(row)
    at(monkeypatch, 62)
    assert mail.purge() == 0
    assert QueuedMail.objects.get() == row


def test_the_age_of_the_queue_counts_from_the_queueing_even_while_tries_fail(settings, monkeypatch):
    assert mail.oldest_due_age() == 0.0
    use(settings, Refusing)
    queue()
    mail.deliver_due()
    at(monkeypatch, 300)
    assert 299 < mail.oldest_due_age() < 310


def test_a_mail_is_read_with_an_older_key_and_kept_while_no_key_fits(settings, monkeypatch):
    settings.SECRET_KEY = "the first key, long enough to be one"
    queue()
    settings.SECRET_KEY = "the second key, long enough to be one"
    assert mail.deliver_due() == 0
    assert QueuedMail.objects.get().last_error == "InvalidToken"
    settings.SECRET_KEY_FALLBACKS = ["the first key, long enough to be one"]
    at(monkeypatch, 11)
    assert mail.deliver_due() == 1
    assert LINK in django_mail.outbox[0].body


def test_every_try_of_a_mail_carries_the_same_message_id(settings, monkeypatch):
    row = queue()
    ids = {mail._message(row).message()["Message-ID"] for _ in range(2)}
    assert len(ids) == 1
    assert ids != {mail._message(queue()).message()["Message-ID"]}


def test_an_operators_template_is_taken_first_and_its_html_goes_beside_the_text(settings, tmp_path):
    override(settings, tmp_path, "register.txt", "Willkommen: {{ link }} & {{ username }}")
    override(settings, tmp_path, "register.html", "<p>{{ link }} {{ username }}</p>")
    mail.send("register", to="alice@example.org", facts=FACTS | {"username": "<b>"})
    mail.deliver_due()
    sent = django_mail.outbox[0]
    assert sent.body == f"Willkommen: {LINK} & <b>\n"
    assert [(part.content, part.mimetype) for part in sent.alternatives] == [
        (f"<p>{LINK.replace('&', '&amp;')} &lt;b&gt;</p>", "text/html")
    ]
    assert sent.subject.startswith("Confirm your e-mail address")


@pytest.mark.parametrize("broken", ["{% if %}", "{% include 'nowhere' %}", "{{ link|frobnicate }}", "{% for a in 1 %}"])
def test_a_broken_template_of_an_operator_costs_a_log_line_and_no_mail(settings, tmp_path, caplog, broken):
    override(settings, tmp_path, "register.txt", broken)
    override(settings, tmp_path, "register.html", broken)
    queue()
    assert mail.deliver_due() == 1
    assert LINK in django_mail.outbox[0].body
    assert not django_mail.outbox[0].alternatives
    assert [record.name for record in caplog.records] == ["latchkey.mail"] * 2
    assert "mail/register.txt" in caplog.text
    assert LINK not in caplog.text


def test_a_template_that_is_no_text_costs_no_mail(settings, tmp_path):
    override(settings, tmp_path, "register.txt", "")
    Path(tmp_path / "mail" / "register.txt").write_bytes(b"\xff\xfe\x00")
    queue()
    assert mail.deliver_due() == 1
    assert LINK in django_mail.outbox[0].body


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        *((1, "1 second"), (59, "59 seconds"), (60, "1 minute"), (90, "1 minute"), (600, "10 minutes")),
        *((3600, "1 hour"), (5400, "90 minutes"), (7200, "2 hours"), (86_400, "1 day"), (172_800, "2 days")),
    ],
)
def test_a_duration_is_said_in_words(seconds, words):
    assert mail_content.in_words(seconds) == words

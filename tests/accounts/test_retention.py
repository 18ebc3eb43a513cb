"""What is deleted when it has expired: how long each kind is kept, in which batches, at which pace (R62)."""

from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.core.mail import send_mail

from accounts import clock, devices, ledger, mail, retention, tokens, users
from accounts.mail_files import purge as purge_files
from accounts.models import AuditEvent, Challenge, Device, QueuedMail, Token


class Table:
    """Rows that take time to delete."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, rows: int, seconds_a_row: float) -> None:
        self.rows, self.asked, self.rests = rows, list[int](), list[float]()
        self._now, self._cost = 1000.0, seconds_a_row
        clock = SimpleNamespace(monotonic=lambda: self._now, sleep=self.rests.append)
        monkeypatch.setattr(retention, "time", clock)

    def delete(self, most: int) -> int:
        self.asked.append(most)
        deleted = min(most, self.rows)
        self.rows -= deleted
        self._now += deleted * self._cost
        return deleted

    @property
    def seconds(self) -> list[float]:
        return [most * self._cost for most in self.asked]


def test_batches_hold_a_thousand_rows_where_that_is_quick(monkeypatch):
    table = Table(monkeypatch, 5500, seconds_a_row=0.000001)
    assert sum(retention._batches(table.delete)) == 5500
    assert table.asked == [1000] * 6


def test_batches_shrink_until_nobody_waits_long_for_them_and_each_is_followed_by_a_rest(monkeypatch):
    table = Table(monkeypatch, 10_000, seconds_a_row=0.0005)
    assert sum(retention._batches(table.delete)) == 10_000
    assert table.asked[:3] == [1000, 20, 20]
    assert max(table.seconds[1:]) <= 2 * retention._AIM
    assert sum(table.rests) >= 2 * sum(table.seconds[1:-1])
    assert max(table.rests) <= 1.0


def test_batches_grow_again_when_the_database_is_quick_again(monkeypatch):
    table = Table(monkeypatch, 100_000, seconds_a_row=0.001)
    batches = retention._batches(table.delete)
    next(batches)
    next(batches)
    table._cost = 0.0000001
    for _ in batches:
        pass
    assert table.asked[-1] == 1000


def test_a_table_with_nothing_to_delete_is_asked_once_and_nobody_rests(monkeypatch):
    table = Table(monkeypatch, 0, seconds_a_row=1.0)
    assert list(retention._batches(table.delete)) == []
    assert (table.asked, table.rests) == ([1000], [])


@pytest.mark.django_db
def test_each_kind_is_kept_as_long_as_its_setting_says(settings, time_machine):
    settings.AUDIT_RETENTION, settings.TOKEN_RETENTION, settings.CHALLENGE_RETENTION = 5000, 4000, 3000
    ann, now = users.create("ann"), clock.now()
    AuditEvent.objects.all().delete()
    AuditEvent.objects.create(event="old", at=now)
    tokens.issue(tokens.Minted("revoked"), user=ann, flow="matrix")
    tokens.revoke(Token.objects.all(), reason="test")
    tokens.issue(tokens.Minted("lapsed", lifetime=1), user=ann, flow="session")
    tokens.issue(tokens.Minted("idle", idle=1), user=ann, flow="session")
    tokens.issue(tokens.Minted("alive"), user=ann, flow="session")
    ledger.open("question", flow="otp", purpose="x", lifetime=1)

    def left(seconds: float) -> tuple[int, int, int]:
        time_machine.move_to(now + timedelta(seconds=seconds))
        retention.purge_all()
        return Challenge.objects.count(), Token.objects.count(), AuditEvent.objects.filter(event="old").count()

    assert left(2990) == (1, 4, 1)
    assert left(3010) == (0, 4, 1)
    assert left(4010) == (0, 1, 1)
    assert left(5010) == (0, 1, 0)


@pytest.mark.django_db
def test_a_token_that_died_in_two_ways_is_counted_once_and_none_is_forgotten():
    ann, long_ago = users.create("ann"), clock.after(-90 * 86_400)
    for number in range(7):
        tokens.issue(tokens.Minted(f"t{number}"), user=ann, flow="session")
    Token.objects.update(revoked_at=long_ago, expires_at=long_ago, idle_until=long_ago)
    Token.objects.filter(pk__in=Token.objects.order_by("pk")[:2]).update(revoked_at=None)
    Token.objects.filter(pk__in=Token.objects.order_by("pk")[1:2]).update(expires_at=None)
    assert [tokens.purge(batch=3) for _ in range(4)] == [3, 3, 1, 0]


@pytest.mark.django_db
def test_lapsed_tokens_of_matrix_devices_stay_with_their_device():
    ann, long_ago = users.create("ann"), clock.after(-90 * 86_400)
    device = devices.open(ann, kind=Device.Kind.MATRIX, device_id="PHONE")
    tokens.issue(tokens.Minted("t"), user=ann, flow="matrix", device=device)
    Token.objects.update(expires_at=long_ago)
    assert tokens.purge() == 0
    Token.objects.update(revoked_at=long_ago)
    assert tokens.purge() == 1


@pytest.mark.django_db
def test_a_mail_without_an_end_of_its_own_is_tried_for_mail_lifetime(settings):
    settings.MAIL_LIFETIME = 1234
    mail.send("page-reset", to="ann@example.org", facts={"link": "https://x.example/"})
    queued = QueuedMail.objects.get()
    assert (queued.expires_at - queued.created_at).total_seconds() == 1234


@pytest.mark.django_db
def test_mails_in_files_go_after_their_time_and_other_files_stay(settings, tmp_path, time_machine):
    settings.EMAIL_BACKEND, settings.EMAIL_FILE_PATH = "accounts.mail_files.EmailBackend", str(tmp_path)
    settings.MAIL_FILE_RETENTION = 86_400
    send_mail("old", "text", "a@example.org", ["b@example.org"])
    [old] = tmp_path.iterdir()
    (tmp_path / "notes.log").write_text("mine")
    (tmp_path / "20000101-000000-000000-abcdef01.log.gz").write_text("mine")
    time_machine.move_to(clock.after(86_000))
    send_mail("new", "text", "a@example.org", ["b@example.org"])
    assert retention.purge_all()["mails in files"] == 0
    time_machine.move_to(clock.after(1000))
    settings.MAIL_FILE_RETENTION = 0
    assert retention.purge_all()["mails in files"] == 0
    settings.MAIL_FILE_RETENTION = 86_400
    assert retention.purge_all()["mails in files"] == 1
    assert not old.exists()
    assert len(list(tmp_path.iterdir())) == 3


def test_no_more_files_go_than_were_asked_for_and_a_missing_folder_is_empty(tmp_path):
    for number in range(5):
        (tmp_path / f"20000101-00000{number}-000000-abcdef01.log").write_text("x")
    assert purge_files(tmp_path, clock.now(), most=3) == 3
    assert purge_files(tmp_path, clock.now(), most=3) == 2
    assert purge_files(Path(tmp_path / "none"), clock.now(), most=3) == 0

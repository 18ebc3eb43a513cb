"""The queue of mails in the administration: a mail that cannot be sent is seen, tried again, given up."""

from datetime import timedelta

import pytest

from accounts import clock, mail
from accounts.models import AuditEvent, QueuedMail

LIST = "/admin/accounts/queuedmail/"
FACTS = {"link": "https://id.example.org/secret-link", "username": "bob"}


@pytest.fixture
def waiting(db):
    def make(to="bob@example.org", *, error="ConnectionRefusedError", tries=3, seconds=600.0):
        mail.send("register", to=to, facts=FACTS)
        row = QueuedMail.objects.latest("pk")
        values = {"last_error": error, "tries": tries, "due_at": clock.after(seconds)}
        QueuedMail.objects.filter(pk=row.pk).update(**values)
        return row

    return make


def bulk(action, *rows, **more):
    chosen = [row.pk for row in rows]
    return {"action": action, "_selected_action": chosen, "select_across": "0", "index": "0", **more}


def is_due(row):
    return QueuedMail.objects.get(pk=row.pk).due_at <= clock.now()


def test_a_failure_is_visible(staff, waiting, said):
    row = waiting()
    page = f"{LIST}{row.pk}/change/"
    for path in (LIST, page):
        text = said(staff.get(path))
        for shown in ("bob@example.org", "register", "ConnectionRefusedError", "3"):
            assert shown in text
    assert "Mails that failed so far 1" in said(staff.get("/admin/"))


def test_no_word_of_a_mail_is_shown(staff, waiting):
    row = waiting()
    for path in (LIST, f"{LIST}{row.pk}/change/"):
        assert "secret-link" not in staff.get(path).content.decode()


def test_the_overview_is_silent_while_nothing_failed(staff, waiting, said):
    waiting(error="", tries=0, seconds=0.0)
    assert "Mails that failed" not in said(staff.get("/admin/"))


def test_the_failed_ones_are_filtered(staff, waiting):
    failed, fresh = waiting(), waiting(error="", tries=0, seconds=0.0)
    found = {
        value: [row.pk for row in staff.get(LIST, {"failed": value}).context["cl"].queryset]
        for value in "yes no".split()
    }
    assert found == {"yes": [failed.pk], "no": [fresh.pk]}


def test_nothing_is_edited_or_added(staff, waiting):
    row = waiting()
    assert staff.get(f"{LIST}add/").status_code == 403
    assert staff.post(f"{LIST}{row.pk}/change/", {"recipient": "eve@example.org"}).status_code == 403
    assert staff.post(f"{LIST}{row.pk}/delete/", {"post": "yes"}).status_code == 403
    assert QueuedMail.objects.get().recipient == "bob@example.org"


def test_a_mail_is_tried_now_and_the_worker_wakes(staff, waiting, django_capture_on_commit_callbacks):
    row = waiting()
    staff.get(f"{LIST}{row.pk}/try/")
    assert not is_due(row)
    mail.queued.clear()
    with django_capture_on_commit_callbacks(execute=True):
        staff.post(f"{LIST}{row.pk}/try/", {"_confirmed": "1"})
    assert is_due(row)
    assert mail.queued.is_set()
    mail.queued.clear()


def test_several_are_tried_now_but_none_that_is_just_being_sent(staff, waiting):
    one, other, sending = waiting(), waiting(), waiting(error="", tries=1, seconds=100.0)
    staff.post(LIST, bulk("try_chosen", one, sending))
    assert [is_due(row) for row in (one, other, sending)] == [True, False, False]


def test_a_mail_is_dropped_after_a_question_and_that_is_audited(staff, waiting, said):
    row, kept = waiting(), waiting("carol@example.org")
    assert "This cannot be undone." in said(staff.get(f"{LIST}{row.pk}/drop/"))
    assert QueuedMail.objects.count() == 2
    staff.post(f"{LIST}{row.pk}/drop/", {"_confirmed": "1"})
    assert QueuedMail.objects.get() == kept
    event = AuditEvent.objects.get(event="mail-dropped")
    assert (event.actor, event.subject, event.facts["last_error"]) == (
        "ada",
        "bob@example.org",
        "ConnectionRefusedError",
    )
    assert "The mail is gone already." in said(staff.post(f"{LIST}{row.pk}/drop/", {"_confirmed": "1"}, follow=True))


def test_mails_are_dropped_in_bulk_after_a_question(staff, waiting, said):
    rows = [waiting(f"{name}@example.org") for name in ("a", "b", "c")]
    assert "Drop 2 mails" in said(staff.post(LIST, bulk("drop_chosen", *rows[:2])))
    assert QueuedMail.objects.count() == 3
    staff.post(LIST, bulk("drop_chosen", *rows[:2], _confirmed="1"))
    assert QueuedMail.objects.get() == rows[2]


def test_the_moments_are_shown(staff, waiting, said):
    row = waiting()
    since, next_try, end = (clock.now() + timedelta(days=days) for days in (-400, 400, 800))
    QueuedMail.objects.filter(pk=row.pk).update(created_at=since, due_at=next_try, expires_at=end)
    text = said(staff.get(LIST))
    for moment in (since, next_try, end):
        assert moment.strftime("%Y-%m-%d") in text

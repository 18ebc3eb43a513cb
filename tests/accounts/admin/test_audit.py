"""The audit log in the administration."""

import csv
import io

import pytest

from accounts import audit
from accounts.admin import csv_stream
from accounts.models import AuditEvent

LIST = "/admin/accounts/auditevent/"


def downloaded(staff, **query) -> list[dict[str, str]]:
    response = staff.get(f"{LIST}export/", query)
    assert response.streaming
    return list(csv.DictReader(io.StringIO(b"".join(response.streaming_content).decode())))


def test_events_are_neither_added_changed_nor_deleted(staff):
    audit.record("login", subject="bob")
    event = AuditEvent.objects.latest("pk")
    assert staff.get(f"{LIST}add/").status_code == 403
    assert staff.post(f"{LIST}{event.pk}/change/", {"subject": "eve"}).status_code == 403
    assert staff.post(f"{LIST}{event.pk}/delete/", {"post": "yes"}).status_code == 403
    post = {"action": "delete_selected", "_selected_action": [event.pk], "index": "0", "post": "yes"}
    staff.post(LIST, post)
    assert AuditEvent.objects.get(pk=event.pk).subject == "bob"


def test_filters_and_search_choose_events(staff):
    audit.record("login", flow="matrix", subject="bob", ip="192.0.2.1")
    audit.record("login", outcome=audit.REFUSED, flow="otp", subject="carol", actor="dave")
    found = lambda **query: {event.subject for event in staff.get(LIST, query).context["cl"].queryset}  # noqa: E731
    assert found(outcome__exact="refused") == {"carol"}
    assert found(flow__exact="matrix") == {"bob"}
    assert found(q="dave") == {"carol"}
    assert found(q="192.0.2.1") == {"bob"}
    assert found(event="logout") == set()
    assert found(at__year="1999") == set()


def test_the_download_holds_what_the_filters_leave(staff):
    audit.record("login", subject="bob")
    audit.record("logout", subject="bob", facts={"why": "click"})
    rows = downloaded(staff, event="logout")
    assert [(row["event"], row["subject"], row["facts"]) for row in rows] == [("logout", "bob", '{"why": "click"}')]


def test_the_download_of_a_meaningless_filter_is_empty(staff):
    audit.record("login", subject="bob")
    assert downloaded(staff, at__year="x") == []


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_no_cell_of_the_download_is_a_formula(staff, start):
    audit.record("login", subject=f"{start}HYPERLINK(1)")
    (row,) = downloaded(staff, event="login")
    assert row["subject"] == f"'{start}HYPERLINK(1)"


def test_a_long_log_is_read_in_parts_and_each_event_once(staff, monkeypatch):
    monkeypatch.setattr(csv_stream, "_CHUNK", 10)
    AuditEvent.objects.bulk_create([AuditEvent(event="login", subject=str(number)) for number in range(95)])
    rows = downloaded(staff, event="login")
    assert [int(row["subject"]) for row in rows] == list(range(94, -1, -1))


def test_the_dates_above_the_log_are_those_on_which_something_happened(staff):
    from datetime import UTC, datetime

    from accounts.admin.audit_days import EventsByDay

    moments = [
        (2025, 12, 31, 23),
        (2026, 1, 1, 0),
        (2026, 1, 31, 5),
        (2026, 2, 28, 1),
        (2026, 2, 28, 9),
        (2027, 1, 1, 3),
    ]
    for moment in moments:
        AuditEvent.objects.create(event="x", at=datetime(*moment, tzinfo=UTC))
    for kind in ("day", "month", "year"):
        plain = AuditEvent.objects.filter(event="x").datetimes("at", kind)
        assert EventsByDay(AuditEvent).filter(event="x").datetimes("at", kind) == list(plain)
    for query in ({}, {"at__year": "2026"}, {"at__year": "2026", "at__month": "2"}):
        assert staff.get(LIST, query).status_code == 200


def test_downloading_is_itself_in_the_log(staff):
    downloaded(staff, event="login")
    assert AuditEvent.objects.get(event="audit-exported").actor == "ada"

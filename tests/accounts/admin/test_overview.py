"""The first page of the administration."""

import re
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts import clock, counting, jobs, mail, processes
from accounts.admin import charts
from accounts.admin.charts import Bar
from accounts.models import AuditEvent

NOON = datetime(2026, 3, 5, 12, 30, tzinfo=UTC)


def count_all():
    """As the background does it: run after run, each of a few seconds."""
    while not counting.count_new():
        pass


@pytest.fixture
def at_noon():
    with time_machine.travel(NOON, tick=False):
        yield


@pytest.fixture
def happened():
    def put(
        count=1, event="login", outcome="success", flow="matrix", reason="", ip="203.0.113.7", subject="ann", **ago
    ):
        moment = clock.now() - timedelta(**ago)
        facts = {"at": moment, "event": event, "outcome": outcome, "flow": flow, "reason": reason, "subject": subject}
        AuditEvent.objects.bulk_create([AuditEvent(ip=ip, **facts) for _ in range(count)])

    return put


def test_sign_ins_are_shown_by_door_over_a_day_and_a_month(staff, said, at_noon, happened):
    happened(3, hours=2)
    happened(2, days=10)
    happened(1, hours=2, outcome="refused", reason="credential-wrong")
    happened(4, days=40)
    happened(1, hours=3, event="admin-login", flow="")
    text = said(staff.get("/admin/"))
    assert "Matrix 24 hours 3 signed in, 1 refused" in text
    assert "30 days 5 signed in, 1 refused" in text
    assert "Administration 24 hours 1 signed in, 0 refused" in text
    assert "Laverna 24 hours 0 signed in, 0 refused nobody" in text


def test_counted_and_uncounted_events_are_shown_alike(staff, said, at_noon, happened):
    happened(3, hours=2)
    before = said(staff.get("/admin/"))
    count_all()
    assert re.sub(r"counted .*? ago|just now", "", said(staff.get("/admin/"))) == re.sub(
        r"counted .*? ago|just now", "", before
    )
    assert "Matrix 24 hours 3 signed in" in before


def test_the_numbers_of_the_charts_stand_in_tables(staff, said, at_noon, happened):
    happened(7, hours=2)
    happened(2, hours=2, outcome="refused", reason="credential-wrong")
    text = said(staff.get("/admin/"))
    assert "Numbers by the hour" in text
    assert "05 Mar 10:00 7, refused 2" in text
    assert "2026-03-05 7, refused 2" in text


def test_what_was_refused_is_shown_with_why(staff, said, at_noon, happened):
    happened(5, hours=2, outcome="refused", reason="credential-wrong")
    happened(2, days=9, outcome="refused", reason="credential-wrong")
    happened(1, days=9, outcome="refused", reason="not-admitted", event="registration", flow="openpgp")
    text = said(staff.get("/admin/"))
    assert "login wrong password, code, key or name Matrix 5 7" in text
    assert "registration refused by the lists Laverna 0 1" in text


def test_who_guesses_is_shown_by_address_network_and_name(staff, said, at_noon, happened):
    happened(6, hours=1, outcome="refused", reason="credential-wrong", ip="198.51.100.9", subject="root")
    happened(2, hours=1, outcome="refused", reason="credential-wrong", ip="198.51.100.10", subject="admin")
    happened(9, days=2, outcome="refused", reason="credential-wrong", ip="198.51.100.77", subject="before")
    happened(9, hours=1, outcome="refused", reason="not-admitted", ip="198.51.100.78", subject="banned")
    text = said(staff.get("/admin/")).partition("Who guesses")[2].partition("Doors")[0]
    assert "198.51.100.9 6 198.51.100.10 2" in text
    assert "198.51.100.0/24 8" in text
    assert "root 6 admin 2" in text
    assert "before" not in text
    assert "banned" not in text


def test_an_address_that_is_blocked_is_marked(staff, said, at_noon, happened):
    from accounts import rules
    from accounts.models import AccessRule, Guesser

    happened(6, hours=1, outcome="refused", reason="credential-wrong", ip="198.51.100.9")
    rules.add("deny", "ip", "198.51.100.9")
    Guesser.objects.create(network="198.51.100.9", kind="address", rule=AccessRule.objects.get(pattern="198.51.100.9"))
    assert "198.51.100.9 blocked 6" in said(staff.get("/admin/"))


def test_the_pages_about_guessers_are_linked(staff):
    page = staff.get("/admin/").content.decode()
    assert 'href="/admin/accounts/guesser/"' in page
    assert 'href="/admin/accounts/attackedaccount/"' in page


def test_names_of_strangers_are_escaped(staff, at_noon, happened):
    happened(6, hours=1, outcome="refused", reason="credential-wrong", subject='<script>alert("x")</script>')
    page = staff.get("/admin/").content.decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


def test_background_jobs_are_shown_with_what_ails_them(staff, said, at_noon):
    jobs._known.clear()
    jobs.ran("purge", seconds=0.25, every=3600.0)
    jobs.ran("mail", seconds=0.01, every=0.5, error="SMTPException")
    text = said(staff.get("/admin/"))
    assert "purge deletes what has expired well just now 250 ms in 60 min –" in text
    assert "mail sends mails fails just now 10 ms all the time just now: SMTPException (1 in all)" in text


def test_a_job_that_does_not_run_is_told(staff, said, at_noon):
    jobs._known.clear()
    jobs.ran("purge", seconds=0.25, every=3600.0)
    with time_machine.travel(NOON + timedelta(hours=2), tick=False):
        assert "does not run 2 h ago 250 ms due" in said(staff.get("/admin/"))


def test_what_waits_is_shown(staff, said, at_noon):
    mail.send("add-address", to="ann@example.org", facts={"link": "", "username": "ann"})
    with time_machine.travel(NOON + timedelta(minutes=10), tick=False):
        assert "Mails 1 0 10 min ago" in said(staff.get("/admin/"))


def test_sockets_of_all_processes_are_added_up(staff, said, at_noon):
    for name, sockets in (("one:1:x", {"otp": 3, "openpgp": 1}), ("two:2:x", {"otp": 4})):
        processes.tell(name, started_at=clock.after(-600.0), sockets=sockets, memory=150 * 2**20)
    text = said(staff.get("/admin/"))
    assert "Open sockets 8" in text
    assert "E-mail code all but the denied 0 0 7" in text
    assert "one:1 10 min ago 4 150 MiB" in text


def test_an_empty_installation_has_a_page_too(staff, said):
    text = said(staff.get("/admin/"))
    assert "Signing in" in text
    assert "Nothing." in text


def test_the_page_asks_for_no_foreign_host_and_runs_no_script_of_its_own(staff):
    page = staff.get("/admin/").content.decode().partition('id="content-main"')[2].rpartition("</section>")[0]
    assert not re.search(r"<script|https?://(?!www\.w3\.org)", page)


def test_nobody_else_sees_it(client_of_nobody):
    assert client_of_nobody.get("/admin/").status_code == 302


def test_the_number_of_queries_does_not_grow_with_the_log(staff, at_noon, happened):
    def queries():
        with CaptureQueriesContext(connection) as asked:
            staff.get("/admin/")
        return len(asked)

    happened(1, hours=3)
    count_all()
    few = queries()
    for hours in range(1, 200):
        happened(5, hours=hours, outcome="refused", reason="credential-wrong", ip=f"198.51.100.{hours}")
    counting.StoredFigures.objects.all().delete()
    counting.HourlyCount.objects.all().delete()
    count_all()
    assert queries() <= few + 5  # whatever there is to show once: a thousand events more cost none each


def test_refusals_are_found_by_their_index(staff, at_noon, happened):
    """Asked for with more, SQLite took the index of events and read the whole log: seconds at a million rows."""
    if connection.vendor != "sqlite":
        pytest.skip("the plan is SQLite's")
    happened(5, hours=3, outcome="refused", reason="credential-wrong")
    with CaptureQueriesContext(connection) as asked:
        staff.get("/admin/")
    [query] = [one["sql"] for one in asked if '"ip"' in one["sql"] and "LIMIT 10000" in one["sql"]]
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {query}")
        assert "refused_events" in str(cursor.fetchall())


class TestCharts:
    """Pictures."""

    def test_bars_stand_and_hang(self):
        svg = charts.mirrored([Bar("10:00", 4, 0), Bar("11:00", 0, 2)], "a sentence")
        assert 'aria-label="a sentence"' in svg
        assert "<title>10:00: 4 succeeded, 0 refused</title>" in svg
        assert svg.count("<title>") == 2

    def test_what_happened_once_beside_thousands_is_seen(self):
        svg = charts.mirrored([Bar("a", 100_000, 0), Bar("b", 1, 0)], "x")
        heights = [float(found) for found in re.findall(r"v([\d.]+)h-", svg)]
        assert min(heights) >= 1

    def test_texts_are_escaped(self):
        svg = charts.mirrored([Bar("<b>", 1, 1)], '"><script>')
        assert "<b>" not in svg
        assert "<script>" not in svg

    def test_nothing_is_drawn_of_nothing(self):
        assert "NaN" not in charts.mirrored([], "x")
        assert "NaN" not in charts.share(0, 0)

    def test_two_charts_of_a_page_have_patterns_of_their_own(self):
        one, other = (charts.mirrored([Bar("a", 1, 1)], "x") for _ in range(2))
        assert re.findall(r'pattern id="([^"]+)"', one) != re.findall(r'pattern id="([^"]+)"', other)

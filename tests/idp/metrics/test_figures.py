"""What the figures say of what happened."""

import pytest

from accounts import figures, mail, passwords, throttle
from accounts.errors import Reason, Refusal
from accounts.models import QueuedMail
from idp.metrics import routes
from tests.idp.metrics.reading import number, samples
from tests.session_client import SessionIdentity


@pytest.fixture
def growth(page):
    """How much a figure grew while something was done."""

    def measured(act, name, **labels):
        before = number(page(), name, **labels)
        act()
        return number(page(), name, **labels) - before

    return measured


def test_a_login_counts_at_its_door(client, growth):
    def log_in():
        assert SessionIdentity().log_in(client)

    assert growth(log_in, "latchkey_logins_total", door="session", outcome="success") == 1


def test_a_refused_login_counts_with_its_reason(client, growth):
    def fail():
        body = {"pubKey": SessionIdentity().public_key, "token": "x" * 96}
        assert client.post("/loki/v1/submit_challenge", data=body).status == 401

    more = growth(fail, "latchkey_logins_total", door="session", outcome="refused", reason=Reason.CHALLENGE_INVALID)
    assert more == 1


def test_a_refused_request_counts_with_its_reason(client, growth):
    def ask():
        assert client.get("/_matrix/client/v3/account/whoami", token="mat_none").status == 401

    assert growth(ask, "latchkey_refusals_total", door="matrix", reason=Reason.TOKEN_UNKNOWN) == 1


def test_a_device_that_waits_is_not_refused(client):
    figures.REFUSALS.rows.clear()
    from accounts import visits

    token = visits.current.set(visits.Visit("x", ""))
    visits.note_refusal(Refusal(Reason.CHALLENGE_INVALID, field="authorization_pending"))
    assert visits.current.get().reason == ""
    visits.note_refusal(Refusal(Reason.CHALLENGE_INVALID, field="device_code"))
    assert visits.current.get().reason == Reason.CHALLENGE_INVALID
    visits.current.reset(token)


def test_too_many_requests_count_as_429(client, growth, settings, standing_clock):
    settings.SESSION_CHALLENGE_RATE = type(settings.SESSION_CHALLENGE_RATE)(1, 600)
    path = f"/loki/v1/get_challenge?pubKey={SessionIdentity().public_key}"

    def ask_twice():
        assert [client.get(path).status, client.get(path).status] == [200, 429]

    assert growth(ask_twice, "latchkey_http_requests_total", door="session", route="challenge", status="429") == 1


def test_a_request_takes_time_in_its_class(client, growth):
    def ask():
        client.get("/users/me")

    assert growth(ask, "latchkey_http_request_seconds_count", door="session", route="profile") == 1


def test_labels_hold_no_name_no_id_and_no_path(client, page):
    for path in ("/_matrix/client/v3/profile/@carol:x", "/api/users/name/carol", "/carol", "/users/me/carol/x"):
        client.get(path)
    client.request("CAROL", "/token")
    assert "carol" not in page().lower()
    methods = {dict(labels)["method"] for (name, labels) in samples(page()) if name == "latchkey_http_requests_total"}
    assert methods <= {*routes.METHODS, "other"}


def test_mails_that_wait_are_counted_with_the_age_of_the_oldest(page, standing_clock):
    from accounts import clock

    assert number(page(), "latchkey_queue_length", queue="mail") == 0
    assert number(page(), "latchkey_queue_age_seconds", queue="mail") == 0
    mail.send("add-address", to="ann@example.org", facts={"link": "", "username": "ann"})
    QueuedMail.objects.update(created_at=clock.after(-700.0), last_error="SMTPException")
    assert number(page(), "latchkey_queue_length", queue="mail") == 1
    assert number(page(), "latchkey_queue_failed", queue="mail") == 1
    assert number(page(), "latchkey_queue_age_seconds", queue="mail") == pytest.approx(700, abs=2)


def test_pools_show_their_load(page):
    passwords.encode("correct horse battery")
    sizes = {
        dict(labels)["pool"]: value for (name, labels), value in samples(page()).items() if name == "latchkey_pool_size"
    }
    assert {"http", "socket", "passwords"} <= set(sizes)
    assert all(size >= 1 for size in sizes.values())
    assert number(page(), "latchkey_pool_busy", pool="passwords") == 0


def test_a_full_pool_is_counted(growth):
    def refuse():
        slots = passwords._Slots(1)
        with slots.one():
            slots._waiting = slots._most_waiting
            with pytest.raises(Refusal):
                slots._wait()
            slots._waiting = 0

    assert growth(refuse, "latchkey_pool_refused_total", pool="passwords") == 1


def test_the_database_is_timed(growth):
    from accounts.models import User

    assert growth(User.objects.count, "latchkey_database_seconds_count", kind="read") >= 1


def test_sockets_are_counted_while_they_live(page):
    from challenges.otp import crowd

    before = number(page(), "latchkey_sockets", door="otp")
    assert crowd.enter("203.0.113.9")
    assert number(page(), "latchkey_sockets", door="otp") == before + 1
    crowd.leave("203.0.113.9")
    assert number(page(), "latchkey_sockets", door="otp") == before


def test_the_process_tells_of_itself(page):
    text = page()
    assert number(text, "process_cpu_seconds_total") > 0
    assert number(text, "process_resident_memory_bytes") > 10 * 2**20
    assert number(text, "latchkey_processes") == 1
    assert number(text, "latchkey_database_up") == 1


def test_a_database_that_is_gone_leaves_the_other_figures(page, monkeypatch):
    from django.db import OperationalError

    from idp.metrics import stored

    def gone():
        raise OperationalError("gone")

    monkeypatch.setattr(stored, "_queues", gone)
    text = page()
    assert number(text, "latchkey_database_up") == 0
    assert number(text, "latchkey_processes") == 1


def test_labels_without_end_are_gathered():
    counter = figures.Counter("x", "x", ("name",))
    for index in range(figures._MOST_ROWS + 50):
        counter.add(str(index))
    assert len(counter.rows) == figures._MOST_ROWS + 1
    assert counter.rows[("other",)] == 50


def test_a_histogram_counts_each_duration_once():
    timing = figures.Timing("x", "x", bounds=(0.1, 1.0))
    for seconds in (0.05, 0.1, 0.5, 2.0):
        timing.observe(seconds)
    assert timing.rows[()] == [2, 1, 1, pytest.approx(2.65)]


def test_a_limit_reached_is_no_login(growth):
    def trip():
        limit = throttle.Limit("of-a-test", 1, 600)
        throttle.hit(limit, "somebody")
        with pytest.raises(Refusal):
            throttle.hit(limit, "somebody")

    assert growth(trip, "latchkey_logins_total") == 0

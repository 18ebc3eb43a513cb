"""`/healthz` and `/readyz` (R63, operations.md §4)."""

import pytest
import redis
from django.db import OperationalError

from accounts import clock, mail
from accounts.models import QueuedMail
from idp import health, probes
from idp.server import state


@pytest.fixture
def ready(client, db):
    def ask():
        probes.forget()
        response = client.get("/readyz")
        return response.status, response.json()

    return ask


def test_all_is_well(ready):
    assert ready() == (200, {"status": "ok"})


def _reason(name):
    return 503, {"status": "unavailable", "reason": name}


def test_a_database_that_does_not_answer(ready, client, monkeypatch):
    def gone():
        raise OperationalError("secret of the connection")

    with monkeypatch.context() as patched:
        patched.setattr(health.connection, "cursor", gone)
        assert ready() == _reason("database")
        assert client.get("/readyz").header("retry-after") == "2"
        assert client.get("/healthz").status == 200


def test_migrations_that_wait(ready, monkeypatch):
    monkeypatch.setattr(health, "_migrated", lambda: False)
    assert ready() == _reason("migrations")


def test_a_redis_that_does_not_answer(ready, settings, monkeypatch):
    class Gone:
        def ping(self):
            raise redis.ConnectionError("secret of the connection")

    settings.REDIS_URL = "redis://localhost:1/0"
    monkeypatch.setattr(health, "_redis", Gone)
    assert ready() == _reason("redis")


def test_mail_that_waits_too_long(ready, settings):
    settings.READY_MAIL_AGE = 600
    mail.send("add-address", to="ann@example.org", facts={"link": "", "username": "ann"})
    assert ready() == (200, {"status": "ok"})
    QueuedMail.objects.update(created_at=clock.after(-700.0))
    assert ready() == _reason("mail")
    settings.READY_MAIL_AGE = 0
    assert ready() == (200, {"status": "ok"})


def test_a_mail_server_down_for_an_hour_does_not_take_the_server_out(ready):
    mail.send("add-address", to="ann@example.org", facts={"link": "", "username": "ann"})
    QueuedMail.objects.update(created_at=clock.after(-3_700.0))
    assert ready() == (200, {"status": "ok"})


def test_a_process_that_goes_down(ready, monkeypatch):
    monkeypatch.setattr(state, "draining", True)
    assert ready() == _reason("draining")


def test_one_look_serves_everybody_for_a_moment(client, db, monkeypatch):
    looks = []
    monkeypatch.setattr(health, "missing", lambda: looks.append(1) or "")
    monkeypatch.setattr(probes, "_KEPT", 3600.0)
    for _ in range(20):
        assert client.get("/readyz").status == 200
    assert len(looks) == 1


def test_health_asks_no_database(client):
    assert client.get("/healthz").json() == {"status": "ok"}  # without the fixture `db` any query raises


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_probes_are_only_read(client, db, path):
    probes.forget()
    assert client.request("HEAD", path).status == 200
    assert client.request("HEAD", path).body == b""
    response = client.post(path)
    assert (response.status, response.header("allow")) == (405, "GET, HEAD")
    assert response.header("content-type") == "application/json"

"""Where sessions live: Redis where there is one, the database while it is away (R7, R58, R62)."""

import logging
from datetime import timedelta

import pytest
import redis
import time_machine
from django.conf import settings as configured

from accounts import clock, retention, throttle
from devicelogin.rendezvous import services, store_redis
from devicelogin.rendezvous.models import LiveCount, RendezvousSession
from devicelogin.rendezvous.protocol import Form
from tests.rendezvous import slots
from tests.rendezvous.slots import JSON_PATHS, PATHS, TEXT, created, error

pytestmark = pytest.mark.django_db
every_path = pytest.mark.parametrize("path", PATHS)
SECRET = "gAAAAB-not-for-the-log"


@pytest.fixture
def redis_away(settings, monkeypatch):
    """A Redis that refuses connections."""
    nobody = redis.Redis(host="127.0.0.1", port=1, socket_connect_timeout=0.2)
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    monkeypatch.setattr(store_redis, "_redis", lambda: nobody)
    monkeypatch.setattr(store_redis, "_script", nobody.register_script)
    monkeypatch.setattr(store_redis, "_resumes_at", 0.0)
    monkeypatch.setattr(throttle, "_ask_redis", lambda *_, **__: None)


@pytest.fixture
def in_database(settings):
    settings.REDIS_URL = ""


@every_path
def test_an_id_says_where_its_session_lives(client, path):
    assert created(client, path).id[1] == ("r" if configured.REDIS_URL else "d")


@every_path
@pytest.mark.usefixtures("redis_away")
def test_without_redis_sessions_are_made_in_the_database_and_work(client, path):
    slot = created(client, path, "x")
    assert slot.id[1] == "d"
    slot = slots.written(client, slot, "y")
    assert slots.read(client, slot) == ("y", slot.token)
    assert client.delete(slot.path).status in {200, 204}


@every_path
@pytest.mark.usefixtures("redis_away")
def test_a_session_in_a_redis_that_is_away_is_not_to_be_had_now(client, path):
    slot = slots.Slot(f"{path}/{'t' if path == TEXT else 'j'}r{'x' * 24}", "0" * 32)
    for answer in (client.get(slot.path), slots.put(client, slot, "y"), client.delete(slot.path)):
        assert answer.status == 503
        assert int(answer.header("retry-after")) >= 1
        assert answer.header("access-control-allow-origin") == "*"


@every_path
def test_a_session_of_a_store_that_is_not_used_is_unknown(client, settings, path):
    settings.REDIS_URL = ""
    for store in "rx":
        unknown = f"{path}/{'t' if path == TEXT else 'j'}{store}{'x' * 24}"
        assert error(client.get(unknown)) == (404, "M_NOT_FOUND")


@every_path
@pytest.mark.usefixtures("in_database")
def test_the_database_knows_no_id_and_forgets_what_is_deleted(client, path):
    slot = created(client, path, "x")
    row = RendezvousSession.objects.get()
    assert slot.id not in str({name: getattr(row, name) for name in ("form", "token", "address", "digest")})
    assert slot.id.encode() not in bytes(row.digest)
    client.delete(slot.path)
    assert not RendezvousSession.objects.exists()


@pytest.mark.usefixtures("in_database")
def test_sessions_that_are_over_go_with_later_ones_and_with_the_purge(client):
    begun = clock.now()
    with time_machine.travel(begun, tick=False):
        for _ in range(30):
            created(client)
    with time_machine.travel(begun + timedelta(seconds=400), tick=False):
        for _ in range(16):
            created(client)
        assert RendezvousSession.objects.count() == 16
        for _ in range(10):
            client.delete(created(client).path)
    with time_machine.travel(begun + timedelta(seconds=800), tick=False):
        counts = retention.purge_all()
        assert counts["rendezvous sessions"] == 16
        assert not RendezvousSession.objects.exists()
        assert not LiveCount.objects.exists()


@pytest.mark.usefixtures("in_database")
def test_the_purge_spares_who_lives(client):
    begun = clock.now()
    with time_machine.travel(begun, tick=False):
        created(client)
    with time_machine.travel(begun + timedelta(seconds=200), tick=False):
        alive = created(client, TEXT, "x")
    with time_machine.travel(begun + timedelta(seconds=301), tick=False):
        assert retention.purge_all()["rendezvous sessions"] == 1
        assert slots.read(client, alive)[0] == "x"


@every_path
def test_neither_data_nor_ids_are_logged(client, caplog, path):
    caplog.set_level(logging.DEBUG)
    slot = slots.written(client, created(client, path, SECRET), f"{SECRET}!")
    slots.read(client, slot)
    slots.put(client, slot, SECRET, "0" * 32)
    client.put(slot.path, body=b"{", headers={"Content-Type": "text/plain", "If-Match": "*"})
    client.delete(slot.path)
    client.get(slot.path)
    told = "\n".join(f"{record.getMessage()} {record.args}" for record in caplog.records)
    assert SECRET not in told
    assert slot.id not in told


def test_live_sessions_are_listed_without_what_is_in_them(client):
    begun = clock.now()
    with time_machine.travel(begun, tick=False):
        text = slots.written(client, created(client, TEXT, "x"), "hello")
        client.address = "198.51.100.9"
        created(client, JSON_PATHS[0])
        gone = created(client, JSON_PATHS[1])
        client.delete(gone.path)
        listed = services.listed(most=10)
        assert services.counts() == {Form.TEXT: 1, Form.JSON: 1}
    found = {(one.form, one.address, one.writes, one.size) for one in listed}
    assert found == {(Form.TEXT, "203.0.113.7", 1, 5), (Form.JSON, "198.51.100.9", 0, 0)}
    assert {(one.expires_ms - one.created_ms) for one in listed} == {300_000}
    assert text.id not in str(listed)


@pytest.mark.usefixtures("redis_away")
def test_what_is_listed_while_redis_is_away_is_what_the_database_has(client):
    created(client)
    assert [one.store for one in services.listed(most=10)] == ["d"]
    assert sum(services.counts().values()) == 1

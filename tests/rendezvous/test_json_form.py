"""The current form (MSC4388): the tables of qr-login.md §2, at both of its addresses."""

import json
import re
from datetime import timedelta

import pytest
import time_machine

from accounts import clock
from tests.rendezvous import slots
from tests.rendezvous.slots import JSON_PATHS, STABLE, UNSTABLE, Slot, created, error, written

pytestmark = [pytest.mark.django_db, pytest.mark.parametrize("path", JSON_PATHS)]
OPAQUE = r"[0-9A-Za-z._~-]{1,255}"
LOST = {UNSTABLE: "IO_ELEMENT_MSC4388_CONCURRENT_WRITE", STABLE: "M_CONCURRENT_WRITE"}


def test_whoever_asks_is_told_that_sessions_can_be_made(client, path):
    answer = client.get(path)
    assert (answer.status, answer.json()) == (200, {"create_available": True})
    assert_headed(answer)


def test_a_creation_answers_with_id_token_and_life(client, path):
    answer = client.post(path, data={"data": ""})
    assert answer.status == 200
    body = answer.json()
    assert set(body) == {"id", "sequence_token", "expires_in_ms"}
    assert re.fullmatch(OPAQUE, body["id"])
    assert len(body["id"]) >= 22
    assert re.fullmatch(OPAQUE, body["sequence_token"])
    assert body["expires_in_ms"] == 300_000
    assert_headed(answer)


def test_a_read_has_data_token_and_the_rest_of_the_life(client, path):
    begun = clock.now()
    with time_machine.travel(begun, tick=False):
        slot = created(client, path, "grüße 🔑")
    with time_machine.travel(begun + timedelta(seconds=100), tick=False):
        answer = client.get(slot.path)
    assert answer.status == 200
    assert answer.json() == {"data": "grüße 🔑", "sequence_token": slot.token, "expires_in_ms": 200_000}
    assert_headed(answer)


def test_reading_changes_nothing(client, path):
    slot = created(client, path, "x")
    assert {slots.read(client, slot) for _ in range(5)} == {("x", slot.token)}


def test_a_write_answers_with_a_new_token(client, path):
    slot = created(client, path)
    answer = slots.put(client, slot, "one")
    assert answer.status == 200
    assert set(answer.json()) == {"sequence_token"}
    token = answer.json()["sequence_token"]
    assert re.fullmatch(OPAQUE, token)
    assert token != slot.token
    assert slots.read(client, slot) == ("one", token)
    assert_headed(answer)


def test_a_token_changes_with_each_write_even_of_the_same_data(client, path):
    slot = written(client, created(client, path), "same")
    assert written(client, slot, "same").token != slot.token


def test_an_older_token_loses(client, path):
    first = created(client, path)
    slot = written(client, first, "theirs")
    answer = slots.put(client, slot, "mine", first.token)
    assert error(answer) == (409, LOST[path])
    assert_headed(answer)
    assert slots.read(client, slot) == ("theirs", slot.token)


@pytest.mark.parametrize("token", ["first", "nobody's", ""])
def test_a_repeat_of_what_is_there_gets_the_current_token_and_moves_nothing(client, path, token):
    first = created(client, path)
    slot = written(client, first, "mine")
    for _ in range(3):
        answer = slots.put(client, slot, "mine", first.token if token == "first" else token)
        assert (answer.status, answer.json()) == (200, {"sequence_token": slot.token})
    assert slots.read(client, slot) == ("mine", slot.token)


def test_data_that_only_look_alike_are_no_repeat(client, path):
    first = created(client, path)
    slot = written(client, first, "e\u0301")
    assert slots.put(client, slot, "\u00e9", first.token).status == 409


def test_a_delete_answers_an_empty_object_once_and_404_from_then_on(client, path):
    slot = created(client, path, "x")
    answer = client.delete(slot.path)
    assert (answer.status, answer.json()) == (200, {})
    assert_headed(answer)
    assert error(client.delete(slot.path)) == (404, "M_NOT_FOUND")
    assert error(client.get(slot.path)) == (404, "M_NOT_FOUND")
    assert error(slots.put(client, slot, "x")) == (404, "M_NOT_FOUND")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "M_NOT_JSON"),
        (b"nonsense", "M_NOT_JSON"),
        (b"\xff", "M_NOT_JSON"),
        (b'{"data":"a","data":"b","sequence_token":"x"}', "M_NOT_JSON"),
        (b'{"data":"\\u0000","sequence_token":"x"}', "M_NOT_JSON"),
        (b'{"data":"\\ud800","sequence_token":"x"}', "M_NOT_JSON"),
        (b'{"data":NaN,"sequence_token":"x"}', "M_NOT_JSON"),
        (b'{"data":' + b"9" * 5000 + b',"sequence_token":"x"}', "M_NOT_JSON"),
        (b"[" * 100 + b"]" * 100, "M_NOT_JSON"),
        (b"[]", "M_BAD_JSON"),
        (b"null", "M_BAD_JSON"),
        (b'"text"', "M_BAD_JSON"),
        (b"{}", "M_MISSING_PARAM"),
        (b'{"data":null,"sequence_token":"x"}', "M_MISSING_PARAM"),
        (b'{"data":1,"sequence_token":"x"}', "M_BAD_JSON"),
        (b'{"data":["a"],"sequence_token":"x"}', "M_BAD_JSON"),
    ],
)
def test_a_body_that_cannot_be_read_is_refused(client, path, body, code):
    slot = created(client, path, "x")
    for answer in (client.post(path, body=body), client.put(slot.path, body=body)):
        assert error(answer) == (400, code)
        assert_headed(answer)
    assert slots.read(client, slot) == ("x", slot.token)


@pytest.mark.parametrize(
    ("body", "code"),
    [({"data": "y"}, "M_MISSING_PARAM"), ({"data": "y", "sequence_token": 1}, "M_BAD_JSON")],
)
def test_a_write_names_the_token_it_saw(client, path, body, code):
    slot = created(client, path, "x")
    assert error(client.put(slot.path, data=body)) == (400, code)
    assert slots.read(client, slot) == ("x", slot.token)


def test_unknown_members_and_other_content_types_are_ignored(client, path):
    body = json.dumps({"data": "x", "intent": 1}).encode()
    assert client.post(path, body=body, headers={"Content-Type": "text/plain"}).status == 200


@pytest.mark.parametrize("data", ["x" * 4096, "ü" * 2048, "\u2028" * 1365, '"' * 4096, "\x01" * 4096])
def test_4096_bytes_of_decoded_text_fit_however_they_are_written(client, path, data):
    escaped = json.dumps({"data": data}).encode()
    slot = Slot(f"{path}/{client.post(path, body=escaped).json()['id']}", "")
    assert slots.read(client, slot)[0] == data


@pytest.mark.parametrize("data", ["x" * 4097, "ü" * 2049, "\u2028" * 1366])
def test_more_bytes_are_too_many_and_come_before_the_search_for_the_session(client, path, data):
    slot = created(client, path, "x")
    assert error(client.post(path, data={"data": data})) == (413, "M_TOO_LARGE")
    assert error(slots.put(client, slot, data)) == (413, "M_TOO_LARGE")
    assert error(slots.put(client, Slot(f"{path}/unknown", ""), data)) == (404, "M_NOT_FOUND")
    gone = created(client, path)
    client.delete(gone.path)
    assert error(slots.put(client, gone, data)) == (413, "M_TOO_LARGE")
    assert slots.read(client, slot) == ("x", slot.token)


def test_a_body_far_too_large_is_refused_before_it_is_read(client, path):
    slot = created(client, path)
    headers = {"Content-Length": "100000000"}
    assert error(client.put(slot.path, headers=headers)) == (413, "M_TOO_LARGE")
    assert error(client.post(path, headers=headers)) == (413, "M_TOO_LARGE")


def test_a_session_ends_after_300_seconds_whatever_happens(client, path):
    begun = clock.now()
    with time_machine.travel(begun, tick=False):
        slot = created(client, path)
    with time_machine.travel(begun + timedelta(seconds=299), tick=False):
        slot = written(client, slot, "late")
        assert client.get(slot.path).json()["expires_in_ms"] == 1000
    with time_machine.travel(begun + timedelta(seconds=300), tick=False):
        assert error(client.get(slot.path)) == (404, "M_NOT_FOUND")
        assert error(slots.put(client, slot, "later")) == (404, "M_NOT_FOUND")
        assert error(client.delete(slot.path)) == (404, "M_NOT_FOUND")


def test_the_wrong_method_is_told_which_are_right(client, path):
    slot = created(client, path)
    answer = client.post(slot.path, data={})
    assert error(answer) == (405, "M_UNRECOGNIZED")
    assert answer.header("allow") == "DELETE, GET, HEAD, PUT, OPTIONS"
    assert error(client.put(path, data={})) == (405, "M_UNRECOGNIZED")
    assert client.delete(path).header("allow") == "GET, HEAD, POST, OPTIONS"


def test_head_is_a_read_without_the_body(client, path):
    slot = created(client, path, "hello")
    for where in (path, slot.path):
        answer = client.request("HEAD", where)
        assert (answer.status, answer.body) == (200, b"")
        assert int(answer.header("content-length")) > 10


class TestTransactions:
    """`PUT {session}/{transaction}`, as later revisions of MSC4388 send it."""

    def test_it_is_a_write(self, client, path):
        slot = created(client, path)
        answer = client.put(f"{slot.path}/m1", data={"sequence_token": slot.token, "data": "one"})
        assert answer.status == 200
        assert_headed(answer)
        assert slots.read(client, slot) == ("one", answer.json()["sequence_token"])
        assert answer.json()["sequence_token"] != slot.token

    def test_a_repeat_gets_the_answer_of_the_first_time_though_the_other_device_has_written_since(self, client, path):
        slot = created(client, path)
        body = {"sequence_token": slot.token, "data": "one"}
        first = client.put(f"{slot.path}/m1", data=body).json()
        assert client.put(f"{slot.path}/m1", data=body).json() == first
        theirs = written(client, Slot(slot.path, first["sequence_token"]), "two")
        again = client.put(f"{slot.path}/m1", data=body)
        assert (again.status, again.json()) == (200, first)
        assert slots.read(client, slot) == ("two", theirs.token)

    def test_another_write_under_the_same_name_is_another_write(self, client, path):
        slot = created(client, path)
        first = client.put(f"{slot.path}/m1", data={"sequence_token": slot.token, "data": "one"}).json()
        second = client.put(f"{slot.path}/m1", data={"sequence_token": first["sequence_token"], "data": "two"})
        assert second.status == 200
        assert slots.read(client, slot) == ("two", second.json()["sequence_token"])
        lost = client.put(f"{slot.path}/m1", data={"sequence_token": slot.token, "data": "three"})
        assert error(lost) == (409, LOST[path])

    def test_a_long_past_write_is_lost(self, client, path):
        slot = created(client, path)
        body = {"sequence_token": slot.token, "data": "one"}
        token = client.put(f"{slot.path}/m1", data=body).json()["sequence_token"]
        slot = written(client, written(client, Slot(slot.path, token), "two"), "three")
        assert client.put(f"{slot.path}/m1", data=body).status == 409
        assert slots.read(client, slot) == ("three", slot.token)

    @pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE"])
    def test_nothing_else_is_there(self, client, path, method):
        slot = created(client, path, "x")
        assert client.request(method, f"{slot.path}/m1").status == 404
        assert client.request("OPTIONS", f"{slot.path}/m1").status == 204
        assert error(client.put(f"{path}/unknown/m1", data={})) == (404, "M_NOT_FOUND")
        assert error(client.put(f"{slot.path}/{'m' * 300}", data={})) == (404, "M_NOT_FOUND")
        assert error(client.put(f"{slot.path}/m1", data={})) == (400, "M_MISSING_PARAM")
        assert slots.read(client, slot) == ("x", slot.token)


def assert_headed(answer):
    """What every answer of this form has."""
    assert answer.header("content-type") == "application/json"
    assert answer.header("cache-control") == "no-store"
    assert answer.header("access-control-allow-origin") == "*"

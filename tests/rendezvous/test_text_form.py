"""The 2024 form (MSC4108): the table of qr-login.md §3, its headers and its traps."""

import re
from datetime import timedelta
from email.utils import parsedate_to_datetime

import pytest
import time_machine

from accounts import clock
from tests.rendezvous import slots
from tests.rendezvous.slots import TEXT, created, error, put_text, tag, written

pytestmark = pytest.mark.django_db


def test_a_creation_answers_with_an_absolute_url_and_the_marker(client, settings):
    settings.PUBLIC_URL = "https://id.example.org"
    answer = slots.post_text(client, b"hello")
    assert answer.status == 201
    assert answer.header("content-type") == "application/json"
    assert set(answer.json()) == {"url"}
    assert re.fullmatch(rf"https://id\.example\.org{TEXT}/[0-9A-Za-z._~-]{{22,255}}", answer.json()["url"])
    assert_marked(answer)


def test_an_empty_creation_needs_no_more_than_a_length_of_0(client):
    assert slots.post_text(client).status == 201
    assert client.get(created(client).path).body == b""


def test_a_read_has_the_data_as_plain_text_and_nothing_else(client):
    slot = created(client, data="grüße")
    answer = client.get(slot.path)
    assert answer.status == 200
    assert answer.header("content-type") == "text/plain"
    assert answer.body == "grüße".encode()
    assert answer.header("content-length") == str(len(answer.body))
    assert_marked(answer)
    assert tag(answer) == slot.token


def test_content_is_inert_for_browsers(client):
    answer = client.get(created(client).path)
    assert answer.header("x-content-type-options") == "nosniff"
    assert "sandbox" in (answer.header("content-security-policy") or "")


def test_who_has_the_data_already_gets_304_without_body_and_type(client):
    slot = created(client, data="x")
    answer = client.get(slot.path, headers={"If-None-Match": f'"{slot.token}"'})
    assert (answer.status, answer.body) == (304, b"")
    assert answer.header("content-type") is None
    assert_marked(answer)


@pytest.mark.parametrize("form", ['W/"{}"', '"{}-gzip"', 'W/"{}-gzip"', '"{};gzip"', '"{}--gzip"', "{}", '"x", "{}"'])
def test_a_tag_that_a_proxy_rewrote_is_known_again_in_a_read(client, form):
    slot = created(client, data="x")
    assert client.get(slot.path, headers={"If-None-Match": form.format(slot.token)}).status == 304


@pytest.mark.parametrize("header", ['"other"', "", '"', "garbage with blanks", "W/"])
def test_any_other_tag_reads_the_data(client, header):
    answer = client.get(created(client, data="x").path, headers={"If-None-Match": header})
    assert (answer.status, answer.body) == (200, b"x")


def test_a_write_answers_202_with_a_new_tag_and_no_body(client):
    slot = created(client)
    answer = slots.put(client, slot, "one")
    assert (answer.status, answer.body) == (202, b"")
    assert answer.header("content-type") == "text/plain"
    assert answer.header("content-length") == "0"
    assert_marked(answer)
    assert tag(answer) != slot.token
    assert slots.read(client, slot) == ("one", tag(answer))


def test_a_tag_changes_with_each_write_even_of_the_same_data(client):
    slot = written(client, created(client), "same")
    again = written(client, slot, "same")
    assert again.token != slot.token


@pytest.mark.parametrize("form", ['W/"{}"', '"{}-gzip"', 'W/"{}-gzip"', '"{};gzip"', '"{}--gzip"', "{}", 'w/"{}-br"'])
def test_a_tag_that_a_proxy_rewrote_still_writes(client, form):
    slot = created(client)
    answer = put_text(client, slot.path, b"one", If_Match=form.format(slot.token))
    assert answer.status == 202
    assert answer.header("etag") == f'"{tag(answer)}"'


def test_an_older_tag_loses_and_is_told_the_state_that_counts(client):
    first = created(client)
    slot = written(client, first, "theirs")
    answer = slots.put(client, slot, "mine", first.token)
    assert answer.status == 412
    assert answer.header("content-type") == "application/json"
    assert answer.json() == {
        "errcode": "M_UNKNOWN",
        "org.matrix.msc4108.errcode": "M_CONCURRENT_WRITE",
        "error": "ETag does not match",
    }
    assert_marked(answer)
    assert tag(answer) == slot.token
    assert slots.read(client, slot) == ("theirs", slot.token)


def test_an_older_tag_with_the_data_that_are_there_is_a_repeat(client):
    first = created(client)
    slot = written(client, first, "mine")
    for _ in range(3):
        answer = slots.put(client, slot, "mine", first.token)
        assert answer.status == 202
        assert tag(answer) == slot.token
    assert slots.read(client, slot) == ("mine", slot.token)


def test_a_delete_answers_204_once_and_404_from_then_on(client):
    slot = created(client, data="x")
    answer = client.delete(slot.path)
    assert (answer.status, answer.body) == (204, b"")
    assert answer.header("access-control-allow-origin") == "*"
    for method in ("DELETE", "GET", "HEAD"):
        assert client.request(method, slot.path).status == 404
    assert error(client.delete(slot.path)) == (404, "M_NOT_FOUND")
    assert error(slots.put(client, slot, "y")) == (404, "M_NOT_FOUND")


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"Content-Type": ""}, "M_MISSING_PARAM"),
        ({"Content-Length": ""}, "M_MISSING_PARAM"),
        ({"If-Match": ""}, "M_MISSING_PARAM"),
        ({"Content-Type": "application/json"}, "M_INVALID_PARAM"),
        ({"Content-Type": "text/plainer"}, "M_INVALID_PARAM"),
        ({"If-Match": '"'}, "M_INVALID_PARAM"),
        ({"If-Match": '""'}, "M_INVALID_PARAM"),
        ({"If-Match": "*"}, "M_INVALID_PARAM"),
        ({"If-Match": '"a", "b"'}, "M_INVALID_PARAM"),
        ({"If-Match": "W/"}, "M_INVALID_PARAM"),
        ({"If-Match": '"\x80\xff"'}, "M_INVALID_PARAM"),
    ],
)
def test_a_write_without_what_it_needs_is_refused_with_the_state(client, headers, code):
    slot = created(client, data="x")
    sent = {"Content-Type": "text/plain", "Content-Length": "0", "If-Match": f'"{slot.token}"', **headers}
    answer = client.put(slot.path, headers={name: value for name, value in sent.items() if value})
    assert error(answer) == (400, code)
    assert_marked(answer)
    assert tag(answer) == slot.token
    assert slots.read(client, slot) == ("x", slot.token)


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"Content-Type": "text/plain"}, "M_MISSING_PARAM"),
        ({"Content-Length": "0"}, "M_MISSING_PARAM"),
        ({"Content-Type": "text/html", "Content-Length": "0"}, "M_INVALID_PARAM"),
    ],
)
def test_a_creation_without_what_it_needs_is_refused(client, headers, code):
    assert error(client.post(TEXT, headers=headers)) == (400, code)


@pytest.mark.parametrize("content_type", ["text/plain; charset=utf-8", "TEXT/PLAIN", "text/plain;charset=UTF-8"])
def test_a_charset_in_a_request_is_accepted(client, content_type):
    assert slots.post_text(client, b"x", Content_Type=content_type).status == 201


@pytest.mark.parametrize("body", [b"\xff\xfe", b"a\0b", b"\xed\xa0\x80"])
def test_what_is_no_text_is_refused(client, body):
    slot = created(client, data="x")
    assert error(slots.post_text(client, body)) == (400, "M_INVALID_PARAM")
    answer = put_text(client, slot.path, body, If_Match=f'"{slot.token}"')
    assert error(answer) == (400, "M_INVALID_PARAM")
    assert tag(answer) == slot.token


def test_4096_bytes_fit_and_4097_do_not(client):
    slot = created(client, data="x" * 4096)
    assert error(slots.post_text(client, b"x" * 4097)) == (413, "M_TOO_LARGE")
    answer = slots.put(client, slot, "y" * 4097)
    assert error(answer) == (413, "M_TOO_LARGE")
    assert_marked(answer)
    assert tag(answer) == slot.token
    assert len(slots.read(client, written(client, slot, "ü" * 2048))[0]) == 2048


def test_a_body_far_too_large_is_refused_with_the_state(client):
    slot = created(client)
    answer = put_text(client, slot.path, b"", If_Match=f'"{slot.token}"', Content_Length="100000000")
    assert error(answer) == (413, "M_TOO_LARGE")
    assert tag(answer) == slot.token


def test_a_session_lives_300_seconds_whatever_happens(client):
    begun = clock.now()
    with time_machine.travel(begun, tick=False):
        answer = slots.post_text(client)
        slot = created(client)
    expires = parsedate_to_datetime(answer.header("expires"))
    assert 299 <= (expires - begun).total_seconds() <= 300
    with time_machine.travel(begun + timedelta(seconds=299), tick=False):
        slot = written(client, slot, "late")
        assert client.get(slot.path).header("expires") == answer.header("expires")
    with time_machine.travel(begun + timedelta(seconds=300), tick=False):
        assert error(client.get(slot.path)) == (404, "M_NOT_FOUND")
        assert error(slots.put(client, slot, "later")) == (404, "M_NOT_FOUND")
        assert error(client.delete(slot.path)) == (404, "M_NOT_FOUND")


def test_last_modified_is_the_moment_of_the_last_write(client):
    begun = clock.now()
    with time_machine.travel(begun, tick=False):
        slot = created(client)
    with time_machine.travel(begun + timedelta(seconds=20), tick=False):
        answer = slots.put(client, slot, "x")
    seconds = (parsedate_to_datetime(answer.header("last-modified")) - begun).total_seconds()
    assert 19 <= seconds <= 20


def test_the_wrong_method_is_told_with_the_state(client):
    slot = created(client)
    answer = client.post(slot.path, body=b"x", headers={"Content-Type": "text/plain"})
    assert error(answer) == (405, "M_UNRECOGNIZED")
    assert answer.header("allow") == "DELETE, GET, HEAD, PUT, OPTIONS"
    assert tag(answer) == slot.token
    assert error(client.get(TEXT)) == (405, "M_UNRECOGNIZED")
    assert client.get(TEXT).header("allow") == "POST, OPTIONS"


def test_head_is_a_read_without_the_body(client):
    slot = created(client, data="hello")
    answer = client.request("HEAD", slot.path)
    assert (answer.status, answer.body) == (200, b"")
    assert answer.header("content-length") == "5"
    assert answer.header("content-type") == "text/plain"
    assert tag(answer) == slot.token


def assert_marked(answer):
    """The headers that every answer on a session has (section 3)."""
    assert re.fullmatch(r'"[0-9A-Za-z._~-]+"', answer.header("etag"))
    assert answer.header("cache-control") == "no-store, no-transform"
    assert answer.header("pragma") == "no-cache"
    assert answer.header("access-control-allow-origin") == "*"
    assert "ETag" in answer.header("access-control-expose-headers")
    for name in ("expires", "last-modified"):
        assert answer.header(name).endswith(" GMT")
        parsedate_to_datetime(answer.header(name))

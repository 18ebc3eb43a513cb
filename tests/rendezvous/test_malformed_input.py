"""Malformed input of every kind (R1 to R3): no 5xx, JSON errors, and the state of the session is told and unchanged."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.rendezvous import slots
from tests.rendezvous.slots import PATHS, TEXT, created

pytestmark = [pytest.mark.django_db, pytest.mark.parametrize("path", PATHS)]
METHODS = ("GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS", "PATCH", "FOO", "get")
BODIES = [
    b"",
    b"\x00",
    b"{",
    b"null",
    b"[]",
    b'"text"',
    b"\xff\xfe\xfd",
    b'{"data":"\\ud800","sequence_token":"\\udfff"}',
    b'{"data":"\\u0000","sequence_token":"\\u0000"}',
    b'{"data":NaN,"sequence_token":Infinity}',
    b'{"data":' + b"9" * 5000 + b"}",
    b'{"data":1,"data":2}',
    b"[" * 30_000,
    b'{"a":' * 5_000,
    json.dumps({"data": "é" * 20_000, "sequence_token": "x" * 20_000}).encode(),
]
VALUES = st.one_of(
    st.sampled_from(
        ["", "\xff/\x80;;=,", '"', '""', "*", "W/", 'W/"', '"a",', ",,,", '"' + "x" * 300 + '"', "text/plain"]
    ),
    st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\0"), max_size=60),
)
NAMES = ("content-type", "if-match", "if-none-match", "authorization", "sec-fetch-dest", "accept", "x-forwarded-for")


def well_answered(answer, method):
    assert answer.status < 500, answer.text
    assert len(answer.body) < 4096
    assert "Traceback" not in answer.text
    assert answer.header("access-control-allow-origin") == "*"
    if method not in {"HEAD", "OPTIONS"} and answer.status >= 400:
        assert answer.header("content-type") == "application/json"
        assert set(answer.json()) >= {"errcode", "error"}


@pytest.mark.parametrize("method", METHODS)
def test_no_body_makes_an_error_of_ours(client, path, method):
    client.address = ""  # a local socket has none
    slot = created(client, path, "x")
    for body in BODIES:
        for headers in ({}, {"Content-Type": "text/plain", "If-Match": '"x"', "Content-Length": str(len(body))}):
            for where in (path, slot.path, f"{path}/unknown"):
                if (method, where) in {("DELETE", slot.path), ("POST", path)}:
                    continue
                answer = client.request(method, where, body=body, headers=headers)
                well_answered(answer, method)
                if where == slot.path and path == TEXT and method not in {"OPTIONS", "get"}:
                    assert slots.tag(answer) == slot.token
    assert slots.read(client, slot) == ("x", slot.token)


@given(data=st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_nothing_at_all_makes_an_error_of_ours(client, path, data):
    method = data.draw(st.sampled_from(METHODS[:7]))
    rest = data.draw(st.sampled_from(["", "/unknown", "/%00", "/%FF%FE", "/td" + "x" * 24, "/jr" + "x" * 24, "/\x7f"]))
    headers = data.draw(st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=5))
    answer = client.request(method, path + rest, body=data.draw(st.binary(max_size=80)), headers=headers)
    well_answered(answer, method)


@pytest.mark.parametrize("length", ["-1", "x", "", "1e3", "99999999999999999999999", "5, 5", "\xb2"])
def test_a_length_that_is_none_is_refused(client, path, length):
    slot = created(client, path, "x")
    headers = {"Content-Length": length, "Content-Type": "text/plain", "If-Match": f'"{slot.token}"'}
    for method, where in (("POST", path), ("PUT", slot.path)):
        answer = client.request(method, where, headers=headers)
        assert answer.status in {400, 413}
        well_answered(answer, method)
    assert slots.read(client, slot) == ("x", slot.token)

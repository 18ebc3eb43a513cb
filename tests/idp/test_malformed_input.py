"""Malformed input of every kind in R1 to R3 on every route: no 5xx, errors in the door's own form."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.session_client import SessionIdentity

pytestmark = pytest.mark.django_db

ROUTES = [
    ("GET", "/loki/v1/get_challenge"),
    ("POST", "/loki/v1/submit_challenge"),
    ("GET", "/token"),
    ("HEAD", "/token"),
    ("DELETE", "/token"),
    ("POST", "/token"),
    ("GET", "/stream/0/token"),
    ("GET", "/loki/v1/user_info"),
    ("PATCH", "/users/me"),
    ("POST", "/loki/v1/moderation/blacklist/1"),
    ("DELETE", "/loki/v1/moderation/whitelist/@05"),
    ("POST", "/loki/v1/moderators/x"),
    ("GET", "/loki/v1/channels/1/moderators"),
    ("GET", "/loki/v1/channel/x/get_moderators"),
    ("POST", "/_matrix/client/v3/login"),
    ("POST", "/oauth2/token"),
    ("POST", "/api/auth"),
    ("GET", "/api/me"),
    ("POST", "/api/token/refresh"),
    ("POST", "/anything"),
    ("POST", "/"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
]
BODIES = [
    b"",
    b"\x00",
    b"{",
    b"null",
    b"[]",
    b"5",
    b'"text"',
    b"\xff\xfe\xfd",
    b'{"pubKey":"\\ud800","token":"\\udfff"}',
    b'{"pubKey":"\\u0000","token":"\\u0000"}',
    b'{"pubKey":NaN,"token":Infinity}',
    b'{"pubKey":' + b"9" * 5000 + b"}",
    b'{"pubKey":1,"pubKey":2}',
    b"[" * 60_000,
    b'{"a":' * 10_000,
    b'{"name":{"a":[1,2,{"b":null}]}}',
    json.dumps({"name": "é" * 20_000}).encode(),
]
TYPES = [
    "application/json",
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data",
    "",
    "\xff/\x80;;=,",
]


def well_answered(response, method="GET"):
    assert response.status < 500, response.text
    assert len(response.body) < 4096
    assert "Traceback" not in response.text
    if method != "HEAD" and response.status >= 400:
        assert response.header("content-type") == "application/json; charset=utf-8"
        assert isinstance(response.json(), dict)


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_no_body_makes_an_error_of_ours(client, method, path):
    if path == "/" and method == "POST":
        assert client.post("/", body=b"x").status == 405
        return
    for body in BODIES:
        for content_type in TYPES:
            well_answered(client.request(method, path, body=body, headers={"Content-Type": content_type}), method)


@pytest.mark.parametrize(
    ("method", "path"), [("PATCH", "/users/me"), ("GET", "/loki/v1/user_info"), ("DELETE", "/token")]
)
def test_nor_with_a_good_token(client, method, path):
    identity = SessionIdentity()
    for body in BODIES:
        token = identity.log_in(client)
        response = client.request(method, path, body=body, token=token, headers={"Content-Type": "application/json"})
        well_answered(response, method)


@pytest.mark.parametrize(("method", "path"), ROUTES[:14])
@pytest.mark.parametrize(
    "query",
    [
        "pubKey=%00&access_token=%00",
        "pubKey=%ff%fe&access_token=%ff",
        "pubKey=%ed%a0%80&access_token=%ed%a0%80",
        "pubKey[]=a&pubKey[x]=b&access_token[]=c",
        "pubKey=a&pubKey=b&access_token=a&access_token=b",
        "&&&===%%%",
        "pubKey=" + "9" * 5000,
        "a=b&" * 1500,
        ";;;",
    ],
)
def test_no_query_makes_an_error_of_ours(client, method, path, query):
    well_answered(client.request(method, f"{path}?{query}"), method)


@pytest.mark.parametrize(("method", "path"), ROUTES[:14])
@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer \xff\xfe\x00"},
        {"Authorization": "Bearer " + "a" * 8000},
        {"Authorization": "\x80"},
        {"Authorization": "Bearer a b c"},
        {"Content-Length": "-1"},
        {"Content-Length": "99999999999999999999"},
        {"Content-Length": "x"},
        {"Accept": "\xff;q=x"},
        {"Cookie": "\xff=\x80;;;"},
        {"X-Forwarded-For": "x, \xff, 1.2.3.4.5"},
        {"Host": "\xff"},
        {"User-Agent": "\xff" * 3000},
    ],
)
def test_no_header_makes_an_error_of_ours(client, method, path, headers):
    well_answered(client.request(method, path, headers=headers), method)


@pytest.mark.parametrize("agent", ["\xff" * 3000, "\x00", "é" * 2000, ""])
def test_no_user_agent_keeps_a_client_from_logging_in(client, agent):
    identity = SessionIdentity()
    token = identity.answer(client)
    response = client.post(
        "/loki/v1/submit_challenge",
        data={"pubKey": identity.public_key, "token": token},
        headers={"User-Agent": agent},
    )
    assert response.status == 200


@given(path=st.text(max_size=60), method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"]))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_path_makes_an_error_of_ours(client, path, method):
    encoded = "/" + path.encode("utf-8", "replace").decode("latin-1").replace("?", "").replace("#", "")
    response = client.request(method, encoded)
    assert response.status < 500
    assert "Traceback" not in response.text


@given(
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
        lambda c: st.lists(c, max_size=3) | st.dictionaries(st.text(max_size=5), c, max_size=3),
        max_leaves=5,
    ),
    key=st.sampled_from(["pubKey", "token", "name"]),
)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_value_of_a_known_field_makes_an_error_of_ours(client, value, key):
    fields = {"pubKey": SessionIdentity().public_key, "token": "x", key: value}
    well_answered(client.post("/loki/v1/submit_challenge", data=fields))

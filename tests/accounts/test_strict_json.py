"""JSON as strangers send it: R1, R41."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts import strict_json
from accounts.errors import Reason, Refusal

STORABLE = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | STORABLE,
    lambda children: st.lists(children, max_size=5) | st.dictionaries(STORABLE, children, max_size=5),
    max_leaves=20,
)


@given(VALUES)
def test_what_json_can_say_is_understood(value):
    assert strict_json.parse(json.dumps(value).encode()) == value


@given(st.binary(max_size=200))
def test_any_bytes_are_a_value_or_a_refusal(body):
    try:
        strict_json.parse(body)
    except Refusal as refusal:
        assert refusal.reason is Reason.MALFORMED


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"nul",
        b"\xff\xfe",
        b"NaN",
        b"[Infinity]",
        b"[-Infinity]",
        b"1e999",
        b'{"a":1,"a":2}',
        b'"\\ud800"',
        b'{"\\udfff":1}',
        b'"\\u0000"',
        b"9" * 5000,
        b"18446744073709551616",
        b"[" * 33 + b"]" * 33,
        b"[" * 100_000,
        b'{"a":' * 50_000,
        json.dumps({str(n): n for n in range(1001)}).encode(),
        b"{} {}",
    ],
)
def test_what_would_hurt_later_is_refused_now(body):
    with pytest.raises(Refusal) as refusal:
        strict_json.parse(body)
    assert refusal.value.reason is Reason.MALFORMED


@pytest.mark.parametrize("body", [b"[" * 32 + b"]" * 32, b'"' + b"[" * 1000 + b'"', b'"\\"[{"', b'"\xf0\x9f\x98\x80"'])
def test_what_only_looks_deep_is_let_through(body):
    strict_json.parse(body)

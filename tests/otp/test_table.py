"""The truth table of `confirm_token`, row by row, without a database (websocket-otp.md §3)."""

from itertools import product

import pytest

from challenges.otp import protocol
from challenges.otp.messages import Code, parse_confirmation
from challenges.otp.protocol import Claim, Record

FAKE, WELL, BAD = Code.FAKE, Code.WELL_FORMED, Code.MALFORMED


def claim(record, code, **changes):
    facts = {"past_end": False, "same_client": True, "active": True, "admitted": True} | changes
    return Claim(record=record, code=code, **facts)


def unasked():
    raise AssertionError("the table asks for no work in this row")


def row(claim, *, right=None, holds=None):
    return protocol.row(
        claim,
        code_is_right=unasked if right is None else lambda: right,
        password_holds=unasked if holds is None else lambda: holds,
    )


@pytest.mark.parametrize("code", Code)
@pytest.mark.parametrize("record", [Record.CONFIRMED, Record.GONE])
def test_row_1_a_token_past_its_end_that_was_confirmed_or_is_gone(record, code):
    assert row(claim(record, code, past_end=True)) == 1
    assert row(claim(record, code, past_end=True, same_client=False, active=False)) == 1


@pytest.mark.parametrize("code", Code)
def test_row_2_a_token_that_was_confirmed_and_then_revoked(code):
    assert row(claim(Record.REVOKED, code)) == 2
    assert row(claim(Record.REVOKED, code, past_end=True)) == 2


BAD_TOKENS = [
    (Record.GONE, {}),
    (Record.DEAD, {}),
    (Record.DEAD, {"past_end": True}),
    (Record.PENDING, {"past_end": True}),
    (Record.PENDING, {"same_client": False}),
    (Record.CONFIRMED, {"same_client": False}),
    (Record.PENDING, {"active": False}),
    (Record.CONFIRMED, {"active": False}),
    (Record.PENDING, {"admitted": False}),
    (Record.CONFIRMED, {"admitted": False}),
    (Record.CONFIRMED, {"admitted": False, "past_end": True}),
    (Record.REVOKED, {"admitted": False}),
]


@pytest.mark.parametrize(("record", "changes"), BAD_TOKENS)
def test_rows_3_and_4_a_token_that_is_no_good(record, changes):
    assert row(claim(record, WELL, **changes)) == 3
    assert row(claim(record, FAKE, **changes)) == 4
    assert row(claim(record, BAD, **changes)) == 4


def test_rows_3_and_4_a_token_we_did_not_sign():
    assert [protocol.bad_token_row(code) for code in (WELL, FAKE, BAD)] == [3, 4, 4]


def test_rows_5_and_6_a_code_for_a_pending_login():
    assert row(claim(Record.PENDING, WELL), right=True) == 5
    assert row(claim(Record.PENDING, WELL), right=False) == 6


@pytest.mark.parametrize("code", [FAKE, BAD])
def test_row_7_no_code_for_a_pending_login(code):
    assert row(claim(Record.PENDING, code)) == 7


def test_rows_8_and_9_a_remembered_login():
    assert row(claim(Record.CONFIRMED, FAKE), holds=True) == 8
    assert row(claim(Record.CONFIRMED, FAKE), holds=False) == 9


@pytest.mark.parametrize("code", [WELL, BAD])
def test_row_10_anything_but_the_fake_code_for_a_remembered_login(code):
    assert row(claim(Record.CONFIRMED, code)) == 10


def test_each_row_has_the_code_of_the_page():
    codes = {number: protocol.answer(number)["code"] for number in range(1, 11)}
    assert codes == {
        1: "1105",
        2: "1105",
        3: "1102",
        4: "1101",
        5: "1104",
        6: "1103",
        7: "1101",
        8: "1103",
        9: "1101",
        10: "1101",
    }


def test_the_fake_code_is_1103_for_confirmed_logins_only_whatever_else_holds():
    switches = product([False, True], repeat=4)
    for record, (past_end, same_client, active, admitted) in product(Record, switches):
        facts = claim(record, FAKE, past_end=past_end, same_client=same_client, active=active, admitted=admitted)
        for holds in (False, True):
            answer = protocol.answer(row(facts, right=True, holds=holds))
            if answer["code"] in {"1103", "1104"}:
                assert record is Record.CONFIRMED
                assert holds
                assert facts.is_good


@pytest.mark.parametrize(
    ("otp", "kind"),
    [
        ("12345678", FAKE),
        ("1234", WELL),
        ("0123456789", WELL),
        ("87654321", WELL),
        ("123", BAD),
        ("01234567890", BAD),
        ("", BAD),
        (" 123456", BAD),
        ("123456\n", BAD),
        ("١٢٣٤٥٦", BAD),
        ("12345a", BAD),
        (123456, BAD),
        (12345678, BAD),
        (None, BAD),
        (["123456"], BAD),
        (True, BAD),
    ],
)
def test_what_kind_of_code_comes(otp, kind):
    assert parse_confirmation({"otp": otp}).code is kind


@pytest.mark.parametrize("data", [None, [], "confirm", 7, True, b"x", object()])
def test_data_that_is_no_object_has_no_member(data):
    message = parse_confirmation(data)
    assert (message.token, message.client, message.password, message.code) == ("", None, None, BAD)

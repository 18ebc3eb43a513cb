"""The three steps of the seed and every row of the table, with every kind of client (websocket-otp.md §3)."""

import time

import pytest

from tests.conformance.otp.person import BROWSER, FAKE, PASSWORD, Person, payload_of, signed_anew, tampered, wrong


def test_the_three_steps_of_the_seed(person: Person) -> None:
    token = person.token()
    payload = payload_of(token)
    assert set(payload) == {"email", "browser", "os", "ip", "nonce", "iat", "exp"}
    assert payload["exp"] - payload["iat"] == 86400
    assert payload["ip"] == "::ffff:127.0.0.1"
    answer = person.confirm(token, person.codes()[0])
    assert (answer["code"], answer["token"], answer["expires_in"]) == ("1104", token, 300)
    remembered = person.confirm(token, FAKE)
    assert (remembered["code"], remembered["verified"], remembered["token"]) == ("1103", True, token)


def test_both_answer_styles(person: Person) -> None:
    """With and without an acknowledgement asked for: the client compares both (`Asker`)."""
    for acknowledge in (True, False):
        assert person.ask("confirm_token", {"otp": FAKE}, acknowledge=acknowledge)["code"] == "1101"
        assert person.ask("request_login_token", {}, acknowledge=acknowledge)["code"] == "1100"


def test_row_1_past_its_end(person: Person) -> None:
    token, _ = person.signed_in()
    past = {"iat": int(time.time()) - 600, "exp": int(time.time()) - 1}
    ended = signed_anew(person.installation, token, **past)
    unknown = signed_anew(person.installation, token, **past, nonce="A" * 43 + "=")
    for otp in (FAKE, "000000", ...):
        assert person.confirm(ended, otp)["code"] == "1105"
        assert person.confirm(unknown, otp)["code"] == "1105"


def test_row_2_revoked_by_an_operator(person: Person) -> None:
    token, _ = person.signed_in()
    person.installation.manage("tokens", "revoke", "--user", person.name)
    assert [person.confirm(token, otp)["code"] for otp in (FAKE, "000000", ...)] == ["1105"] * 3


@pytest.mark.parametrize("otp", ["right", "000000"])
def test_row_3_a_bad_token_with_a_code(person: Person, otp: str) -> None:
    token = person.token()
    right = person.codes()[0]
    given = right if otp == "right" else otp
    for bad in ("garbage", "", ..., 7, None, token[:-2], f"{token}x"):
        assert person.confirm(bad, given)["code"] == "1102"
    assert person.confirm(token, given, browser="another")["code"] == "1102"
    assert person.confirm(token, given, os="another")["code"] == "1102"
    assert person.confirm(token, right)["code"] == "1104", "none of them cost a try"


def test_row_4_a_bad_token_without_a_code(person: Person) -> None:
    for otp in (FAKE, "x", "", ..., 123456, None):
        assert person.confirm("garbage", otp)["code"] == "1101"
    nothing: tuple[object, ...] = (None, [], "x", 7)
    for data in nothing:
        assert person.ask("confirm_token", data)["code"] == "1101"


def test_row_5_the_right_code(person: Person) -> None:
    token = person.token()
    answer = person.confirm(token, person.codes()[0])
    assert answer["code"] == "1104"
    assert answer["access"].count(".") == 2
    assert answer["refresh"].count(".") == 2


def test_row_6_five_wrong_codes(person: Person) -> None:
    token = person.token()
    right = person.codes()[0]
    for left in (4, 3, 2, 1, 0):
        answer = person.confirm(token, wrong(right))
        assert (answer["code"], answer["verified"], answer["tries_left"]) == ("1103", False, left)
    assert person.confirm(token, right)["code"] == "1102"
    assert person.confirm(token, FAKE)["code"] == "1101"


@pytest.mark.parametrize("otp", [FAKE, "", "x", 123456, ...])
def test_row_7_no_code_for_a_pending_login(person: Person, otp: object) -> None:
    token = person.token()
    assert [person.confirm(token, otp)["code"] for _ in range(5)] == ["1101"] * 5
    assert person.confirm(token, person.codes()[0])["code"] == "1102"


def test_row_8_a_remembered_login(person: Person) -> None:
    token, first = person.signed_in()
    for changes in ({}, {"password": PASSWORD}):
        answer = person.confirm(token, FAKE, **changes)
        assert (answer["code"], answer["verified"]) == ("1103", True)
        assert answer["access"] != first["access"]


def test_row_9_a_remembered_login_with_a_wrong_password(person: Person) -> None:
    token, _ = person.signed_in()
    assert person.confirm(token, FAKE, password="wrong")["code"] == "1101"
    assert person.confirm(token, FAKE)["code"] == "1103"


def test_row_10_a_remembered_login_with_anything_but_the_fake_code(person: Person) -> None:
    token = person.token()
    code = person.codes()[0]
    answers = [person.confirm(token, otp)["code"] for otp in (code, code, wrong(code), "x", ...)]
    assert answers == ["1104", "1101", "1101", "1101", "1101"]


def test_the_hole_of_the_seed_is_closed(person: Person) -> None:
    """A password alone plus 12345678, in any order with wrong guesses, never gives 1103 to the fake code."""
    token = person.token()
    guess = wrong(person.codes()[0])
    for otp in (FAKE, guess, FAKE, guess, FAKE, FAKE):
        answer = person.confirm(token, otp)
        assert "access" not in answer
        assert not (otp == FAKE and answer["code"] == "1103")


@pytest.mark.parametrize("name", ["email", "browser", "os", "ip", "nonce", "iat", "exp"])
def test_tampering_with_a_field_of_the_payload(person: Person, name: str) -> None:
    token = person.token()
    value = 2**40 if name in {"iat", "exp"} else "other"
    client = {name: value} if name in {"browser", "os"} else {}
    bad = tampered(token, **{name: value})
    assert person.confirm(bad, person.codes()[0], **client)["code"] == "1102"
    assert person.confirm(bad, FAKE, **client)["code"] == "1101"
    assert person.confirm(token, person.codes()[0])["code"] == "1104"
    assert person.confirm(bad, FAKE, **client)["code"] == "1101"


def test_a_code_past_its_life(person: Person) -> None:
    token = person.token()
    code = person.codes()[0]
    person.execute("UPDATE accounts_challenge SET expires_at = created_at WHERE user_id = {user}")
    assert person.confirm(token, code)["code"] == "1102"
    assert person.confirm(token, FAKE)["code"] == "1101"


def test_resending(person: Person) -> None:
    old = person.token()
    new = person.token()
    first, second = person.codes(count=2)
    assert person.confirm(old, first)["code"] == "1102"
    assert person.confirm(new, second)["code"] == "1104"


@pytest.mark.parametrize("remove", ["true", True, ...])
def test_remove_cancels_pending_logins(person: Person, remove: object) -> None:
    old = person.token(browser="other")
    person.token(remove=remove)
    assert person.confirm(old, person.codes(count=2)[0], browser="other")["code"] == "1102"


@pytest.mark.parametrize("remove", ["false", False])
def test_without_remove_other_clients_go_on(person: Person, remove: object) -> None:
    old = person.token(browser="other", remove=remove)
    new = person.token(remove=remove)
    first, second = person.codes(count=2)
    assert person.confirm(old, first, browser="other")["code"] == "1104"
    assert person.confirm(new, second, browser=BROWSER)["code"] == "1104"


def test_wrong_unknown_and_blocked_are_answered_alike(person: Person) -> None:
    refused = person.request(password="wrong")
    assert refused["code"] == "1106"
    assert person.request(email="nobody@example.org") == refused
    person.installation.manage("rules", "add", "deny", "username", person.name)
    assert person.request() == refused


@pytest.mark.parametrize("name", ["email", "password", "browser", "os"])
def test_a_malformed_request(person: Person, name: str) -> None:
    for value in (..., None, 7, "x" * 1025):
        answer = person.request(**{name: value})
        assert set(answer) == {"code", "message"}
        assert answer["code"] == "1100"


def test_the_sixth_mail_within_a_quarter_of_an_hour(person: Person) -> None:
    answers = [person.request() for _ in range(6)]
    assert [isinstance(answer, str) for answer in answers] == [True] * 5 + [False]
    assert answers[-1]["code"] == "1107"
    assert answers[-1]["retry_after_ms"] > 0

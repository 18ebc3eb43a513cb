"""`request_login_token` (websocket-otp.md §2)."""

import base64
import json
import re

import pytest
import time_machine

from accounts import passwords, rules, users
from accounts.models import AuditEvent, Challenge, Token
from challenges.otp import clients, services
from tests.otp import door
from tests.otp.door import ADDRESS, BROWSER, PASSWORD, SYSTEM

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice():
    return door.alice()


def part(token, number):
    text = token.split(".")[number]
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def test_the_answer_is_a_bare_token_with_the_names_of_the_seed(alice):
    payload = part(door.token(email="Alice@Example.ORG"), 1)
    assert set(payload) == {"email", "browser", "os", "ip", "nonce", "iat", "exp"}
    assert payload["email"] == ADDRESS
    assert (payload["browser"], payload["os"]) == (BROWSER, SYSTEM)
    assert payload["ip"] == "::ffff:192.0.2.1"
    assert len(payload["nonce"]) == 44
    assert len(base64.b64decode(payload["nonce"], validate=True)) == 32
    assert part(door.token(ip="2001:db8::7"), 1)["ip"] == "2001:db8::7"


def test_the_header_names_the_algorithm_the_key_and_the_purpose(alice):
    header = part(door.token(), 0)
    assert set(header) == {"alg", "kid", "typ"}
    assert header["alg"] == "HS256"
    assert header["typ"] == "otp-login+jwt"


@pytest.mark.parametrize(
    ("wanted", "life"),
    [
        (63113852000, 86400),
        ("63113852000", 86400),
        (3_600_000, 3600),
        ("3600000", 3600),
        (3600000.0, 3600),
        (299_999, 300),
        (0, 300),
        (-1, 300),
        (..., 86400),
        (None, 86400),
        ("soon", 86400),
        ("-5", 86400),
        ("9" * 5000, 86400),
        (10**30, 86400),
        (float("nan"), 86400),
        (float("inf"), 86400),
        (True, 86400),
        ([3600000], 86400),
        ("٣٦٠٠٠٠٠", 86400),
    ],
)
def test_the_life_of_a_token_is_what_was_wanted_within_bounds(alice, wanted, life):
    payload = part(door.token(token_expiry=wanted), 1)
    assert payload["exp"] - payload["iat"] == life


def test_an_administrator_may_raise_the_cap(alice, settings):
    settings.OTP_TOKEN_MAX_AGE = 63_072_000
    payload = part(door.token(token_expiry=63_113_852_000), 1)
    assert payload["exp"] - payload["iat"] == 63_072_000


@pytest.mark.parametrize("name", ["email", "password", "browser", "os"])
@pytest.mark.parametrize("value", [..., None, 7, True, ["x"], {"x": 1}, b"x", "x" * 1025, "a\0b", "a\ud800b"])
def test_a_field_that_is_missing_no_string_too_long_or_not_storable_is_1100(alice, name, value):
    answer = door.request(**{name: value})
    assert set(answer) == {"code", "message"}
    assert answer["code"] == "1100"
    assert not door.mails()


@pytest.mark.parametrize("name", ["browser", "os"])
def test_browser_and_system_have_1_to_1024_characters(alice, name):
    assert door.request(**{name: ""})["code"] == "1100"
    assert isinstance(door.request(**{name: "x" * 1024}), str)


@pytest.mark.parametrize("data", [None, [], "x", 7, True])
def test_data_that_is_no_object_is_1100(data):
    assert door.ask("request_login_token", data)["code"] == "1100"


def lock(user):
    users.lock(user)


def ban_name(user):
    rules.add("deny", "username", "alice")


def ban_domain(user):
    rules.add("deny", "domain", "example.org", flow="otp")


def ban_address(user):
    rules.add("deny", "ip", "192.0.2.0/24")


def whitelist_others(user):
    rules.set_mode("otp", whitelist=True)


def deactivate(user):
    users.deactivate(user)


@pytest.mark.parametrize("fate", [lock, ban_name, ban_domain, ban_address, whitelist_others, deactivate])
def test_whoever_may_not_sign_in_is_answered_as_for_a_wrong_password_without_a_mail(alice, fate):
    refused = door.request(password="wrong")
    assert refused["code"] == "1106"
    fate(alice)
    assert door.request() == refused
    assert not door.mails()
    assert not Challenge.objects.exists()


def test_unknown_address_and_account_without_password_are_answered_alike(alice):
    wrong = door.request(password="wrong")
    users.create("keyless", email="keyless@example.org")
    for email in ("nobody@example.org", "keyless@example.org", "alice", "", "no address"):
        assert door.request(email=email) == wrong
    assert not door.mails()


def test_the_allowance_is_the_same_whether_the_password_is_right_or_the_address_known(alice):
    """A locked account, an unknown address and a wrong password: ten answers of 1106, then 1107."""
    users.lock(alice)
    seen = [
        [door.request(**changes)["code"] for _ in range(11)]
        for changes in ({}, {"email": "nobody@example.org"}, {"password": "wrong", "ip": "198.51.100.1"})
    ]
    assert seen == [["1106"] * 10 + ["1107"]] * 3


def test_ten_wrong_passwords_from_one_address_delay_that_address_and_no_other(alice):
    for _ in range(10):
        assert door.request(password="wrong")["code"] == "1106"
    refused = door.request()
    assert refused["code"] == "1107"
    assert 0 < refused["retry_after_ms"] <= 900_000
    assert door.request(email="ALICE@example.org")["code"] == "1107"
    assert isinstance(door.request(ip="198.51.100.1"), str)


def test_five_mails_for_an_account_then_1107_until_the_time_it_names(alice):
    with time_machine.travel("2026-11-22 12:00", tick=False) as clock:
        for number in range(5):
            assert isinstance(door.request(ip=f"192.0.2.{number}"), str)
        refused = door.request()
        assert refused["code"] == "1107"
        assert len(door.mails()) == 5
        clock.shift(refused["retry_after_ms"] / 1000 + 0.001)
        assert isinstance(door.request(), str)


def test_the_mail_limit_is_not_scaled(alice, settings):
    settings.RATE_LIMIT_SCALE = 1000
    assert [isinstance(door.request(), str) for _ in range(6)] == [True] * 5 + [False]


def test_twenty_mails_an_hour_from_one_address():
    for number in range(21):
        users.create(f"user{number}", password=PASSWORD, email=f"user{number}@example.org")
    answers = [door.request(email=f"user{number}@example.org") for number in range(21)]
    assert [isinstance(answer, str) for answer in answers] == [True] * 20 + [False]
    assert answers[-1]["code"] == "1107"


@pytest.mark.parametrize("remove", ["true", True, ..., None, "TRUE", 1, "yes"])
def test_remove_cancels_every_pending_login(alice, remove):
    old, old_code = door.token(browser="other"), door.code()
    door.token(remove=remove)
    assert door.confirm(old, old_code, browser="other")["code"] == "1102"


@pytest.mark.parametrize("remove", ["false", False])
def test_without_remove_pending_logins_of_other_clients_stay(alice, remove):
    other, other_code = door.token(browser="other"), door.code()
    same, same_code = door.token(remove=remove), door.code()
    door.token(remove=remove)
    assert door.confirm(same, same_code)["code"] == "1102"
    assert door.confirm(other, other_code, browser="other")["code"] == "1104"


def test_without_remove_three_logins_wait_at_the_most(alice):
    pending = [(name, door.token(browser=name, remove="false"), door.code()) for name in "ABCD"]
    codes = [door.confirm(token, code, browser=name)["code"] for name, token, code in pending]
    assert codes == ["1102", "1104", "1104", "1104"]


@pytest.mark.parametrize("remove", ["true", "false", ...])
def test_remembered_logins_survive_every_request(alice, remove):
    token, _ = door.signed_in()
    door.token(remove=remove)
    assert door.confirm(token, door.FAKE)["code"] == "1103"


def test_the_mail_holds_the_code_its_life_address_and_client_and_no_other_number_or_link(alice):
    door.token(browser=BROWSER, os=SYSTEM)
    (mail,) = door.mails()
    text = door.text_of(mail)
    assert mail.recipient == ADDRESS
    assert re.findall(r"\d{6,10}", text) == [door.code()]
    for shown in ("10 minutes", "192.0.2.1", "Firefox on Linux"):
        assert shown in text
    assert "://" not in text
    assert "<" not in text


@pytest.mark.parametrize(
    "browser",
    [
        "123456",
        "code 654321",
        "http://evil.example/99999999",
        "www.evil.example",
        "a\n\n888888\n",
        "<a href=x>",
        "x" * 900,
    ],
)
def test_what_a_client_calls_itself_cannot_write_into_the_mail(alice, browser):
    door.token(browser=browser, os=browser)
    text = door.text_of(door.mails()[-1])
    assert re.findall(r"\d{6,10}", text) == [door.code()]
    assert not re.search(r"evil\.|://|<|x{100}", text)


@pytest.mark.parametrize("digits", [6, 7, 10])
def test_the_code_has_as_many_digits_as_set(alice, settings, digits):
    settings.OTP_CODE_DIGITS = digits
    token = door.token()
    assert re.fullmatch(rf"\d{{{digits}}}", door.code())
    assert door.confirm(token, door.code())["code"] == "1104"


def test_no_code_is_the_constant_of_the_historic_client(monkeypatch):
    drawn = iter([12345678, 12345678, 87654321])
    monkeypatch.setattr(services.secrets, "randbelow", lambda bound: next(drawn))
    assert services.new_code(8) == "87654321"


def test_codes_keep_their_leading_zeros(monkeypatch):
    monkeypatch.setattr(services.secrets, "randbelow", lambda bound: 42)
    assert services.new_code(6) == "000042"


def test_a_request_makes_no_token_and_no_device(alice):
    door.token()
    assert not Token.objects.exists()
    assert not alice.devices.exists()


def test_fifteen_wrong_codes_end_the_mails_for_an_hour(alice, settings):
    settings.OTP_MAIL_LIMIT = type(settings.OTP_MAIL_LIMIT)(100, 900)
    with time_machine.travel("2026-11-22 12:00", tick=False) as clock:
        for _ in range(3):
            token = door.token()
            assert {door.confirm(token, door.wrong())["code"] for _ in range(5)} == {"1103"}
        refused = door.request()
        assert refused["code"] == "1107"
        assert 3_500_000 < refused["retry_after_ms"] <= 3_600_000
        clock.shift(3599)
        assert door.request()["code"] == "1107"
        clock.shift(2)
        assert isinstance(door.request(), str)


def test_refusals_are_in_the_audit_log_without_secrets(alice):
    door.request(password="a wrong secret")
    event = AuditEvent.objects.get(event="login")
    assert (event.outcome, event.flow, event.subject) == ("refused", "otp", ADDRESS)
    assert "secret" not in json.dumps(list(AuditEvent.objects.values("facts", "reason", "subject")))


@pytest.mark.parametrize(
    ("browser", "os", "shown"),
    [
        (BROWSER, SYSTEM, "Firefox on Linux"),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/120.0 Safari/537.36 Edg/120.0",
            "5.0 (Windows)",
            "Edge on Windows",
        ),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_0) Version/17.0 Safari/604.1", "x", "Safari on iOS"),
        ("B", "O", "B on O"),
        ("\u202eevil", "///", "evil on an unknown system"),
    ],
)
def test_how_a_client_is_shown(browser, os, shown):
    assert clients.shown((browser, os)) == shown


def test_every_refusal_costs_the_same_hashes(alice, monkeypatch):
    """Not by the clock: the hash is what a refusal costs, and each must ask for as many (R11, R12)."""
    work = []
    check = passwords.check_password
    monkeypatch.setattr(passwords, "check_password", lambda given, encoded: work.append(1) or check(given, encoded))

    def cost(**changes):
        work.clear()
        assert door.request(**changes)["code"] == "1106"
        return len(work)

    users.create("keyless", email="keyless@example.org")
    door.request(password="wrong")
    costs = [
        cost(password="wrong"),
        cost(email="nobody@example.org"),
        cost(email="keyless@example.org"),
        cost(email="x"),
    ]
    users.lock(alice)
    costs += [cost(password="wrong"), cost()]
    users.unlock(alice)
    rules.add("deny", "username", "alice")
    costs += [cost(password="wrong"), cost()]
    assert len(set(costs)) == 1, costs


def test_every_spelling_of_an_address_shares_one_allowance():
    spellings = ["zoë@bücher.example", "ZOË@BÜCHER.example", "zoë@xn--bcher-kva.example", "Zoë@Bücher.Example"]
    codes = [door.request(email=spellings[number % 4])["code"] for number in range(11)]
    assert codes == ["1106"] * 10 + ["1107"]

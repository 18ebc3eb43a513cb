"""`confirm_token`: the table over the database, and what a confirmation gives (websocket-otp.md §3)."""

import base64
import hmac
import json
from datetime import timedelta

import pytest
import time_machine
from django.conf import settings as django_settings

from accounts import key_rings, ledger, rules, tokens, users
from accounts.models import AuditEvent, Challenge, Token
from challenges.otp import jwts
from tests.otp import door
from tests.otp.door import BROWSER, FAKE, PASSWORD, SYSTEM

pytestmark = pytest.mark.django_db
START = "2026-11-22 12:00"


@pytest.fixture(autouse=True)
def alice():
    return door.alice()


def test_row_1_past_its_end_after_it_was_confirmed_or_forgotten():
    with time_machine.travel(START, tick=False) as clock:
        token, _ = door.signed_in(token_expiry=300_000)
        forgotten = door.token(token_expiry=300_000)
        clock.shift(301)
        Challenge.objects.all().delete()
        for otp in (FAKE, "123456", ...):
            assert door.confirm(token, otp)["code"] == "1105"
            assert door.confirm(forgotten, otp)["code"] == "1105"


def test_row_2_revoked_after_it_was_confirmed(alice):
    token, _ = door.signed_in()
    users.end_all_sessions(alice)
    assert [door.confirm(token, otp)["code"] for otp in (FAKE, "123456", ...)] == ["1105"] * 3


def garbage(token):
    return "garbage"


def missing(token):
    return ...


def no_string(token):
    return [token]


def of_other_browser(token):
    return token


def cancelled(token):
    Challenge.objects.all().update(expires_at=Challenge.objects.get().created_at)
    return token


def forgotten(token):
    Challenge.objects.all().delete()
    return token


def of_locked_account(token):
    users.lock(users.get("alice"))
    return token


def of_banned_account(token):
    rules.add("deny", "username", "alice")
    return token


def of_banned_domain(token):
    rules.add("deny", "domain", "example.org")
    return token


@pytest.mark.parametrize(
    "fate",
    [
        garbage,
        missing,
        no_string,
        of_other_browser,
        cancelled,
        forgotten,
        of_locked_account,
        of_banned_account,
        of_banned_domain,
    ],
)
def test_rows_3_and_4_a_token_that_is_no_good(fate):
    token = fate(door.token())
    changes = {"browser": "another"} if fate is of_other_browser else {}
    right = door.code()
    answers = [door.confirm(token, otp, **changes) for otp in (right, "000000", FAKE, "x", ..., 7)]
    assert [answer["code"] for answer in answers] == ["1102", "1102", "1101", "1101", "1101", "1101"]
    texts = {answer["message"] for answer in answers[:2]}
    assert texts == {door.confirm("never seen", "000000")["message"]}, "unknown and cancelled are told apart"


def test_row_4_data_that_is_no_object():
    for data in (None, [], "x", 7):
        assert door.ask("confirm_token", data)["code"] == "1101"


def test_row_5_the_right_code_signs_in_once(alice):
    token = door.token()
    answer = door.confirm(token, door.code())
    assert answer["code"] == "1104"
    assert answer["token"] == token
    assert answer["expires_in"] == 300
    assert set(answer) == {"code", "message", "verified", "token", "access", "refresh", "expires_in"}
    bearer = tokens.check(answer["access"], flow="otp")
    assert (bearer.user_id, bearer.amr) == (alice.pk, "pwd otp")


def test_row_6_a_wrong_code_costs_a_try():
    token = door.token()
    wrong = door.wrong()
    for left in (4, 3, 2, 1, 0):
        answer = door.confirm(token, wrong)
        assert (answer["code"], answer["verified"], answer["tries_left"]) == ("1103", False, left)
    assert door.confirm(token, door.code())["code"] == "1102"
    assert door.confirm(token, FAKE)["code"] == "1101"


def test_row_6_the_code_of_another_login():
    other, other_code = door.token(browser="other", remove="false"), door.code()
    token = door.token(remove="false")
    if other_code != door.code():
        assert door.confirm(token, other_code)["code"] == "1103"
    assert door.confirm(other, other_code, browser="other")["code"] == "1104"


@pytest.mark.parametrize("otp", [FAKE, "", "x", "123", ..., None, 123456, ["1"]])
def test_row_7_the_fake_code_never_passes_for_a_pending_login_and_costs_a_try(otp):
    token = door.token()
    for _ in range(5):
        answer = door.confirm(token, otp)
        assert set(answer) == {"code", "message"}
        assert answer["code"] == "1101"
    assert door.confirm(token, door.code())["code"] == "1102"


@pytest.mark.parametrize(
    ("changes", "amr"), [({}, "rmb"), ({"password": None}, "rmb"), ({"password": PASSWORD}, "pwd rmb")]
)
def test_row_8_a_remembered_login_is_verified(changes, amr):
    token, _ = door.signed_in()
    answer = door.confirm(token, FAKE, **changes)
    assert (answer["code"], answer["verified"], answer["token"]) == ("1103", True, token)
    assert tokens.check(answer["access"], flow="otp").amr == amr


def test_row_8_asks_for_the_password_where_the_operator_wants_it(settings):
    settings.OTP_REMEMBERED_PASSWORD = "required"
    token, _ = door.signed_in()
    assert door.confirm(token, FAKE)["code"] == "1101"
    assert door.confirm(token, FAKE, password=PASSWORD)["code"] == "1103"


def test_row_9_a_wrong_password_is_refused_and_counted():
    token, _ = door.signed_in()
    for wrong in ("wrong", "", 7, ["x"], *["wrong"] * 6):
        assert door.confirm(token, FAKE, password=wrong)["code"] == "1101"
    assert door.confirm(token, FAKE, password=PASSWORD)["code"] == "1107"
    assert door.request()["code"] == "1107"
    assert door.confirm(token, FAKE)["code"] == "1103"


@pytest.mark.parametrize("otp", ["000000", "x", ..., 7])
def test_row_10_anything_but_the_fake_code_for_a_remembered_login(otp):
    token, _ = door.signed_in()
    assert door.confirm(token, otp)["code"] == "1101"


def test_row_10_the_same_code_again():
    token = door.token()
    code = door.code()
    assert [door.confirm(token, code)["code"] for _ in range(3)] == ["1104", "1101", "1101"]


def test_the_hole_of_the_seed_is_closed():
    """A password alone, and the constant that the historic client sends in step 3, open nothing."""
    token = door.token()
    for otp in (FAKE, FAKE, "000000" if door.code() != "000000" else "000001", FAKE):
        answer = door.confirm(token, otp)
        assert answer.get("verified") is not True
        assert "access" not in answer
        assert (otp, answer["code"]) != (FAKE, "1103")
    assert not Token.objects.exists()


def test_a_code_is_good_for_ten_minutes():
    with time_machine.travel(START, tick=False) as clock:
        token = door.token()
        clock.shift(599)
        late = door.token(remove="false", browser="late")
        late_code = door.code()
        clock.shift(601)
        assert door.confirm(late, late_code, browser="late")["code"] == "1102"
        assert door.confirm(token, FAKE)["code"] == "1101"


def test_a_pending_login_does_not_outlive_its_token():
    with time_machine.travel(START, tick=False) as clock:
        token = door.token(token_expiry=300_000)
        code = door.code()
        clock.shift(301)
        assert door.confirm(token, code)["code"] == "1102"


def test_a_remembered_login_ends_with_its_token_and_so_does_the_pair():
    with time_machine.travel(START, tick=False) as clock:
        token, answer = door.signed_in(token_expiry=400_000)
        clock.shift(200)
        again = door.confirm(token, FAKE)
        assert again["expires_in"] == 200
        clock.shift(199)
        assert tokens.check(again["access"], flow="otp")
        clock.shift(2)
        assert door.confirm(token, FAKE)["code"] == "1105"
        assert not tokens.check(again["access"], flow="otp")
        assert not tokens.check(answer["refresh"], flow="otp", kind="refresh")


def test_resending_kills_the_old_login_and_its_code():
    old, old_code = door.token(), door.code()
    new = door.token()
    assert door.confirm(old, old_code)["code"] == "1102"
    assert door.confirm(new, door.code())["code"] == "1104"


def forged(token, **changes):
    """The payload changed, under the old signature."""
    header, payload, signature = token.split(".")
    values = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    values |= changes
    return f"{header}.{encoded(values)}.{signature}"


def encoded(values):
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


@pytest.mark.parametrize("name", ["email", "browser", "os", "ip", "nonce", "iat", "exp"])
@pytest.mark.parametrize("confirmed", [False, True])
def test_tampering_with_any_field_of_the_payload_is_seen(name, confirmed):
    token = door.token()
    code = door.code()
    if confirmed:
        assert door.confirm(token, code)["code"] == "1104"
    value = 2**40 if name in {"iat", "exp"} else "other"
    bad = forged(token, **{name: value})
    client = {name: value} if name in {"browser", "os"} else {}
    assert door.confirm(bad, code, **client)["code"] == "1102"
    assert door.confirm(bad, FAKE, **client)["code"] == "1101"


def test_another_spelling_of_the_signature_is_no_signature_of_ours():
    token = door.token()
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    last = alphabet.index(token[-1])
    for twin in (token[:-1] + alphabet[last ^ 1], token + "=", token + "\n", " " + token, token.replace(".", "!.", 1)):
        assert jwts.read_login(twin) is None
    assert jwts.read_login(token) is not None


def signed(header, payload, key):
    text = f"{encoded(header)}.{encoded(payload)}"
    mac = hmac.digest(key, text.encode(), "sha256")
    return f"{text}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"


def test_no_header_chooses_its_own_key_or_algorithm():
    token = door.token()
    payload = jwts.LoginToken(token).payload
    header = json.loads(base64.urlsafe_b64decode(token.split(".")[0] + "=="))
    kid, key = key_rings.derived("otp-login", django_settings.SECRET_KEY)
    assert header["kid"] == kid
    assert jwts.read_login(signed(header, payload, key)), "the test does not sign as the server does"
    for bad in (
        {**header, "alg": "none"},
        {**header, "alg": "HS512"},
        {**header, "kid": "other"},
        {**header, "kid": 7},
        {**header, "typ": "access+jwt"},
        {**header, "jku": "https://evil.example"},
        {**header, "crit": ["exp"]},
        {"alg": "HS256"},
    ):
        assert jwts.read_login(signed(bad, payload, key)) is None
    assert jwts.read_login(signed(header, {**payload, "user": 1}, key)) is None
    assert jwts.read_login(signed(header, payload, b"another key")) is None


def test_no_token_of_this_door_passes_as_another():
    token, answer = door.signed_in()
    assert jwts.is_genuine(answer["access"], jwts.AccessToken)
    for text in (token, answer["refresh"]):
        assert not jwts.is_genuine(text, jwts.AccessToken)
        assert not tokens.check(text, flow="otp")
    for text in (answer["access"], answer["refresh"]):
        assert door.confirm(text, FAKE)["code"] == "1101"


def test_a_new_secret_key_verifies_what_the_old_one_signed(settings):
    token, answer = door.signed_in()
    pending, code = door.token(), door.code()
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another" * 8, [settings.SECRET_KEY]
    assert door.confirm(token, FAKE)["code"] == "1103"
    assert door.confirm(pending, code)["code"] == "1104"
    assert jwts.is_genuine(answer["access"], jwts.AccessToken)
    settings.SECRET_KEY_FALLBACKS = []
    assert door.confirm(token, FAKE)["code"] == "1101"


def test_another_browser_costs_no_try_and_is_logged():
    token = door.token()
    for _ in range(6):
        assert door.confirm(token, door.code(), browser="another")["code"] == "1102"
    assert AuditEvent.objects.filter(event="login-from-other-client").count() == 6
    assert door.confirm(token, door.code())["code"] == "1104"


@pytest.mark.parametrize("confirmed", [False, True])
def test_ten_mismatches_within_an_hour_revoke_the_login(confirmed, settings):
    settings.RATE_LIMIT_SCALE = 1000
    token = door.token()
    code = door.code()
    if confirmed:
        door.confirm(token, code)
    for number in range(10):
        assert door.confirm(token, FAKE, os="another")["code"] == "1101", number
    assert door.confirm(token, FAKE if confirmed else code)["code"] == ("1105" if confirmed else "1102")


def test_families_may_be_compared_instead(settings):
    token, _ = door.signed_in()
    newer = BROWSER.replace("115", "131")
    assert door.confirm(token, FAKE, browser=newer)["code"] == "1101"
    settings.OTP_COMPARE_FAMILIES = True
    assert door.confirm(token, FAKE, browser=newer)["code"] == "1103"
    assert door.confirm(token, FAKE, browser="Mozilla/5.0 Chrome/120.0")["code"] == "1101"
    assert door.confirm(token, FAKE, os="5.0 (Windows)")["code"] == "1101"


def test_a_remembered_login_stands_on_a_device_that_names_browser_and_system(alice):
    door.signed_in()
    device = alice.devices.get()
    assert (device.kind, device.display_name, device.user_agent) == ("otp", "Firefox on Linux", BROWSER)
    assert device.last_seen_ip == "192.0.2.1"
    assert Token.objects.get(kind="remembered").device == device


def test_a_use_from_another_network_mails_the_owner_once():
    token, _ = door.signed_in()
    for ip in ("192.0.2.9", "198.51.100.7", "198.51.100.8", "192.0.2.1", "198.51.100.7"):
        assert door.confirm(token, FAKE, ip=ip)["code"] == "1103"
    (mail,) = door.mails("login-elsewhere")
    assert "198.51.100.7" in door.text_of(mail)
    door.confirm(token, FAKE, ip="2001:db8:1::1")
    assert len(door.mails("login-elsewhere")) == 2


def test_the_network_where_the_code_was_entered_is_not_another_one():
    token = door.token()
    door.confirm(token, door.code(), ip="203.0.113.5")
    door.confirm(token, FAKE, ip="203.0.113.5")
    assert not door.mails("login-elsewhere")


def test_a_deny_saved_later_makes_a_remembered_login_a_bad_token():
    token, answer = door.signed_in()
    rules.add("deny", "email", "alice@example.org", flow="otp")
    assert [door.confirm(token, otp)["code"] for otp in (FAKE, "000000")] == ["1101", "1102"]
    assert not tokens.check(answer["access"], flow="otp")


def test_an_address_that_is_refused_meets_a_bad_token_and_ends_nothing():
    token, _ = door.signed_in()
    rules.add("deny", "ip", "198.51.100.0/24")
    assert door.confirm(token, FAKE, ip="198.51.100.1")["code"] == "1101"
    assert door.confirm(token, FAKE)["code"] == "1103"


def test_a_lock_keeps_a_remembered_login(alice):
    token, _ = door.signed_in()
    users.lock(alice)
    assert door.confirm(token, FAKE)["code"] == "1101"
    users.unlock(alice)
    assert door.confirm(token, FAKE)["code"] == "1103"


def test_a_step_back_of_the_clock_revives_no_code():
    with time_machine.travel(START, tick=False) as clock:
        token = door.token()
        code = door.code()
        assert door.confirm(token, code)["code"] == "1104"
        clock.shift(timedelta(hours=-1))
        assert door.confirm(token, code)["code"] == "1101"


def test_a_login_confirmed_between_look_and_write_is_looked_at_again(monkeypatch):
    """Of two right codes at once, the one that loses the conditional write finds the login confirmed."""
    token = door.token()
    code = door.code()
    answer, calls = ledger.answer, []

    def overtaken(challenge, given):
        is_right = answer(challenge, given)
        calls.append(given)
        if len(calls) == 1:
            assert door.confirm(token, code)["code"] == "1104"
        return is_right

    monkeypatch.setattr(ledger, "answer", overtaken)
    assert door.confirm(token, code)["code"] == "1101"
    assert Token.objects.filter(kind="remembered").count() == 1


def test_browser_and_system_that_are_missing_are_another_client():
    token = door.token()
    assert door.confirm(token, door.code(), browser=...)["code"] == "1102"
    assert door.confirm(token, door.code(), os=7)["code"] == "1102"
    assert door.confirm(token, door.code(), browser=BROWSER, os=SYSTEM)["code"] == "1104"

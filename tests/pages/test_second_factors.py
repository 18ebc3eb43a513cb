"""Apps, recovery codes, the second step, asking again (R15, R17, R47)."""

import re
import time

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.test import override_settings

from accounts import clock, recovery_codes, second_factors, users
from accounts.models import AuditEvent, RecoveryCode, Token
from tests.pages import mails
from tests.pages.visitor import PASSWORD

APP, STEP = "/account/second-factors/app/", "/account/login/second-step/"


def shown(secret, ahead=0):
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30 + ahead))


def set_up(visitor):
    """The secret of the app, and the recovery codes."""
    visitor.get(APP)
    secret = re.search(r"<code>([A-Z2-7 ]+)</code>", visitor.page.text)[1].replace(" ", "")
    visitor.send(APP, code=shown(secret))
    return secret, re.findall(r"<code>([^<]+)</code>", visitor.page.text)


@pytest.fixture
def protected(signed_in):
    secret, codes = set_up(signed_in)
    signed_in.get("/account/")
    signed_in.send("/account/logout/")
    return secret, codes


def step(visitor, code):
    visitor.get(STEP)
    return visitor.send(STEP, code=code)


def test_an_app_is_taken_up_by_its_first_code_and_ten_recovery_codes_are_shown(signed_in, ann):
    _, codes = set_up(signed_in)
    assert len(codes) == 10
    assert second_factors.of(ann) == second_factors.State(totp=True, passkeys=0, recovery_codes=10)
    assert Token.objects.get(user=ann, revoked_at=None).amr == "pwd otp mfa"
    assert mails.last().template == "page-notice"


def test_nothing_is_set_up_by_a_wrong_code_or_another_persons_offer(signed_in, visit, ann):
    signed_in.get(APP)
    assert signed_in.send(APP, code="000000").status in {400, 403}
    users.create("bob", password=PASSWORD)
    other = visit()
    other.sign_in("bob")
    other.get(APP)
    offer = other.hidden()["offer"]
    signed_in.get(APP)
    assert signed_in.send(APP, code="000000", offer=offer).status == 302
    assert signed_in.send(APP, code="000000", offer="forged").status == 302
    assert not Authenticator.objects.exists()


def test_secrets_and_codes_are_not_in_the_database_in_clear(signed_in):
    secret, codes = set_up(signed_in)
    stored = str(list(Authenticator.objects.values())) + str(list(RecoveryCode.objects.values()))
    assert secret not in stored
    assert not [code for code in codes if code in stored or code.replace("-", "") in stored]
    assert secret not in str(list(AuditEvent.objects.values()))


def test_after_the_password_the_code_of_the_app_is_asked_for(visitor, ann, protected):
    secret, _ = protected
    assert visitor.sign_in("ann").header("location").startswith(STEP)
    assert not visitor.is_signed_in()
    assert step(visitor, "000000").status == 403
    assert step(visitor, shown(secret, 1)).status == 302
    assert visitor.is_signed_in()
    assert Token.objects.get(user=ann, revoked_at=None).amr == "pwd otp mfa"


def test_a_code_of_the_app_is_good_once(visitor, visit, protected):
    secret, _ = protected
    code = shown(secret, 1)
    other = visit()
    for one in (visitor, other):
        one.sign_in("ann")
    assert step(visitor, code).status == 302
    assert step(other, code).status == 400
    assert not other.is_signed_in()


def test_a_recovery_code_is_good_once(visitor, visit, protected):
    _, codes = protected
    visitor.sign_in("ann")
    assert step(visitor, codes[0].upper().replace("-", " ")).status == 302
    other = visit()
    other.sign_in("ann")
    assert step(other, codes[0]).status == 403
    assert step(other, codes[1]).status == 302


def test_new_recovery_codes_make_the_old_ones_worthless(ann):
    old, new = recovery_codes.renew(ann), recovery_codes.renew(ann)
    assert not recovery_codes.is_good(ann, old[0])
    assert recovery_codes.is_good(ann, new[0])


def test_recovery_codes_outlive_a_change_of_the_key(ann, settings):
    (code, *_) = recovery_codes.renew(ann)
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "x" * 40
    assert recovery_codes.is_good(ann, code)


def test_five_wrong_codes_make_the_right_one_wait(visitor, protected, standing_clock):
    secret, _ = protected
    visitor.sign_in("ann")
    for _ in range(5):
        assert step(visitor, "000000").status == 403
    assert step(visitor, shown(secret, 1)).status == 429
    assert not visitor.is_signed_in()


def test_the_second_step_without_the_first_leads_to_the_sign_in(visitor, protected):
    assert step(visitor, "000000").header("location") == "/account/login/"


def test_the_second_step_waits_ten_minutes_and_for_the_same_password(visitor, ann, protected):
    secret, _ = protected
    visitor.sign_in("ann")
    with time_machine.travel(clock.after(601)):
        assert step(visitor, shown(secret)).header("location") == "/account/login/"
    visitor.sign_in("ann")
    users.set_password(ann, "quite another one")
    assert step(visitor, shown(secret, 1)).header("location") == "/account/login/"


def test_a_mailed_code_and_a_new_password_do_not_go_round_the_second_factor(visitor, ann, protected):
    visitor.fill("/account/login/code/", email="ann@example.org")
    code = mails.code()
    visitor.get("/account/login/code/enter/")
    assert visitor.send("/account/login/code/enter/", code=code).header("location").startswith(STEP)
    assert not visitor.is_signed_in()


def test_what_reaches_far_asks_again_after_a_while(signed_in, ann):
    with time_machine.travel(clock.after(901)):
        signed_in.get(APP)
        assert signed_in.leads == "/account/reauthenticate/?next=%2Faccount%2Fsecond-factors%2Fapp%2F"
        signed_in.follow()
        assert signed_in.send("/account/reauthenticate/", password="wrong").status == 403
        before = signed_in.cookies["browser"]
        assert signed_in.send("/account/reauthenticate/", password=PASSWORD).status == 302
        assert signed_in.leads == APP
        assert signed_in.cookies["browser"] != before
        assert signed_in.follow().status == 200


def test_an_account_with_nothing_but_an_address_proves_itself_by_mail(visitor, db):
    users.create("key", email="key@example.org", by_administrator=True)
    visitor.fill("/account/login/code/", email="key@example.org")
    code = mails.code()
    visitor.get("/account/login/code/enter/")
    visitor.send("/account/login/code/enter/", code=code)
    with time_machine.travel(clock.after(901)):
        visitor.get("/account/password/")
        assert visitor.leads.startswith("/account/reauthenticate/")
        visitor.follow()
        visitor.send("/account/reauthenticate/code/", next="/account/password/")
        assert visitor.page.status == 200
        assert visitor.send("/account/reauthenticate/code/", code=mails.code()).status == 302
        assert visitor.get("/account/password/").status == 200


def test_removing_the_last_factor_takes_the_recovery_codes_along(signed_in, ann):
    set_up(signed_in)
    signed_in.get("/account/second-factors/")
    assert signed_in.send("/account/second-factors/app/remove/").status == 302
    assert second_factors.of(ann) == second_factors.State(totp=False, passkeys=0, recovery_codes=0)


def test_a_foreign_passkey_can_neither_be_named_nor_removed(signed_in):
    for path in ("name", "remove"):
        signed_in.get("/account/second-factors/")
        assert signed_in.post(f"/account/second-factors/passkeys/12345/{path}/", {"name": "x"}).status == 302


@pytest.mark.parametrize(
    "answer", ["", "{}", "[]", "x", "{" * 5000, '{"response": {"userHandle": "AAAA"}}', '{"id": 1}']
)
def test_a_bad_answer_of_a_browser_opens_nothing(visitor, ann, answer):
    visitor.get("/account/login/")
    visitor.post("/account/login/passkey/options/")
    assert visitor.page.json()["publicKey"]["rpId"] == "localhost"
    visitor.get("/account/login/")
    assert visitor.post("/account/login/passkey/", {"answer": answer}).status == 403
    assert "This passkey does not open an account here." in visitor.text


@override_settings(REQUIRE_2FA=True)
def test_where_everybody_must_have_a_second_factor_nothing_goes_before(signed_in, ann):
    signed_in.get("/account/")
    assert signed_in.leads.startswith("/account/second-factors/")
    signed_in.follow()
    assert "This site asks for a second factor." in signed_in.text
    set_up(signed_in)
    assert signed_in.is_signed_in()
    signed_in.get("/account/second-factors/")
    signed_in.send("/account/second-factors/app/remove/")
    assert second_factors.of(ann).totp


@override_settings(REQUIRE_2FA=True)
def test_a_browser_signed_in_before_the_factor_came_gives_it_too(signed_in, visit, ann):
    other = visit()
    other.sign_in("ann")
    secret, _ = set_up(other)
    signed_in.get("/account/")
    assert signed_in.leads.startswith(STEP)
    assert step(signed_in, shown(secret, 1)).status == 302
    assert signed_in.is_signed_in()


def test_deactivation_takes_every_factor(signed_in, ann):
    set_up(signed_in)
    users.deactivate(ann)
    assert not Authenticator.objects.exists()
    assert not RecoveryCode.objects.exists()

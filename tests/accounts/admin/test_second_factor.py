"""The second step of an administrator's sign-in (R47)."""

import re
import time

import pytest
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.core.management import CommandError
from django.test import Client, override_settings

from accounts import recovery_codes, second_factors
from accounts.models import AuditEvent
from tests.accounts.admin.conftest import PASSWORD
from tests.commands.run import run

STEP = "/admin/second-factor/"


def shown(secret, ahead=0):
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30 + ahead))


def sign_in(ada):
    client = Client()
    client.post("/admin/login/?next=/admin/", {"username": "ada", "password": PASSWORD})
    return client


@pytest.fixture
def secret(ada):
    made = second_factors.new_secret()
    second_factors.add_totp(ada, made, shown(made))
    return made


def test_an_administrator_with_an_app_gives_its_code_after_the_password(ada, secret):
    client = sign_in(ada)
    response = client.get("/admin/accounts/user/")
    assert response["Location"] == f"{STEP}?next=%2Fadmin%2Faccounts%2Fuser%2F"
    assert client.get(STEP).status_code == 200
    assert client.post(STEP, {"code": "000000"}).status_code == 200
    assert client.get("/admin/").status_code == 302
    before = client.cookies["session"].value
    answer = client.post(STEP, {"code": shown(secret, 1), "next": "/admin/accounts/user/"})
    assert answer["Location"] == "/admin/accounts/user/"
    assert client.cookies["session"].value != before
    assert client.get("/admin/").status_code == 200
    assert AuditEvent.objects.filter(event="admin-second-factor", outcome="success").exists()


def test_no_page_and_no_change_goes_before_the_second_step(ada, secret):
    client = sign_in(ada)
    for path in ("/admin/", "/admin/password_change/", f"/admin/accounts/user/{ada.pk}/lock/"):
        assert client.get(path)["Location"].startswith(STEP)
        assert client.post(path, {"_confirmed": "1"})["Location"].startswith(STEP)


def test_a_recovery_code_stands_in_once(ada, secret):
    codes = recovery_codes.renew(ada)
    assert sign_in(ada).post(STEP, {"code": codes[0]})["Location"] == "/admin/"
    assert sign_in(ada).post(STEP, {"code": codes[0]}).status_code == 200


def test_without_a_factor_and_without_the_setting_the_password_is_enough(ada):
    assert sign_in(ada).get("/admin/").status_code == 200


@override_settings(ADMIN_REQUIRE_2FA=True)
def test_where_staff_must_have_one_it_is_set_up_at_the_first_sign_in(ada):
    client = sign_in(ada)
    assert client.get("/admin/")["Location"].startswith(STEP)
    page = client.get(STEP).content.decode()
    offered = re.search(r'name="offer" value="([^"]+)"', page)[1]
    made = re.search(r"<code>([A-Z2-7 ]+)</code>", page)[1].replace(" ", "")
    assert client.post(STEP, {"code": "000000", "offer": offered}).status_code == 200
    done = client.post(STEP, {"code": shown(made), "offer": offered}).content.decode()
    assert len(re.findall(r"<code>[a-z2-9-]{14}</code>", done)) == 10
    assert client.get("/admin/").status_code == 200
    assert second_factors.of(ada).totp


@override_settings(ADMIN_REQUIRE_2FA=True)
def test_another_administrators_offer_is_not_taken_up(ada):
    from accounts import sealing

    client = sign_in(ada)
    secret = second_factors.new_secret()
    foreign = sealing.seal(f"{ada.pk + 1} {secret}", label="offered second factor of staff")
    client.post(STEP, {"code": shown(secret), "offer": foreign})
    assert not second_factors.of(ada).any


def test_an_administrator_helps_somebody_who_lost_everything(staff, account):
    bob = account("bob", password="another good one")
    made = second_factors.new_secret()
    second_factors.add_totp(bob, made, shown(made))
    page = f"/admin/accounts/user/{bob.pk}/remove-second-factors/"
    assert "Be sure who asked you" in staff.get(page).content.decode()
    staff.post(page, {"_confirmed": "1"})
    assert not second_factors.of(bob).any
    assert AuditEvent.objects.filter(event="second-factors-removed", subject="bob").exists()


def test_the_command_does_so_too_and_says_when_there_is_nothing_to_take(ada, secret):
    assert run("users", "remove-second-factors", "ada").lines == ["without a second factor: ada"]
    assert not second_factors.of(ada).any
    with pytest.raises(CommandError):
        run("users", "remove-second-factors", "ada")


def test_five_wrong_codes_make_the_right_one_wait(ada, secret, standing_clock):
    client = sign_in(ada)
    for _ in range(5):
        client.post(STEP, {"code": "000000"})
    assert "Too many wrong codes" in client.post(STEP, {"code": shown(secret, 1)}).content.decode()
    assert client.get("/admin/").status_code == 302


def test_the_second_step_leads_to_no_other_site(ada, secret):
    assert sign_in(ada).post(STEP, {"code": shown(secret, 1), "next": "//evil.example"})["Location"] == "/admin/"

"""Signing in with a password: the way in, the refusals, the session (R11, R27, R37, R49, R52, R53)."""

import pytest
from django.contrib.sessions.models import Session
from django.test import override_settings

from accounts import rules, tokens, users
from accounts.browser.store import BrowserStore
from accounts.models import AuditEvent, Device, Token
from tests.pages.visitor import PASSWORD

WRONG = "The name or the password is not right."


@pytest.mark.parametrize("claimed", ["ann", "ANN", " ann ", "ann@example.org", "Ann@Example.org", "@ann:localhost"])
def test_a_name_or_a_confirmed_address_with_its_password_opens_the_account(visitor, ann, claimed):
    assert visitor.sign_in(claimed).status == 302
    assert visitor.leads == "/account/"
    assert visitor.follow().status == 200
    assert "ann@example.org" in visitor.text


def test_a_signed_in_browser_is_a_device_with_one_token_that_is_no_bearer(signed_in, ann, client):
    device = Device.objects.get(user=ann)
    token = Token.objects.get(user=ann)
    assert (device.kind, device.display_name, device.last_seen_ip) == ("browser", "Firefox on Linux", "203.0.113.7")
    assert (token.kind, token.flow, token.device_id, token.amr) == ("browser", "devicelogin", device.pk, "pwd")
    session = signed_in.client  # what is in the session opens nothing as a bearer
    kept = [BrowserStore().decode(row.session_data) for row in Session.objects.all()]
    (secret,) = [one["browser"]["secret"] for one in kept if "browser" in one]
    assert tokens.digest(secret) == bytes(token.digest)
    assert session.get("/api/me", token=secret).status == 401
    assert session.get("/_matrix/client/v3/account/whoami", token=secret).status == 401


def test_nothing_in_the_database_is_the_cookie(signed_in):
    cookie = signed_in.cookies["browser"]
    for row in Session.objects.all():
        assert cookie not in (row.session_key, row.session_data)
        stolen = row.session_key
        signed_in.cookies["browser"] = stolen
        assert not signed_in.is_signed_in()


def test_signing_in_rotates_the_session_id_and_the_form_token(visitor, ann):
    visitor.fill("/account/login/code/", email="nobody@example.org")  # a session before signing in
    planted, token = visitor.cookies["browser"], visitor.cookies["csrf"]
    visitor.sign_in("ann")
    assert visitor.cookies["browser"] != planted
    assert visitor.cookies["csrf"] != token
    visitor.cookies = {"browser": planted}
    assert not visitor.is_signed_in()


def test_a_session_id_that_nobody_was_given_is_not_taken_up(visitor, ann):
    visitor.cookies["browser"] = "a" * 32
    visitor.sign_in("ann")
    assert visitor.cookies["browser"] != "a" * 32


@pytest.mark.parametrize("name", ["ann", "nobody", "a\0b", "x" * 255, "@", "x@y@z", "\ud800"])
def test_a_wrong_password_and_an_unknown_name_are_told_alike(visitor, ann, name):
    if "\ud800" in name:
        name = "�"
    response = visitor.sign_in(name, "wrong password")
    assert response.status in {400, 403}
    assert response.status == (400 if "\0" in name else 403)
    assert "\0" in name or WRONG in visitor.text
    assert "wrong password" not in response.text


def test_denied_accounts_are_told_that_the_password_is_wrong(visitor, ann):
    rules.add("deny", "username", "ann")
    assert visitor.sign_in("ann").status == 403
    assert WRONG in visitor.text


def test_a_locked_account_is_told_so_only_after_the_right_password(visitor, ann):
    users.lock(ann)
    visitor.sign_in("ann", "wrong password")
    assert WRONG in visitor.text
    assert visitor.sign_in("ann").status == 403
    assert "locked" in visitor.text


def test_a_deactivated_account_and_one_without_password_are_wrong(visitor, ann):
    users.deactivate(ann)
    users.create("key", by_administrator=True)
    for name in ("ann", "key"):
        assert visitor.sign_in(name).status == 403
        assert WRONG in visitor.text


def test_five_wrong_passwords_make_the_right_one_wait(visitor, ann, visit, standing_clock):
    for _ in range(5):
        assert visitor.sign_in("ann", "wrong password").status == 403
    response = visitor.sign_in("ann")
    assert response.status == 429
    assert int(response.header("retry-after")) == 6
    assert "6 seconds" in visitor.text
    assert visit("198.51.100.9").sign_in("ann").status == 302  # the owner elsewhere is not kept out


def test_sixty_wrong_passwords_from_one_address_make_everybody_there_wait(visitor, ann, standing_clock):
    from django.conf import settings

    from accounts import throttle

    for _ in range(60):
        throttle.hit(throttle.Limit.of("sign-in-address", settings.SIGN_IN_ADDRESS_RATE), "203.0.113.7")
    assert visitor.sign_in("ann").status == 429


def test_a_form_without_its_token_is_refused(visitor, ann):
    visitor.get("/account/login/")
    assert visitor.post("/account/login/", {"name": "ann", "password": PASSWORD}, token="x").status == 403
    assert visitor.post("/account/logout/", token="x").status == 403
    assert not Token.objects.exists()


@pytest.mark.parametrize("path", ["/account/", "/authorize?a=b&c=d", "/link", "/account/second-factors/?x=1"])
def test_after_signing_in_the_person_is_where_they_wanted_to_go(visitor, ann, path):
    from urllib.parse import urlencode

    visitor.sign_in("ann", path=f"/account/login/?{urlencode({'next': path})}")
    assert visitor.leads == path


@pytest.mark.parametrize(
    "path",
    [
        "//evil.example",
        "/\\evil.example",
        "https://evil.example/",
        "javascript:alert(1)",
        "\\\\evil",
        "/a\tb",
        "evil",
        "/" + "a" * 7000,
        "///evil.example",
        "/\u2028x",
        "http:/account/",
        "/%0d%0a".replace("%0d%0a", "\r\n"),
    ],
)
def test_other_sites_are_never_led_to(visitor, ann, path):
    visitor.get("/account/login/")
    visitor.send("/account/login/", name="ann", password=PASSWORD, next=path)
    assert visitor.leads == "/account/"


def test_a_page_for_people_who_are_signed_in_leads_to_the_sign_in_and_back(visitor, ann):
    visitor.get("/account/password/?a=b")
    assert visitor.leads == "/account/login/?next=%2Faccount%2Fpassword%2F%3Fa%3Db"
    visitor.follow()
    visitor.send("/account/login/", name="ann", password=PASSWORD)
    assert visitor.leads == "/account/password/?a=b"


def test_signing_out_ends_the_token_and_the_session(signed_in, ann):
    cookies = dict(signed_in.cookies)
    signed_in.get("/account/")
    assert signed_in.send("/account/logout/").status == 302
    assert not Token.objects.filter(user=ann, revoked_at=None).exists()
    assert not Device.objects.filter(user=ann).exists()
    signed_in.cookies = cookies
    assert not signed_in.is_signed_in()


@pytest.mark.parametrize(
    "end",
    [
        users.end_all_sessions,
        users.lock,
        users.deactivate,
        lambda ann: users.set_password(ann, "quite another one"),
        lambda ann: tokens.revoke(Token.objects.filter(user=ann), reason="test"),
        lambda ann: rules.add("deny", "email", "ann@example.org"),
        lambda ann: rules.add("deny", "ip", "203.0.113.0/24"),
    ],
)
def test_what_ends_tokens_ends_the_browser_with_its_next_request(signed_in, ann, end):
    assert signed_in.is_signed_in()
    end(ann)
    assert not signed_in.is_signed_in()
    assert signed_in.leads.startswith("/account/login/")


def test_unlocking_gives_the_browser_back(signed_in, ann):
    users.lock(ann)
    assert not signed_in.is_signed_in()
    users.unlock(ann)
    assert signed_in.is_signed_in()


def test_signing_in_as_somebody_else_ends_the_first_sign_in(signed_in, ann):
    users.create("bob", password=PASSWORD)
    signed_in.get("/account/password/reset/")
    signed_in.post("/account/login/", {"name": "bob", "password": PASSWORD})
    assert not Token.objects.filter(user=ann, revoked_at=None).exists()
    signed_in.get("/account/")
    assert "bob" in signed_in.text


def test_an_unused_browser_is_signed_out_after_its_idle_time(signed_in, ann):
    import time_machine

    from accounts import clock

    with time_machine.travel(clock.after(1_209_599)):
        assert signed_in.is_signed_in()  # and the time begins anew
    with time_machine.travel(clock.after(2 * 1_209_500)):
        assert signed_in.is_signed_in()
    with time_machine.travel(clock.after(4 * 1_209_600)):
        assert not signed_in.is_signed_in()


def test_who_has_to_choose_a_password_does_that_first(visitor, ann):
    users.set_password(ann, PASSWORD, must_change=True)
    visitor.sign_in("ann")
    visitor.follow()
    assert visitor.leads == "/account/password/?next=%2Faccount%2F"
    visitor.follow()
    assert visitor.send("/account/password/", old_password=PASSWORD, new_password="my very own words").status == 302
    assert visitor.is_signed_in()


def test_pages_carry_their_headers_and_run_no_inline_script(visitor, ann):
    response = visitor.get("/account/login/")
    policy = response.header("content-security-policy")
    assert "default-src 'none'; script-src 'self'; style-src 'self';" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert response.header("cache-control") == "no-store"
    assert response.header("x-content-type-options") == "nosniff"
    assert response.header("referrer-policy") == "same-origin"
    assert response.header("cross-origin-opener-policy") == "same-origin"
    assert " style=" not in response.text
    assert "onclick" not in response.text


def test_cookies_are_out_of_reach_of_scripts_and_other_sites(visitor, ann):
    response = visitor.sign_in("ann")
    (cookie,) = [value for name, value in response.headers if name == "set-cookie" and value.startswith("browser=")]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Path=/" in cookie
    assert "Domain" not in cookie


def test_over_https_cookies_are_bound_to_the_host(visitor, ann):
    with override_settings(SESSION_COOKIE_SECURE=True, BROWSER_COOKIE_NAME="__Host-browser"):
        response = visitor.sign_in("ann")
    (cookie,) = [value for name, value in response.headers if name == "set-cookie" and "__Host-browser=" in value]
    assert "Secure" in cookie


def test_both_outcomes_are_in_the_audit_log_without_the_password(visitor, ann):
    visitor.sign_in("ann", "wrong password")
    visitor.sign_in("ann")
    found = AuditEvent.objects.filter(event="login", flow="devicelogin").order_by("pk")
    assert [event.outcome for event in found] == ["refused", "success"]
    assert "wrong password" not in str(list(AuditEvent.objects.values()))


def test_apis_run_none_of_the_middleware_of_pages(client, db):
    response = client.get("/_matrix/client/versions")
    assert response.header("content-language") is None
    assert not [name for name, _ in response.headers if name == "set-cookie"]


def test_hints_of_a_client_fill_in_the_name(visitor):
    assert 'value="ann"' in visitor.get("/account/login/?login_hint=ann").text
    assert 'value="@ann:localhost"' in visitor.get("/account/login/?login_hint=mxid:@ann:localhost").text
    assert "<script>" not in visitor.get("/account/login/?login_hint=%22%3E%3Cscript%3E").text

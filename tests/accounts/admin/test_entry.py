"""Who gets in, and what no page shows."""

import base64
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client, override_settings
from django.urls import reverse

from accounts import tokens, users
from accounts.models import AccessRule, AuditEvent, Device, OpenPGPKey, Token
from tests.accounts.admin.conftest import PASSWORD

HOME = "/admin/"
PAGES = [
    HOME,
    "/admin/accounts/accessrule/try/",
    "/admin/accounts/accessrule/import/",
    "/admin/accounts/accessrule/export/",
    "/admin/accounts/auditevent/export/",
    "/admin/accounts/accessmode/matrix/switch/",
    "/admin/password_change/",
    *(f"/admin/{m._meta.app_label}/{m._meta.model_name}/" for m in admin.site._registry),
]


def sign_in(client: Client, password: str, **environment: Any):
    return client.post("/admin/login/?next=/admin/", {"username": "ada", "password": password}, **environment)


@pytest.mark.parametrize("path", PAGES)
def test_a_stranger_is_sent_to_the_sign_in_page(client_of_nobody, path):
    response = client_of_nobody.get(path)
    assert response.status_code == 302
    assert response["Location"].startswith("/admin/login/")


@pytest.mark.parametrize("path", PAGES)
def test_an_account_that_is_no_administrator_is_sent_to_the_sign_in_page(account, path):
    client = Client()
    client.force_login(account("bob"))
    response = client.get(path)
    assert response.status_code == 302
    assert response["Location"].startswith("/admin/login/")


@pytest.mark.parametrize("path", PAGES)
def test_every_page_opens_for_an_administrator(staff, path):
    assert staff.get(path).status_code == 200


def test_tables_of_libraries_have_no_pages():
    apps = {model._meta.app_label for model in admin.site._registry}
    assert apps == {"accounts", "oauth", "openpgp", "rendezvous", "session_door"}


def test_an_api_token_of_an_administrator_opens_no_page(ada, token):
    tokens.issue(tokens.Minted("s3cret"), user=ada, flow="matrix")
    assert Client().get(HOME, headers={"Authorization": "Bearer s3cret"}).status_code == 302


def test_changes_without_csrf_token_are_refused(ada):
    client = Client(enforce_csrf_checks=True)
    client.force_login(ada)
    paths = ["accounts/accessmode/matrix/switch/", "accounts/accessrule/add/", "accounts/accessrule/import/"]
    for path in [*paths, f"accounts/user/{ada.pk}/set-password/"]:
        assert client.post(f"/admin/{path}", {"_confirmed": "1"}).status_code == 403, path


def test_the_right_password_signs_in_and_stays_signed_in(ada):
    client = Client()
    assert sign_in(client, PASSWORD)["Location"] == HOME
    assert client.get(HOME).status_code == 200


@override_settings(RATE_LIMIT_SCALE=1)
def test_after_five_wrong_passwords_the_right_one_is_refused_for_a_while(ada):
    client = Client()
    for _ in range(5):
        assert sign_in(client, "wrong").status_code == 200
    assert sign_in(client, PASSWORD).status_code == 200
    assert client.get(HOME).status_code == 302
    assert AuditEvent.objects.filter(event="admin-login", reason="rate-limited").count() == 1


def test_no_page_shows_a_digest_or_a_password_hash(staff, ada, key_account, account, token):
    user = account("bob", password="another good one", email="bob@example.org")
    one = token(user)
    Device.objects.create(user=user, kind="matrix", device_id="D")
    OpenPGPKey.objects.create(user=user, fingerprint="ab" * 20, armored="x")
    AccessRule.objects.create(effect="deny", field="ip", pattern="192.0.2.1", lookup="ip=192.0.2.1/32", shape="ip4/32")
    digest = bytes(Token.objects.get(pk=one.pk).digest)
    forms = [digest.hex(), base64.b64encode(digest).decode(), repr(digest)[2:-1], "argon2"]
    paths = [*PAGES, *(p + "?life=all&q=bob" for p in PAGES if p.endswith("/token/"))]
    for model in admin.site._registry:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}_change"
        if model._meta.model_name != "accessmode":
            paths += [reverse(name, args=[row.pk]) for row in model.objects.all()]
    for path in paths:
        response = staff.get(path)
        shown = (b"".join(response.streaming_content) if response.streaming else response.content).decode()
        assert not [form for form in forms if form in shown], path


@pytest.mark.parametrize(
    "path", ["token/?digest__startswith=a", "user/?password__startswith=argon2", "token/?user__password__contains=a"]
)
def test_no_filter_guesses_at_a_secret(staff, path):
    assert staff.get(f"/admin/accounts/{path}").status_code == 400


@pytest.mark.parametrize(
    "path",
    [
        "user/?display_name__regex=(a%2B)%2B%24",
        "user/?username__iregex=x",
        "auditevent/?facts__contains=x",
        "auditevent/?subject__regex=(",
        "user/?id__in=1",
    ],
)
def test_no_filter_asks_what_the_pages_never_ask(staff, path):
    assert staff.get(f"/admin/accounts/{path}").status_code == 400


@pytest.mark.parametrize("path", ["token/?user_id=" + "9" * 30, "auditevent/?at__year=" + "9" * 30, "user/?id=x"])
def test_a_filter_that_cannot_be_read_shows_the_whole_list(staff, path):
    response = staff.get(f"/admin/accounts/{path}", follow=True)  # Postgres can compare with any number
    assert response.status_code == 200


@pytest.mark.parametrize("number", ["abc", "9" * 30])
@pytest.mark.parametrize(("model", "action"), [("user", "lock_accounts"), ("token", "revoke_chosen")])
def test_a_chosen_row_that_is_no_number_is_no_error_of_ours(staff, model, action, number):
    post = {"action": action, "_selected_action": number, "index": "0", "select_across": "0"}
    assert staff.post(f"/admin/accounts/{model}/", post).status_code == 302


@pytest.fixture
def known(ada):
    """A browser that has signed in before, and out again."""
    browser = Client()
    sign_in(browser, PASSWORD)
    browser.get(HOME)
    browser.post("/admin/logout/")
    return browser


def test_strangers_cannot_keep_a_known_browser_out(known):
    for number in range(5):
        assert sign_in(Client(REMOTE_ADDR=f"198.51.100.{number}"), "wrong").status_code == 200
    assert sign_in(Client(REMOTE_ADDR="198.51.100.99"), PASSWORD).status_code == 200  # a stranger must wait
    assert sign_in(known, PASSWORD)["Location"] == HOME


def test_a_known_browser_has_an_allowance_too(known):
    for number in range(5):
        sign_in(known, "wrong", REMOTE_ADDR=f"198.51.100.{number}")
    assert sign_in(known, PASSWORD, REMOTE_ADDR="198.51.100.99").status_code == 200


def test_a_throttled_stranger_does_not_fill_the_audit_log(ada):
    for _ in range(40):
        sign_in(Client(), "wrong")
    assert AuditEvent.objects.filter(event="admin-login").count() == 6


def test_a_due_password_change_wants_another_password(ada, said):
    users.set_password(ada, PASSWORD, must_change=True)
    client = Client()
    client.force_login(ada)
    same = {"old_password": PASSWORD, "new_password1": PASSWORD, "new_password2": PASSWORD}
    assert "This is the old password." in said(client.post("/admin/password_change/", same))
    assert client.get(HOME)["Location"] == "/admin/password_change/"


def test_a_due_password_change_is_possible_and_lets_one_go_on(ada):
    users.set_password(ada, PASSWORD, must_change=True)
    client = Client()
    client.force_login(ada)
    assert client.get(HOME)["Location"] == "/admin/password_change/"
    new = {"old_password": PASSWORD, "new_password1": "a brand new one", "new_password2": "a brand new one"}
    assert client.post("/admin/password_change/", new)["Location"] == "/admin/password_change/done/"
    assert client.get(HOME).status_code == 200
    assert AuditEvent.objects.filter(event="password-set", actor="ada").exists()


def test_changing_ones_own_password_asks_for_the_old_one_within_the_allowance(staff, ada, said):
    new = {"old_password": "wrong", "new_password1": "a brand new one", "new_password2": "a brand new one"}
    for _ in range(5):
        assert "This is not your password." in said(staff.post("/admin/password_change/", new))
    refused = staff.post("/admin/password_change/", new | {"old_password": PASSWORD})
    assert "Too many wrong passwords" in said(refused)


def test_changing_ones_own_password_ends_ones_tokens(staff, ada, token):
    one = token(ada)
    new = {"old_password": PASSWORD, "new_password1": "a brand new one", "new_password2": "a brand new one"}
    staff.post("/admin/password_change/", new)
    one.refresh_from_db()
    assert one.revoked_at


def test_text_of_strangers_is_escaped_and_cut(staff, account):
    users.set_display_name(account("bob").pk, "<script>alert(1)</script>" + "x" * 200)
    page = staff.get("/admin/accounts/user/").content.decode()
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert ">" + "x" * 81 not in page
    assert "…</bdi>" in page


def test_lists_hold_fewer_rows_than_a_form_may_hold_fields():
    from django.conf import settings

    for model_admin in admin.site._registry.values():
        assert model_admin.list_per_page + 10 < settings.DATA_UPLOAD_MAX_NUMBER_FIELDS
        assert model_admin.list_max_show_all + 10 < settings.DATA_UPLOAD_MAX_NUMBER_FIELDS
        assert not model_admin.list_editable

"""People sign in with a code of their app or by way of another site, administrators at their own door too."""

import time

import pytest

from tests.pages.browser import people, provider
from tests.pages.browser.looking import look

_SEED = f"""
from accounts import upstream_providers, users
from accounts.models import UpstreamProvider
users.create("hugo", password={people.PASSWORD!r})
for name in ("ada", "adele"):
    users.create(name, password={people.PASSWORD!r}, administrator=True, by_administrator=True)
row = UpstreamProvider(name="Forge", provider_id="forge", client_id="our-id")
upstream_providers.save(row, server_url=%r, secret="s", trusts_addresses=True, actor=None)
"""
_FRAME = ("region",)  # the library's title stands outside every landmark
_STEP = 30  # seconds that a code of an app lasts


@pytest.fixture(scope="module")
def base(strict_installation):
    with provider.listening() as issuer:
        strict_installation.manage("shell", "-c", _SEED % issuer)
        yield people.base_of(strict_installation)


def code_of_the_moment(key):
    """One that was not used to set the app up: of the moment, by an app that runs a step ahead."""
    return people.shown_code(key, at=time.time() + _STEP)


def set_up(page):
    """An app, on the page that offers its key; the key."""
    key = page.inner_text("main code")
    page.fill("#id_code", people.shown_code(key))
    people.submit(page)
    page.wait_for_selector(".codes")
    return key


def test_a_person_signs_in_with_the_code_that_the_app_shows(page, base):
    people.sign_in(page, base, "hugo")
    page.goto(f"{base}/account/second-factors/app/")
    key = set_up(page)
    people.press(page, "header >> text=Sign out")
    people.sign_in(page, base, "hugo")
    page.wait_for_url("**/second-step/")
    assert "hugo" not in page.inner_text("header")  # the password alone opens nothing
    code = code_of_the_moment(key)
    page.fill("#id_code", code)
    people.submit(page)
    page.wait_for_url(f"{base}/account/")
    assert "hugo" in page.inner_text("header")
    people.press(page, "header >> text=Sign out")
    people.sign_in(page, base, "hugo")
    page.wait_for_url("**/second-step/")
    page.fill("#id_code", code)  # it is good once
    people.submit(page)
    page.wait_for_selector("[aria-invalid=true]")
    assert "This code was used before." in page.inner_text("main")


def admin_sign_in(page, base, name):
    page.goto(f"{base}/admin/")
    page.fill("#id_username", name)
    page.fill("#id_password", people.PASSWORD)
    people.press(page, "button[type=submit]")
    page.wait_for_url("**/admin/second-factor/**")


def test_an_administrator_sets_up_an_app_on_the_spot_and_is_asked_for_it_then(page, base):
    admin_sign_in(page, base, "ada")
    look(page, "admin-second-step-new", ignored=_FRAME)
    key = page.inner_text("#content-main code")
    page.fill("#id_code", "000000")
    people.press(page, "#content-main button:has-text('Set up')")
    assert "not right" in page.inner_text("#content-main")
    assert page.inner_text("#content-main code") == key
    page.fill("#id_code", people.shown_code(key))
    people.press(page, "#content-main button:has-text('Set up')")
    look(page, "admin-second-step-codes", ignored=_FRAME)
    people.press(page, "text=I have kept them")
    assert page.url == f"{base}/admin/"
    page.context.clear_cookies()
    admin_sign_in(page, base, "ada")
    page.goto(f"{base}/admin/accounts/user/")
    page.wait_for_url("**/admin/second-factor/**")
    page.fill("#id_code", "000000")
    people.press(page, "#content-main button:has-text('Go on')")
    look(page, "admin-second-step", ignored=_FRAME)
    page.fill("#id_code", code_of_the_moment(key))
    people.press(page, "#content-main button:has-text('Go on')")
    assert page.url == f"{base}/admin/accounts/user/"


def test_an_administrator_uses_a_passkey_at_the_second_step(page, base):
    people.authenticator(page)
    people.sign_in(page, base, "adele")
    page.wait_for_url("**/second-factors/**")
    page.goto(f"{base}/account/second-factors/passkeys/")
    page.fill("#id_name", "Key on the ring")
    people.submit(page)
    page.wait_for_selector(".codes")
    admin_sign_in(page, base, "adele")
    look(page, "admin-second-step-passkey", ignored=_FRAME)
    people.press(page, "text=Use a passkey")
    page.wait_for_url(f"{base}/admin/")


def test_a_person_comes_from_another_site_and_connects_it(page, base):
    page.goto(f"{base}/account/login/")
    look(page, "login-with-provider")
    from_other_site(page, "iris")
    page.wait_for_url("**/account/upstream/new/")
    look(page, "upstream-new")
    people.submit(page)
    page.wait_for_url(f"{base}/account/")
    assert "iris@example.org" in page.inner_text("main")
    page.goto(f"{base}/account/upstream/")
    look(page, "upstream")
    people.press(page, "main >> text=Disconnect")
    page.wait_for_selector("text=Nothing else opens your account.")
    look(page, "upstream-last")
    people.press(page, "header >> text=Sign out")
    from_other_site(page, "iris")
    page.wait_for_url(f"{base}/account/")


def test_the_page_on_the_way_is_fit_to_be_seen(page, base):
    page.route("http://127.0.0.1:*/authorization**", lambda route: route.abort())
    page.goto(f"{base}/account/login/")
    body = page.evaluate(
        """async () => {
        const form = document.querySelector("form[action$='/upstream/forge/start/']");
        const answer = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)) });
        return (await answer.text()).replace(/<meta http-equiv="refresh"[^>]*>/, "");
    }"""
    )
    page.set_content(body)
    look(page, "upstream-go")


def from_other_site(page, name):
    page.click("text=Continue with Forge")
    page.wait_for_url("http://127.0.0.1:*/authorization**")
    page.fill("#who", name)
    page.click("button")

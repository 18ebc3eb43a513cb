"""People walk through the pages; each page they see is looked at."""

import pytest

from tests.pages.browser import people
from tests.pages.browser.looking import look


@pytest.fixture(scope="module")
def base(installation):
    people.make(installation, "bob", "cleo", "dora", "emil", "finn", "gina")
    return people.base_of(installation)


def test_a_person_signs_up_confirms_the_address_and_is_there(page, installation, base):
    page.goto(f"{base}/account/login/")
    look(page, "login")
    people.press(page, "text=Make a new account")
    look(page, "signup")
    page.fill("#id_username", "ANN SMITH")
    page.fill("#id_password", "password")
    people.submit(page)
    look(page, "signup-wrong")
    page.fill("#id_username", "ann")
    page.fill("#id_password", people.PASSWORD)
    page.fill("#id_email", "ann@example.org")
    page.check("#id_accepted")
    people.submit(page)
    page.wait_for_url("**/signup/confirm/")
    look(page, "signup-confirm")
    page.fill("#id_code", people.code_for(installation, "ann@example.org"))
    people.submit(page)
    page.wait_for_url(f"{base}/account/")
    assert "ann@example.org" in page.inner_text("main")
    look(page, "home")


def test_a_person_sets_up_an_app_and_signs_in_with_its_code(page, installation, base):
    people.sign_in(page, base, "bob")
    page.goto(f"{base}/account/second-factors/")
    look(page, "factors-none")
    people.press(page, "text=Set up an app")
    look(page, "factors-app")
    key = page.inner_text("main code")
    page.fill("#id_code", people.shown_code(key))
    people.submit(page)
    page.wait_for_selector(".codes")
    look(page, "factors-codes")
    recovery = page.inner_text(".codes li:first-child")
    people.press(page, "text=I have kept them")
    look(page, "factors-app-set")
    people.press(page, "text=Make new codes")
    look(page, "factors-codes-ask")
    people.press(page, "header >> text=Sign out")
    people.sign_in(page, base, "bob")
    page.wait_for_url("**/second-step/")
    page.fill("#id_code", "000 000")
    people.submit(page)
    page.wait_for_selector("[aria-invalid=true]")
    look(page, "second-step")
    page.fill("#id_code", recovery)
    people.submit(page)
    page.wait_for_url(f"{base}/account/")


def test_a_person_adds_a_passkey_and_signs_in_with_nothing_else(page, installation, base):
    people.authenticator(page)
    people.sign_in(page, base, "cleo")
    page.goto(f"{base}/account/second-factors/passkeys/")
    look(page, "factors-passkey")
    page.fill("#id_name", "My telephone")
    people.submit(page)
    page.wait_for_selector(".codes")
    people.press(page, "text=I have kept them")
    assert "My telephone" in page.inner_text("main")
    look(page, "factors-passkey-added")
    people.press(page, "text=Rename")
    look(page, "factors-passkey-name")
    page.fill("#id_name", "My old telephone")
    people.submit(page)
    page.wait_for_selector("text=My old telephone")
    people.press(page, "header >> text=Sign out")
    people.press(page, "text=Sign in with a passkey")
    page.wait_for_url(f"{base}/account/")
    assert "cleo" in page.inner_text("header")
    people.press(page, "header >> text=Sign out")
    people.sign_in(page, base, "cleo")  # and after the password it is the second factor
    page.wait_for_url("**/second-step/")
    look(page, "second-step-passkey")
    people.press(page, "text=Use a passkey")
    page.wait_for_url(f"{base}/account/")
    page.goto(f"{base}/account/second-factors/")
    people.press(page, "main >> text=Remove")
    look(page, "factors-passkey-remove")
    people.submit(page)
    page.wait_for_selector("text=The passkey is removed")


def test_a_person_signs_in_with_a_mailed_code(page, installation, base):
    page.goto(f"{base}/account/login/code/")
    look(page, "login-code")
    page.fill("#id_email", "dora@example.org")
    people.submit(page)
    page.wait_for_url("**/login/code/enter/")
    look(page, "login-code-enter")
    page.fill("#id_code", people.code_for(installation, "dora@example.org"))
    people.submit(page)
    page.wait_for_url(f"{base}/account/")


def test_a_person_who_forgot_the_password_sets_a_new_one(page, installation, base):
    people.sign_in(page, base, "emil", "forgotten")
    page.wait_for_selector(".notice.error")
    look(page, "login-wrong")
    people.press(page, "text=Forgot your password?")
    look(page, "reset")
    page.fill("#id_email", "emil@example.org")
    people.submit(page)
    page.wait_for_selector("text=Look into your mailbox")
    look(page, "reset-sent")
    text = people.mail_to(installation, "emil@example.org")
    link = next(line for line in text.splitlines() if "token=" in line)
    page.goto(base + link[link.index("/account/") :])
    look(page, "reset-new")
    page.fill("#id_new_password", "a new set of words")
    people.submit(page)
    page.wait_for_url("**/account/login/")
    look(page, "login-after-reset")
    page.goto(base + link[link.index("/account/") :])
    look(page, "reset-dead")
    people.sign_in(page, base, "emil", "a new set of words")
    page.wait_for_url(f"{base}/account/")
    page.goto(f"{base}/account/password/")
    look(page, "password")
    page.goto(f"{base}/account/reauthenticate/?next=/account/password/")
    look(page, "reauthenticate")
    page.fill("#id_password", "a new set of words")
    people.submit(page)
    page.wait_for_url("**/account/password/")


def test_everything_is_reached_by_the_keyboard_alone(page, installation, base):
    page.goto(f"{base}/account/login/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.type("finn")
    page.keyboard.press("Tab")
    page.keyboard.type(people.PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{base}/account/")


def test_without_scripts_everything_but_passkeys_works(browser, installation, base):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{base}/account/login/")
    assert "Passkeys need JavaScript" in page.inner_text("main")
    people.sign_in(page, base, "gina")
    page.wait_for_url(f"{base}/account/")
    context.close()

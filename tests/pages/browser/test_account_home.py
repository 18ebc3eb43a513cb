"""Somebody looks after their account, by the keyboard alone; each page they see is looked at."""

import pytest

from tests.pages.browser import people
from tests.pages.browser.looking import look, look_on_a_telephone

_SEED = """
from accounts import credentials, devices, tokens, users
from accounts.models import Device, Flow, OpenPGPKey
ann = users.create("ann", password={password!r}, email="ann@example.org", display_name="Ann Smith")
credentials.add_x25519_key(ann, "05" + "1a" * 32)
OpenPGPKey.objects.create(user=ann, fingerprint="ab12" * 10, armored="", user_ids=["Ann <ann@example.org>"])
OpenPGPKey.objects.create(user=ann, fingerprint="cd34" * 10, armored="", is_published=False)
for kind, flow, name, agent in (
    (Device.Kind.MATRIX, Flow.MATRIX, "Element on Android", "Element/1.6 (Android 15)"),
    (Device.Kind.SESSION, Flow.SESSION, "Session", "Session/1.20"),
    (Device.Kind.OTP, Flow.OTP, "Office", "Mozilla/5.0 (Windows NT 10.0; rv:140.0) Firefox/140.0"),
):
    device = devices.open(ann, kind=kind, display_name=name, user_agent=agent, ip="203.0.113.9")
    tokens.issue(tokens.Minted(name), user=ann, flow=flow, device=device)
tokens.issue(tokens.Minted("program"), user=ann, flow=Flow.DEVICELOGIN, client="c0ffee")
users.suspend(ann); users.unsuspend(ann)
"""


@pytest.fixture(scope="module")
def base(installation):
    installation.manage("shell", "-c", _SEED.format(password=people.PASSWORD))
    return people.base_of(installation)


def press(page, text):
    """Tabs to the link or button that is called so, and presses it."""
    for _ in range(80):
        page.keyboard.press("Tab")
        called = page.evaluate("(document.activeElement.textContent || '').replace(/\\s+/g, ' ').trim()")
        if called.startswith(text):
            with page.expect_navigation():
                page.keyboard.press("Enter")
            return
    raise AssertionError(f"no way by keyboard to {text!r} on {page.url}")


def write(page, field, text):
    """Tabs to the field and writes into it."""
    for _ in range(80):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == field:
            page.keyboard.press("Control+A")
            page.keyboard.type(text)
            return
    raise AssertionError(f"no way by keyboard to {field!r} on {page.url}")


def test_somebody_looks_after_the_account_by_keyboard(page, installation, base):
    people.sign_in(page, base, "ann", "wrong password")
    people.sign_in(page, base, "ann")
    page.wait_for_url(f"{base}/account/")
    look(page, "home")

    press(page, "Change: Display name")
    write(page, "id_name", "Ann of the hills")
    look(page, "home-profile")
    press(page, "Save")
    page.wait_for_selector("text=Your display name is changed.")
    press(page, "Back to your account")

    press(page, "Manage: E-mail addresses")
    press(page, "Add an address")
    look(page, "home-email-add")
    write(page, "id_email", "ann@work.example")
    press(page, "Send the code")
    page.wait_for_url("**/emails/confirm/")
    write(page, "id_code", "000000")
    look(page, "home-email-confirm")
    write(page, "id_code", people.code_for(installation, "ann@work.example"))
    press(page, "Confirm")
    page.wait_for_selector("text=ann@work.example is confirmed.")
    look(page, "home-emails")
    press(page, "Send mails here: ann@work.example")
    page.wait_for_selector("text=Mails go to ann@work.example")
    press(page, "Remove ann@example.org")
    look(page, "home-email-remove")
    press(page, "Remove")
    page.wait_for_selector("text=ann@example.org is removed.")
    press(page, "Back to your account")

    press(page, "Show: Devices and sessions")
    look(page, "home-devices")
    press(page, "Details: Element on Android")
    look(page, "home-device")
    press(page, "Rename")
    look(page, "home-device-name")
    write(page, "id_name", "My telephone")
    press(page, "Save")
    page.wait_for_selector("h1:has-text('My telephone')")
    press(page, "Sign out")  # the bar's comes first: this signs the browser out
    page.wait_for_url("**/account/login/")


def test_somebody_signs_devices_out_and_looks_at_what_happened(page, base):
    people.sign_in(page, base, "ann")
    page.goto(f"{base}/account/?action=org.matrix.devices_list")
    press(page, "Sign out: Office")
    look(page, "home-device-end")
    press(page, "Leave it signed in")
    press(page, "Sign out: Office")
    page.click("main button")
    page.wait_for_selector("text=Office is signed out.")
    press(page, "Sign out everything else")
    look(page, "home-devices-end")
    page.click("main button")
    page.wait_for_selector("text=Everything else is signed out.")
    look(page, "home-devices-one")
    press(page, "Back to your account")
    press(page, "Show: Security events")
    assert "A sign-in was refused" in page.inner_text("main")
    look(page, "home-events")
    press(page, "Back to your account")
    press(page, "Manage: Keys")
    look(page, "home-keys")
    press(page, "Add a Session key")
    write(page, "id_token", "x" * 96)
    press(page, "Add the key")
    page.wait_for_selector("[aria-invalid=true]")
    look(page, "home-key-add")
    press(page, "Back")
    press(page, "Add an OpenPGP key")
    write(page, "id_publicKey", "no key")
    write(page, "id_signature", "no signature")
    press(page, "Add the key")
    page.wait_for_selector("[aria-invalid=true]")
    look(page, "home-key-add-openpgp")
    press(page, "Back")
    press(page, f"Let others find it {'cd34' * 10}")
    page.wait_for_selector("text=Others find this key from now on.")
    press(page, f"Remove {'05' + '1a' * 32}")
    look(page, "home-key-remove")


def test_somebody_closes_the_account(page, base):
    people.sign_in(page, base, "ann")
    page.goto(f"{base}/account/?action=org.matrix.cross_signing_reset")
    look(page, "home-identity-reset")
    page.goto(f"{base}/account/?action=org.matrix.account_deactivate")
    write(page, "id_typed", "anna")
    press(page, "Close my account for good")
    page.wait_for_selector("[aria-invalid=true]")
    look(page, "home-close")
    write(page, "id_typed", "ann")
    press(page, "Close my account for good")
    page.wait_for_url("**/account/login/")
    page.wait_for_selector("text=Your account is closed.")


def test_the_pages_fit_a_telephone_in_german_too(browser, installation, base):
    people.make(installation, "gerda")
    context = browser.new_context(locale="de-DE")
    page = context.new_page()
    for path in ("login/", "login/code/", "signup/", "password/reset/", "password/reset/new/"):
        page.goto(f"{base}/account/{path}")
        look_german(page, path)
    people.sign_in(page, base, "gerda")
    own = ("", "profile/", "emails/", "emails/add/", "devices/", "devices/end-others/", "keys/")
    more = (
        "keys/session/add/",
        "keys/openpgp/add/",
        "events/",
        "identity-reset/",
        "close/",
        "password/",
        "reauthenticate/",
        "upstream/",
        "second-factors/",
    )
    for path in (*own, *more, "second-factors/app/", "second-factors/passkeys/"):
        assert page.goto(f"{base}/account/{path}").status == 200, path
        look_german(page, path)
    page.goto(f"{base}/account/nothing/")
    look_german(page, "error")
    for path in ("link", "link/scan", "account/new-device/"):
        page.goto(f"{base}/{path}")
        look_german(page, path)
    context.close()


def look_german(page, path):
    assert page.get_attribute("html", "lang") == "de", path
    look_on_a_telephone(page, f"german-{path.strip('/').replace('/', '-') or 'home'}")

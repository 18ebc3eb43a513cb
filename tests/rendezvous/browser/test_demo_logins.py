"""Whole logins in the two windows of the demonstration, in both directions, and how they can end (qr-login.md §6)."""

import pytest

from tests.pages.browser import people
from tests.rendezvous.browser import walking
from tests.rendezvous.browser.walking import decide, eventually, meet, other, without_ids

BOX = "/_matrix/client/unstable/org.matrix.msc4108/rendezvous"
OF_EXISTING = ["m.login.protocol_accepted", "m.login.secrets"]
OF_NEW = ["m.login.protocol", "m.login.success"]


def finished(new, existing):
    """Both say that it went well, and the account has the new device."""
    told = new.facts()
    assert told["Account"] == "@ann:example.org"
    assert existing.facts()["Let in"] == told["This device"]
    assert told["This device"] in new.devices()
    assert told["This device"] in existing.devices()
    assert told["Keys that came"] == "master_key, self_signing_key, user_signing_key"
    return told


def sent(window):
    return [text.removeprefix("→ ") for text in window.messages() if text.startswith("→")]


def test_the_new_device_shows_the_code(new, existing):
    meet(new, existing)
    shown = decide(existing, "Allow")
    finished(new, existing)
    assert new.page.text_content("#user-code") == shown
    assert sent(existing) == ["m.login.protocols", *OF_EXISTING]
    assert sent(new) == OF_NEW
    asked = without_ids(new.requests())
    assert f"POST {BOX} 201" in asked
    assert asked.index(f"PUT {BOX}/… 202") < asked.index("POST /oauth2/device 200")
    assert f"DELETE {BOX}/… 204" in asked
    looked = [request for request in existing.requests() if "/v3/devices/" in request]
    assert [request[-3:] for request in looked][:1] == ["404"]
    assert looked[-1].endswith("200")


def test_the_signed_in_device_shows_the_code(new, existing):
    meet(existing, new)
    decide(existing, "Allow")
    finished(new, existing)
    assert sent(existing) == OF_EXISTING
    assert sent(new) == OF_NEW
    assert f"POST {BOX} 201" in without_ids(existing.requests())


def test_two_windows_of_one_browser(browser, site, cookies):
    with walking.context(browser, site, storage_state=cookies) as context:
        new, existing = (walking.Window(context.new_page(), site, role) for role in ("new", "existing"))
        walking.sign_in(existing.open())
        meet(new.open(), existing)
        decide(existing, "Allow")
        finished(new, existing)


def test_one_after_the_other(new, existing):
    meet(new, existing)
    decide(existing, "Allow")
    finished(new, existing)
    new.press("#panel-done .sign-out")
    assert "Signed out" in new.panel("over")
    new.press("#panel-over .again")
    existing.press("#panel-done .again")
    new.panel("meet")
    existing.panel("meet")
    meet(existing, new)
    decide(existing, "Allow")
    finished(new, existing)


@pytest.mark.parametrize("shows", ["new", "existing"])
def test_wrong_digits_end_it_for_both(new, existing, shows):
    first, second = (new, existing) if shows == "new" else (existing, new)
    second.paste(first.show())
    first.type_digits(other(second.digits()))
    assert "The digits differ" in first.panel("over")
    assert "The box is gone" in second.panel("over")
    assert not [message for message in first.messages() if message.startswith("→")]
    assert not any("/link" in request for request in existing.requests())


def test_what_is_no_pair_of_digits_costs_nothing(new, existing):
    existing.paste(new.show())
    new.type_digits("7")
    new.page.wait_for_selector("#typed-complaint:not([hidden])")
    new.type_digits(existing.digits())
    existing.panel("approve")


def test_deny_on_the_approval_page(new, existing):
    meet(new, existing)
    decide(existing, "Deny")
    assert "Deny was chosen" in new.panel("over")
    assert "Deny was chosen" in existing.panel("over")
    assert sent(new) == ["m.login.protocol", "m.login.declined"]
    assert existing.requests()[-1].startswith(f"DELETE {BOX}/")


def test_the_new_device_cancels_while_it_shows_the_code(new, existing):
    text = new.show()
    new.press("#cancel")
    assert "Cancelled" in new.panel("over")
    eventually(lambda: new.requests()[-1].startswith("DELETE"))
    existing.paste(text)
    assert "The box is gone" in existing.panel("over")


def test_the_signed_in_device_cancels_instead_of_opening_the_page(new, existing):
    meet(new, existing)
    existing.panel("approve")
    existing.press("#cancel")
    assert "Cancelled" in existing.panel("over")
    assert "The other device cancelled" in new.panel("over")
    assert new.messages()[-1] == "← m.login.failure"


def test_the_new_device_cancels_while_the_person_decides(new, existing):
    meet(existing, new)
    existing.panel("approve")
    with existing.page.expect_popup() as opened:
        existing.press("#approval")
    opened.value.close()
    new.panel("user-code")
    new.press("#cancel")
    assert "Cancelled" in new.panel("over")
    assert "The other device cancelled" in existing.panel("over")


def test_a_code_is_good_for_one_device(browser, site, cookies, new, existing):
    text = new.show()
    existing.paste(text)
    existing.digits()
    with walking.window(browser, site, "existing", storage_state=cookies) as late:
        walking.sign_in(late.open())
        late.paste(text)
        assert "Somebody else was first" in late.panel("over")
    new.type_digits(existing.digits())
    existing.panel("approve")  # whoever came late changed nothing


def test_a_code_of_the_same_kind_of_device(browser, site, new):
    text = new.show()
    with walking.window(browser, site, "new") as second:
        second.open().paste(text)
        assert "Two devices of the same kind" in second.panel("over")


@pytest.mark.parametrize(
    ("text", "complaint"), [("@@@", "not the text below a code"), ("aGVsbG8", "no code for signing in")]
)
def test_what_is_pasted_is_looked_at(new, text, complaint):
    new.paste(text)
    new.page.wait_for_selector("#pasted-complaint:not([hidden])")
    assert complaint in new.page.inner_text("#pasted-complaint")
    assert new.page.evaluate("document.activeElement.id") == "pasted"


def test_a_code_that_was_cut_short(new, existing):
    existing.paste(new.show()[:-20])
    existing.page.wait_for_selector("#pasted-complaint:not([hidden])")
    assert "cut short" in existing.page.inner_text("#pasted-complaint")


def test_the_code_is_copied(new):
    text = new.show()
    new.press("#copy")
    eventually(lambda: "Copied" in new.page.inner_text("#status"))
    assert new.page.evaluate("navigator.clipboard.readText()") == text


def test_where_copying_is_not_allowed_the_text_is_selected(new):
    text = new.show()
    new.page.evaluate("() => { navigator.clipboard.writeText = async () => { throw new Error('not allowed'); }; }")
    new.press("#copy")
    eventually(lambda: "copy it with the keyboard" in new.page.inner_text("#status"))
    assert new.page.evaluate("getSelection().toString()") == text


def test_a_session_outlives_a_reload_and_ends_with_its_button(new, existing):
    meet(new, existing)
    decide(existing, "Allow")
    device = finished(new, existing)["This device"]
    new.page.reload()
    assert new.facts()["This device"] == device
    new.press("#panel-done .sign-out")
    assert "Its tokens open nothing any more" in new.panel("over")
    assert new.requests()[-2:] == ["POST /oauth2/revoke 200", "GET /_matrix/client/v3/account/whoami 401"]
    existing.page.reload()
    existing.panel("meet")  # still signed in
    existing.press("#panel-meet .sign-out")
    existing.panel("over")
    existing.page.reload()
    existing.panel("sign-in")


def test_who_does_not_consent_is_not_signed_in(browser, site, cookies):
    with walking.window(browser, site, "existing", storage_state=cookies) as window:
        window.open().panel("sign-in")
        window.press("#sign-in")
        window.page.wait_for_selector("button:has-text('Deny')")
        people.press(window.page, "button:has-text('Deny')")
        assert "Not signed in" in window.panel("over")
        window.press("#panel-over .again")
        window.panel("sign-in")


def test_an_access_token_is_renewed_before_it_ends(new, existing):
    existing.page.evaluate(
        """() => {
          const name = "latchkey-qr-demo-session-existing";
          const session = JSON.parse(sessionStorage.getItem(name));
          sessionStorage.setItem(name, JSON.stringify({ ...session, until: Date.now() }));
        }"""
    )
    existing.page.reload()
    existing.panel("meet")
    asked = existing.requests()
    assert asked.index("POST /oauth2/token 200") < asked.index("GET /_matrix/client/v3/account/whoami 200")


def test_by_keyboard(new, existing):
    tab_to(new.page, "choose-show")
    new.page.keyboard.press("Enter")
    new.panel("show")
    tab_to(new.page, "copy")
    new.page.keyboard.press("Enter")
    eventually(lambda: "Copied" in new.page.inner_text("#status"))
    tab_to(existing.page, "choose-scan")
    existing.page.keyboard.press("Enter")
    existing.panel("scan")
    existing.page.keyboard.insert_text(new.page.input_value("#code-text"))
    existing.page.keyboard.press("Tab")
    existing.page.keyboard.press("Enter")
    digits = existing.digits()
    new.panel("type")
    new.page.keyboard.type(digits)
    new.page.keyboard.press("Enter")
    existing.panel("approve")
    tab_to(existing.page, "approval")
    with existing.page.expect_popup() as opened:
        existing.page.keyboard.press("Enter")
    assert digits == new.page.input_value("#typed")
    opened.value.wait_for_selector("#confirmed")


def tab_to(page, wanted):
    """Presses Tab until the wanted thing has the focus."""
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == wanted:
            return
    raise AssertionError(f"{wanted} cannot be reached")

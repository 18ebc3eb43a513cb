"""Registration in a browser, and the pages that tell an app that a stage is done (matrix.md §14)."""

import email
import json
import time

import pytest

from tests.live import running
from tests.matrix.browser import people

REGISTER = "/_matrix/static/client/register/"
LISTEN = "() => { window.matrixRegistration.onRegistered = (...given) => { window.heard = given; }; }"
TERMS = {"privacy_policy": {"version": "1.0", "en": {"name": "Privacy policy", "url": "https://example.org/privacy"}}}


@pytest.fixture(scope="module")
def demanding(browser, tmp_path_factory):
    """A server that asks new accounts for everything it can."""
    terms = tmp_path_factory.mktemp("terms") / "terms.json"
    terms.write_text(json.dumps(TERMS))
    with running(REGISTRATION="token", REGISTRATION_EMAIL="required", TERMS_FILE=str(terms)) as servers:
        yield servers


def opened(page, servers, query=""):
    page.goto(servers.server.base_url + REGISTER + query)
    page.evaluate(LISTEN)


def fill(page, name, password=people.PASSWORD):
    page.fill("#name", name)
    page.fill("#password", password)
    page.click("#account button[type=submit]")


def heard(page):
    page.wait_for_selector("#done:not([hidden])")
    return page.evaluate("window.heard")


def link_in_the_mail(servers):
    """Mails are files here; the server writes them a moment after the answer."""
    folder, deadline = servers.folder / "mail", time.monotonic() + 60
    while not (found := [file for file in folder.glob("*.log") if b"submit_token" in file.read_bytes()]):
        assert time.monotonic() < deadline, "no mail came"
        time.sleep(0.05)
    text = email.message_from_bytes(found[0].read_bytes()).get_payload(decode=True).decode()
    return "/_matrix" + next(word for word in text.split() if "submit_token?" in word).partition("/_matrix")[2]


def test_an_account_is_made_and_the_app_is_told(page, installation):
    base_url = installation.server.base_url
    opened(page, installation, "?device_id=WEB")
    fill(page, "berta")
    url, user_id, token = heard(page)
    assert (url, user_id) == (base_url, "@berta:localhost")
    assert people.get(base_url, "account/whoami", bearer=token)[1]["device_id"] == "WEB"


def test_a_taken_name_and_a_weak_password_are_said_beside_their_fields(page, installation):
    people.register(installation.server.base_url, "carla")
    opened(page, installation)
    fill(page, "carla")
    page.wait_for_selector("#name-complaint:not([hidden])")
    assert page.inner_text("#name-complaint") == "That name is taken."
    fill(page, "carl", "short")
    page.wait_for_selector("#password-complaint:not([hidden])")
    assert "at least 8 characters" in page.inner_text("#password-complaint")
    fill(page, "carl")
    assert heard(page)[1] == "@carl:localhost"


def test_every_stage_in_a_browser(page, browser, demanding):
    token = "only-one"
    demanding.manage("registration_tokens", "issue", "--uses", "1", "--token", token)
    opened(page, demanding)
    fill(page, "dora")
    page.wait_for_selector("#token-step:not([hidden])")
    page.fill("#token", "guessed")
    page.keyboard.press("Enter")
    page.wait_for_selector("#token-complaint:not([hidden])")
    page.fill("#token", token)
    page.keyboard.press("Enter")
    page.wait_for_selector("#terms-step:not([hidden])")
    page.click("#terms-step button")
    assert page.is_visible("#terms-complaint")
    page.check("#documents input")
    page.click("#terms-step button")
    page.wait_for_selector("#email-step:not([hidden])")
    assert not page.is_visible("#without-email")
    page.fill("#email", "dora@example.org")
    page.keyboard.press("Enter")
    page.wait_for_selector("#sent-step:not([hidden])")
    elsewhere = browser.new_page()
    elsewhere.goto(demanding.server.base_url + link_in_the_mail(demanding))
    assert elsewhere.inner_text("h1") == "Confirmed"
    elsewhere.close()
    assert heard(page)[1] == "@dora:localhost"  # the page went on by itself


def terms_page(servers):
    base_url = servers.server.base_url
    return f"{base_url}/_matrix/client/v3/auth/m.login.terms/fallback/web?session={people.session(base_url)}"


def test_a_stage_that_is_done_calls_the_app(page, demanding):
    page.add_init_script("window.onAuthDone = () => { window.isDone = true; };")
    page.goto(terms_page(demanding))
    page.click("button")
    page.wait_for_function("window.isDone === true")


def test_a_stage_that_is_done_tells_the_window_that_opened_it(page, demanding):
    opener = terms_page(demanding).replace("127.0.0.1", "localhost")  # of another origin
    page.goto(opener)
    page.evaluate("window.addEventListener('message', (event) => { window.said = event.data; })")
    with page.expect_popup() as popup:
        page.evaluate("(url) => { window.open(url); }", terms_page(demanding))
    popup.value.click("button")
    deadline = time.monotonic() + 30
    while page.evaluate("window.said") != "authDone":  # `wait_for_function` would need unsafe-eval
        assert time.monotonic() < deadline
        page.wait_for_timeout(50)

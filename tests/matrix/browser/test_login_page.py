"""The whole login in a browser, as an app embeds it (matrix.md §14)."""

import pytest

from tests.matrix.browser import people

LOGIN = "/_matrix/static/client/login/"
# As apps do it: one replaces the function that the page defined, an older one defines its own.
LISTEN = """() => {
  window.heard = {};
  window.matrixLogin.onLogin = (...given) => { window.heard.matrixLogin = given; };
  window.onLogin = function (...given) { window.heard.onLogin = given; };
}"""


@pytest.fixture(scope="module")
def base_url(installation):
    people.register(installation.server.base_url, "ann")
    return installation.server.base_url


def opened(page, base_url, query="", listen=LISTEN):
    page.goto(f"{base_url}{LOGIN}{query}")
    page.evaluate(listen)
    return page


def log_in(page, name="ann", password=people.PASSWORD):
    page.fill("#name", name)
    page.fill("#password", password)
    page.click("button[type=submit]")


def heard(page):
    page.wait_for_selector("#done:not([hidden])")
    return page.evaluate("window.heard")


def test_both_functions_of_an_app_get_the_answer(page, base_url):
    log_in(opened(page, base_url))
    told = heard(page)
    (answer,) = told["matrixLogin"]
    assert told["onLogin"] == [answer]
    assert answer["user_id"] == "@ann:localhost"
    status, who = people.get(base_url, "account/whoami", bearer=answer["access_token"])
    assert (status, who["user_id"], who["device_id"]) == (200, "@ann:localhost", answer["device_id"])
    assert "refresh_token" not in answer
    assert page.inner_text("#user-id") == "@ann:localhost"
    assert page.url == base_url + LOGIN  # no full reload


def test_an_app_of_2015_gets_three_arguments(page, base_url):
    listen = "() => { window.onLogin = function (token, url, user) { window.heard = [token, url, user]; }; }"
    log_in(opened(page, base_url, listen=listen))
    token, url, user = heard(page)
    assert people.get(base_url, "account/whoami", bearer=token)[1]["user_id"] == user == "@ann:localhost"
    assert url == base_url


def test_the_page_defines_the_function_and_does_without_any_app(page, base_url):
    page.goto(base_url + LOGIN)
    assert page.evaluate("typeof window.matrixLogin.onLogin") == "function"
    assert page.evaluate("typeof window.onLogin") == "undefined"
    log_in(page)
    page.wait_for_selector("#done:not([hidden])")


def test_a_mistake_of_one_function_does_not_keep_the_other_from_being_called(browser, base_url):
    context = browser.new_context()
    page = context.new_page()  # its console may complain here
    opened(page, base_url)
    page.evaluate("() => { window.matrixLogin.onLogin = () => { throw new Error('mine'); }; }")
    log_in(page)
    assert heard(page)["onLogin"][0]["user_id"] == "@ann:localhost"
    context.close()


def test_what_the_app_wishes_goes_into_the_login(page, base_url):
    query = "?device_id=MYPHONE&initial_device_display_name=My%20ph%C3%B6ne&refresh_token=true&password=x&type=y"
    log_in(opened(page, base_url, query))
    (answer,) = heard(page)["matrixLogin"]
    assert answer["device_id"] == "MYPHONE"
    assert answer["refresh_token"]
    assert answer["expires_in_ms"]
    _, device = people.get(base_url, "devices/MYPHONE", bearer=answer["access_token"])
    assert device["display_name"] == "My phöne"


@pytest.mark.parametrize("value", ["false", "0", ""])
def test_only_a_clear_yes_asks_for_a_refresh_token(page, base_url, value):
    log_in(opened(page, base_url, f"?refresh_token={value}"))
    assert "refresh_token" not in heard(page)["matrixLogin"][0]


def test_a_login_token_in_the_address_is_consumed_and_taken_out_of_it(page, base_url):
    token = people.register(base_url, "tom")["access_token"]
    stage = {
        "type": "m.login.password",
        "identifier": {"type": "m.id.user", "user": "tom"},
        "password": people.PASSWORD,
    }
    status, issued = people.post(base_url, "login/get_token", version="v1", bearer=token, auth=stage)
    assert status == 200, issued
    page.add_init_script("window.matrixLogin = { onLogin: (answer) => { window.heard = answer; } };")
    page.goto(f"{base_url}{LOGIN}?loginToken={issued['login_token']}&device_id=WEB")
    answer = heard(page)
    assert (answer["user_id"], answer["device_id"]) == ("@tom:localhost", "WEB")
    assert "loginToken" not in page.url
    assert "device_id=WEB" in page.url
    page.goto(f"{base_url}{LOGIN}?loginToken={issued['login_token']}")  # used by now
    page.wait_for_selector("#notice:not([hidden])")
    assert page.is_visible("#login")


def test_complaints_stand_beside_the_field_and_the_focus_goes_there(page, base_url):
    opened(page, base_url)
    page.click("button[type=submit]")
    assert page.inner_text("#name-complaint") == "Please write your name or e-mail address."
    log_in(page, password="wrong")
    page.wait_for_selector("#password-complaint:not([hidden])")
    assert not page.is_visible("#name-complaint")
    assert page.inner_text("#password-complaint") == "This name and password do not fit together."
    assert page.get_attribute("#password", "aria-invalid") == "true"
    assert "password-complaint" in page.get_attribute("#password", "aria-describedby")
    assert page.evaluate("document.activeElement.id") == "password"
    assert page.evaluate("window.heard") == {}
    page.fill("#password", people.PASSWORD)
    page.keyboard.press("Enter")
    assert heard(page)["matrixLogin"]


def test_the_keyboard_alone_is_enough(page, base_url):
    opened(page, base_url)
    page.keyboard.press("Tab")
    page.keyboard.type("ann")
    page.keyboard.press("Tab")
    page.keyboard.type(people.PASSWORD)
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    assert page.get_attribute("#password", "type") == "text"
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert heard(page)["matrixLogin"]
    assert page.evaluate("document.activeElement.tagName") == "H1"  # screen readers hear the outcome


def test_a_narrow_screen_needs_no_sideways_scrolling(page, base_url):
    page.set_viewport_size({"width": 320, "height": 600})
    opened(page, base_url)
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


def test_a_server_that_is_gone_is_said_in_words(page, base_url):
    opened(page, base_url)
    page.route("**/v3/login", lambda route: route.abort())
    log_in(page)
    page.wait_for_selector("#password-complaint:not([hidden])")
    assert "did not answer" in page.inner_text("#password-complaint")

"""The demonstration of the code door, driven through its three steps (websocket-otp.md §2, §3)."""

import json
import re

import pytest

from tests.live import running
from tests.otp.browser.conftest import ADDRESS, PASSWORD, eventually


@pytest.fixture
def opened(page, installation):
    page.goto(f"{installation.server.base_url}/demo/otp/")
    return page


def ask_for_code(page, password=PASSWORD):
    page.fill("#email", ADDRESS)
    page.fill("#password", password)
    page.click("#password-step button[type=submit]")


def enter(page, code):
    page.fill("#code", code)
    page.click("#code-step button[type=submit]")


def sign_in(page, next_code):
    ask_for_code(page)
    page.wait_for_selector("#code-step:not([hidden])")
    enter(page, next_code())
    page.wait_for_selector("#me dt")


def me(page):
    page.wait_for_selector("#me dt")
    return dict(zip(page.locator("#me dt").all_inner_texts(), page.locator("#me dd").all_inner_texts(), strict=True))


def frames(page, event):
    """The frames of an event that are shown, in their order."""
    shown = [json.loads(text) for text in page.locator("#frames pre").all_inner_texts() if text.startswith("{")]
    return [frame for frame in shown if frame.get("event") == event]


def received(page):
    """How many answers are shown."""
    return page.locator("#frames .received").count()


def another(code):
    return f"{(int(code) + 1) % 1_000_000:06d}"


def test_all_three_steps(opened, next_code):
    sign_in(opened, next_code)
    told = me(opened)
    assert (told["username"], told["flow"], told["amr"]) == ("ann", "otp", "pwd, otp")
    assert told["emails"] == ADDRESS
    assert opened.evaluate("document.activeElement.id") == "welcome"  # screen readers hear the outcome
    opened.reload()
    opened.wait_for_selector("#remembered-step:not([hidden])")
    opened.click("#remembered-step button[type=submit]")
    assert me(opened)["amr"] == "rmb"
    sent, answered = frames(opened, "confirm_token")
    assert sent["data"]["otp"] == "12345678"
    assert (answered["data"]["code"], answered["data"]["verified"]) == ("1103", True)


def test_a_remembered_login_with_the_password_is_more_than_one_without(opened, next_code):
    sign_in(opened, next_code)
    opened.click("#leave")
    opened.fill("#again", "wrong")
    opened.keyboard.press("Enter")
    opened.wait_for_selector("#again-complaint:not([hidden])")
    opened.fill("#again", PASSWORD)
    opened.keyboard.press("Enter")
    eventually(lambda: "pwd, rmb" in opened.inner_text("#me"))


def test_a_wrong_code_costs_a_try_and_the_right_one_still_works(opened, next_code):
    ask_for_code(opened)
    opened.wait_for_selector("#code-step:not([hidden])")
    code = next_code()
    enter(opened, another(code))
    opened.wait_for_selector("#code-complaint:not([hidden])")
    assert opened.inner_text("#code-complaint") == "The code is wrong; tries left: 4."
    assert opened.evaluate("localStorage.length") == 0
    enter(opened, code)
    assert me(opened)["username"] == "ann"


def test_after_five_wrong_codes_one_starts_again(opened, next_code):
    ask_for_code(opened)
    opened.wait_for_selector("#code-step:not([hidden])")
    wrong = another(next_code())
    for number in range(1, 6):
        enter(opened, wrong)
        eventually(lambda number=number: received(opened) == number + 1)
    enter(opened, wrong)
    opened.wait_for_selector("#password-step:not([hidden])")
    assert opened.is_visible("#password-complaint")


def test_a_second_code_takes_the_place_of_the_first(opened, next_code):
    ask_for_code(opened)
    opened.wait_for_selector("#code-step:not([hidden])")
    first = next_code()
    opened.click("#resend")
    second = next_code()
    eventually(lambda: received(opened) == 2)
    if first != second:
        enter(opened, first)
        opened.wait_for_selector("#code-complaint:not([hidden])")
    enter(opened, second)
    assert me(opened)["username"] == "ann"


def test_a_wrong_password_is_said_at_its_field(opened):
    ask_for_code(opened, "wrong")
    opened.wait_for_selector("#password-complaint:not([hidden])")
    assert opened.inner_text("#password-complaint") == "Wrong e-mail address or password"
    assert opened.is_visible("#password-step")
    assert opened.evaluate("document.activeElement.id") == "password"


def test_empty_fields_send_nothing(opened):
    opened.click("#password-step button[type=submit]")
    opened.wait_for_selector("#password-complaint, #email-complaint")
    assert opened.locator("#frames li").count() == 0


def test_frames_are_shown_without_the_password_and_whole_tokens(opened, next_code):
    sign_in(opened, next_code)
    text = opened.inner_text("#frames")
    sent, answered = frames(opened, "request_login_token")
    assert sent["data"]["email"] == ADDRESS
    assert answered["data"].startswith("ey")
    assert "…" in answered["data"]
    assert PASSWORD not in text
    assert opened.evaluate("localStorage.getItem('latchkey-demo-login')") not in text
    assert re.search(r"GET /api/me", text)


def test_tokens_are_renewed(opened, next_code):
    sign_in(opened, next_code)
    opened.click("#refresh")
    eventually(lambda: received(opened) == 5)
    assert "POST /api/token/refresh" in opened.inner_text("#frames")
    assert not opened.is_visible("#in-complaint")
    assert me(opened)["username"] == "ann"


def test_a_login_that_an_administrator_ended_starts_again(opened, next_code, installation):
    sign_in(opened, next_code)
    installation.manage("tokens", "revoke", "--user", "ann")
    opened.click("#leave")
    opened.click("#remembered-step button[type=submit]")
    opened.wait_for_selector("#password-step:not([hidden])")
    assert "expired" in opened.inner_text("#password-complaint")
    assert opened.evaluate("localStorage.length") == 0


def test_forgetting_leads_back_to_the_start(opened, next_code):
    sign_in(opened, next_code)
    opened.click("#in-step [data-forget]")
    assert opened.is_visible("#password-step")
    opened.reload()
    assert opened.is_visible("#password-step")


def test_a_server_that_is_gone_is_said_in_words(opened):
    opened.evaluate(
        "() => { window.WebSocket = function () { setTimeout(() => this.onclose()); this.close = () => {}; }; }"
    )
    ask_for_code(opened)
    opened.wait_for_selector("#password-complaint:not([hidden])")
    assert "did not answer" in opened.inner_text("#password-complaint")


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_no_width_needs_sideways_scrolling(opened, next_code, width):
    opened.set_viewport_size({"width": width, "height": 700})
    sign_in(opened, next_code)
    assert opened.evaluate("document.documentElement.scrollWidth") <= width


def test_the_page_says_where_the_mail_is_but_never_the_code(opened, next_code, installation):
    ask_for_code(opened)
    opened.wait_for_selector("#code-step:not([hidden])")
    code = next_code()
    assert str(installation.folder / "mail") in opened.inner_text("#code-step")
    assert code not in opened.inner_text("main")


def test_the_keyboard_alone_is_enough(opened, next_code):
    opened.focus("#email")
    opened.keyboard.type(ADDRESS)
    opened.keyboard.press("Tab")
    opened.keyboard.type(PASSWORD)
    opened.keyboard.press("Enter")
    opened.wait_for_selector("#code-step:not([hidden])")
    opened.keyboard.type(next_code())
    opened.keyboard.press("Enter")
    assert me(opened)["username"] == "ann"


def test_swagger_ui_runs_under_its_policy(page, installation):
    hosts = set()
    page.on("request", lambda request: hosts.add(request.url.split("/")[2]))
    page.goto(f"{installation.server.base_url}/api/docs/")
    page.wait_for_selector("#operations-API-me")
    page.click("#operations-API-me")
    page.wait_for_selector("#operations-API-me .responses-table")
    assert hosts == {f"127.0.0.1:{installation.server.port}"}


def test_the_page_is_there_for_demonstrations_only():
    with running() as servers:
        assert servers.server.status("/demo/otp/") == 404

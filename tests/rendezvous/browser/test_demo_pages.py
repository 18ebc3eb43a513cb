"""The pages of the demonstration: looked at in every state, their headers, and where they are not served."""

import http.client

import pytest

from tests.live import running
from tests.pages.browser.looking import look
from tests.rendezvous.browser import walking
from tests.rendezvous.browser.walking import decide, eventually, meet

PAGES = ["/demo/qr/", "/demo/qr/new/", "/demo/qr/existing/"]


def test_every_state_is_fit_to_be_seen(browser, site, new, existing, page):
    look(page, "qr-demo-start")
    look(new.page, "qr-demo-meet")
    text = new.show()
    look(new.page, "qr-demo-show")
    existing.press("#choose-scan")
    existing.page.fill("#pasted", "x")
    existing.press("#panel-scan button[type=submit]")
    existing.page.wait_for_selector("#pasted-complaint:not([hidden])")
    look(existing.page, "qr-demo-scan")
    existing.page.fill("#pasted", text)
    existing.press("#panel-scan button[type=submit]")
    digits = existing.digits()
    look(existing.page, "qr-demo-compare")
    new.panel("type")
    look(new.page, "qr-demo-type")
    new.type_digits(digits)
    existing.panel("approve")
    look(existing.page, "qr-demo-approve")
    with existing.page.expect_popup() as opened:
        existing.press("#approval")
    existing.panel("working")
    look(existing.page, "qr-demo-working")
    new.panel("user-code")
    look(new.page, "qr-demo-user-code")
    opened.value.close()
    new.press("#cancel")
    existing.panel("over")
    look(existing.page, "qr-demo-over")


def test_the_outcome_is_fit_to_be_seen(browser, site, new, existing):
    meet(new, existing)
    decide(existing, "Allow")
    existing.facts()
    new.facts()
    look(new.page, "qr-demo-done-new")
    look(existing.page, "qr-demo-done-existing")
    for details in new.page.locator("#requests details").all():
        details.locator("summary").click()
    look(new.page, "qr-demo-requests")


def test_a_window_that_is_not_signed_in_is_fit_to_be_seen(browser, site):
    with walking.window(browser, site, "existing") as window:
        window.open().panel("sign-in")
        look(window.page, "qr-demo-sign-in")


def test_whole_tokens_and_codes_are_not_shown(new, existing):
    meet(new, existing)
    decide(existing, "Allow")
    for window in (new, existing):
        window.facts()
        session = window.page.evaluate(
            "(role) => JSON.parse(sessionStorage.getItem(`latchkey-qr-demo-session-${role}`))", window.role
        )
        text = window.page.evaluate("document.body.textContent")
        assert "access_token" in text
        assert session["accessToken"][:8] in text
        for secret in ("accessToken", "refreshToken"):
            assert session[secret] not in text
        assert "idp_ac_" not in window.page.url


def test_what_is_in_the_box_is_nothing_to_read(new, existing):
    meet(new, existing)
    existing.panel("approve")
    written = new.page.locator("#requests li:has(.answer strong:text-is('202')) pre.sent").all_text_contents()
    assert len(written) == 2  # the answer to the first message, and m.login.protocol
    for text in written:
        assert "text/plain" in text
        assert "m.login" not in text
        assert "QRDEMO" not in text
    assert '"m.login.protocol"' in new.page.text_content("#messages")


def test_each_request_says_what_it_is_for(new, existing):
    meet(new, existing)
    decide(existing, "Allow")
    for window in (new, existing):
        window.facts()
        assert "" not in window.page.locator("#requests .meaning").all_text_contents()


def test_equal_polls_are_counted(new):
    new.show()
    polls = new.page.locator("#requests li:has(.answer strong:text-is('304'))")
    eventually(lambda: "× 3" in " ".join(polls.all_text_contents()))
    assert polls.count() == 1
    new.press("#clear")
    eventually(lambda: new.page.locator("#requests li").count() == 1)  # it goes on asking
    new.press("#cancel")


def test_no_other_host_is_asked(browser, site):
    hosts = set()
    with walking.context(browser, site) as context:
        context.on("request", lambda request: hosts.add(request.url.split("/")[2]))
        for path in PAGES:
            page = context.new_page()
            page.goto(site + path)
        page.wait_for_selector(".panel:not([hidden])")
    assert hosts == {site.removeprefix("http://")}


def test_the_windows_open_beside_each_other(browser, site):
    with walking.context(browser, site, screen={"width": 1600, "height": 900}) as context:
        page = context.new_page()
        page.goto(f"{site}/demo/qr/")
        for name in ("The new device", "The signed-in device"):
            with page.expect_popup() as opened:
                page.click(f"a:has-text('{name}')")
            opened.value.wait_for_selector(f"h1:has-text('{name}')")
        assert page.url == f"{site}/demo/qr/"


def test_under_another_name_the_way_to_the_right_one_is_shown(browser, site):
    with walking.context(browser, site) as context:
        page = context.new_page()
        page.goto(f"{site.replace('127.0.0.1', 'localhost')}/demo/qr/new/")
        page.wait_for_selector("#panel-off:not([hidden])")
        page.click("#off-there")
        page.wait_for_url(f"{site}/demo/qr/new/")
        page.wait_for_selector("#panel-meet:not([hidden])")


def test_where_browsers_make_no_keys_it_is_told(browser, site):
    with walking.window(browser, site, "new") as window:
        window.page.add_init_script("Object.defineProperty(window, 'isSecureContext', { value: false });")
        assert "https" in window.open().panel("off")


def test_a_browser_without_the_keys_is_told(browser, site):
    with walking.window(browser, site, "new") as window:
        window.page.add_init_script("crypto.subtle.generateKey = async () => { throw new Error('unknown'); };")
        assert "X25519" in window.open().panel("off")


@pytest.mark.parametrize("mode", ["authenticated", "off"])
def test_where_it_is_not_offered_the_page_says_so(browser, installation, site, mode):
    turn = f"from accounts import switches; switches.turn('rendezvous-mode', '{mode}', actor=None)"
    installation.manage("shell", "-c", turn)
    try:
        with walking.window(browser, site, "new") as window:
            eventually(lambda: "RENDEZVOUS_MODE" in window.open().page.inner_text("main"))
            assert not window.page.is_visible("#choose-show")
    finally:
        installation.manage("shell", "-c", turn.replace(mode, "open"))


@pytest.mark.parametrize("path", PAGES)
def test_the_policy_of_the_pages_is_strict(site, path):
    connection = http.client.HTTPConnection(site.removeprefix("http://"), timeout=60)
    connection.request("GET", path)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    policy = answer.headers["Content-Security-Policy"]
    assert answer.status == 200
    assert "default-src 'none'" in policy
    assert "connect-src 'self'" in policy
    assert "unsafe" not in policy
    assert answer.headers["Cache-Control"] == "no-store"


def test_the_pages_are_there_for_demonstrations_only():
    with running() as servers:
        assert [servers.server.status(path) for path in PAGES] == [404, 404, 404]

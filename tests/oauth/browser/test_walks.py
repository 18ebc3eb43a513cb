"""People walk through consent and device login, with the keyboard and without JavaScript; each page is looked at."""

import re
from urllib.parse import urlencode

from tests.matrix.browser import people as matrix
from tests.oauth.browser import programs
from tests.pages.browser import people
from tests.pages.browser.looking import look

FOCUSED = "document.activeElement ? document.activeElement.innerText || document.activeElement.id : ''"


def tab_to(page, wanted):
    """Presses Tab until the wanted thing has the focus."""
    for _ in range(40):
        page.keyboard.press("Tab")
        if wanted in page.evaluate(FOCUSED):
            return
    raise AssertionError(f"{wanted} cannot be reached")


def enter_leads_on(page):
    with page.expect_navigation():
        page.keyboard.press("Enter")


def test_consent_by_keyboard(page, base, installation, program, callback):
    page.goto(programs.authorize(base, program, callback, login_hint="mxid:@ann:localhost"))
    tab_to(page, "id_password")
    page.keyboard.type(people.PASSWORD)
    enter_leads_on(page)
    page.wait_for_url("**/authorize/*")
    assert page.is_disabled("button:has-text('Allow')")  # for a second
    page.wait_for_selector("button:has-text('Allow'):not([disabled])")
    look(page, "consent")
    page.wait_for_selector("button:has-text('Allow'):not([disabled])")
    tab_to(page, "Allow")
    enter_leads_on(page)
    found = programs.carried(page)
    assert found["state"] == "xyz"
    assert "access_token" in programs.redeem(installation.server.base_url, program, found["code"], callback)


def test_consent_without_javascript(plain_page, base, program, callback):
    page = plain_page
    people.sign_in(page, base, "ann")
    page.goto(programs.authorize(base, program, callback))
    page.click("button:has-text('Allow')")
    assert programs.carried(page)["code"].startswith("idp_ac_")
    page.goto(programs.authorize(base, program, callback, response_mode="form_post"))
    page.click("button:has-text('Deny')")
    page.click("button:has-text('Go on')")
    assert programs.carried(page)["error"] == "access_denied"


def test_a_form_posts_itself_where_scripts_run(page, base, program, callback):
    people.sign_in(page, base, "ann")
    page.goto(programs.authorize(base, program, callback, response_mode="form_post"))
    page.click("button:has-text('Deny')")
    assert programs.carried(page)["error"] == "access_denied"


def test_the_page_of_a_form_is_fit_to_be_seen(browser, base, program, callback):
    context = browser.new_context()
    page = context.new_page()
    page.route("**/form_post.js", lambda route: route.abort())
    people.sign_in(page, base, "ann")
    page.goto(programs.authorize(base, program, callback, response_mode="form_post"))
    page.click("button:has-text('Deny')")
    page.wait_for_selector("text=press the button")
    look(page, "form-post")
    context.close()


def test_another_account_from_the_question(page, base, program, callback):
    people.sign_in(page, base, "ann")
    page.goto(programs.authorize(base, program, callback))
    here = page.url
    people.press(page, "button:has-text('Not you')")
    page.wait_for_selector("#id_password")
    page.fill("#id_name", "ann")
    page.fill("#id_password", people.PASSWORD)
    people.press(page, "form:has(#id_password) button[type=submit]")
    page.wait_for_url(here)


def test_a_fault_is_a_page(page, base, program, callback):
    page.goto(programs.authorize(base, "unknown", callback))
    look(page, "dead-end")
    assert "not known here" in page.inner_text("main")


def test_a_device_by_keyboard(page, base, installation, program, callback):
    grant = programs.ask_device(installation.server.base_url, program, "KEYBOARD01")
    people.sign_in(page, base, "ann")
    page.goto(f"{base}/link")
    look(page, "link")
    tab_to(page, "code")
    page.keyboard.type("BBBBBBBB")
    enter_leads_on(page)
    page.wait_for_selector("[aria-invalid=true]")
    look(page, "link-wrong")
    page.fill("#code", "")
    page.focus("#code")
    page.keyboard.type(grant["user_code"].lower())
    enter_leads_on(page)
    page.wait_for_url("**/link/decide")
    assert page.evaluate("document.activeElement === document.body")
    look(page, "decide")
    tab_to(page, "Allow")
    page.keyboard.press("Enter")  # the tick is missing: the browser says so
    assert page.evaluate("document.querySelector('#confirmed').validity.valueMissing")
    assert page.url.endswith("/link/decide")
    page.focus("header a")
    tab_to(page, "confirmed")
    page.keyboard.press("Space")
    tab_to(page, "Allow")
    enter_leads_on(page)
    page.wait_for_selector("text=You can close this page")
    look(page, "linked")
    assert "access_token" in programs.poll(installation.server.base_url, program, grant["device_code"])


def test_a_device_by_its_link_without_javascript(plain_page, base, installation, program, callback):
    page = plain_page
    server = installation.server.base_url
    grant = programs.ask_device(server, program, "NOSCRIPT01")
    page.goto(f"{base}/link?code={grant['user_code']}")
    page.fill("#id_name", "ann")
    page.fill("#id_password", people.PASSWORD)
    people.press(page, "form:has(#id_password) button[type=submit]")
    assert grant["user_code"] in page.inner_text("main")
    page.check("#confirmed")
    people.press(page, "button:has-text('Allow')")
    assert "You can close this page" in page.inner_text("main")
    other = programs.ask_device(server, program, "NOSCRIPT02")
    page.goto(f"{base}/link")
    page.fill("#code", other["user_code"])
    people.submit(page)
    people.press(page, "button:has-text('Deny')")
    assert programs.poll(server, program, other["device_code"])["error"] == "access_denied"


def test_a_device_by_its_link_is_compared(page, base, installation, program, callback):
    name = "Element for very long names, which go on and on " * 3
    other = programs.register(installation.server.base_url, client_name=name)
    grant = programs.ask_device(installation.server.base_url, other, "COMPARE001")
    people.sign_in(page, base, "ann")
    page.goto(f"{base}/link?code={grant['user_code']}")
    look(page, "decide-by-link")
    people.press(page, "button:has-text('Deny')")
    look(page, "linked-denied")


def test_a_device_in_another_network_is_warned_of(browser, base, installation, program):
    grant = programs.ask_device(installation.server.base_url, program, "FARAWAY001")
    context = browser.new_context(locale="de-DE", extra_http_headers={"X-Forwarded-For": "203.0.113.7"})
    page = context.new_page()
    people.sign_in(page, base, "ann")
    page.goto(f"{base}/link?code={grant['user_code']}")
    assert "aus einem anderen Netz" in page.inner_text("main")
    assert "gerade eben" in page.inner_text("main")
    look(page, "decide-far-german")
    context.close()


def test_an_app_that_is_trusted_is_not_asked_about(page, base):
    people.sign_in(page, base, "ann")
    page.route("https://app.example.com/**", lambda route: route.abort())
    answer = page.request.get(f"{base}/account/sso/?redirectUrl=https%3A%2F%2Fapp.example.com%2Fin")
    page.set_content(re.sub(r'<meta http-equiv="refresh"[^>]*>', "", answer.text()))
    assert "loginToken=mlt_" in page.get_attribute("main a.button", "href")
    look(page, "sso-go")


def test_a_session_is_ended_from_its_mail(page, base, installation, program, callback):
    people.sign_in(page, base, "ann")
    page.goto(programs.authorize(base, program, callback))
    page.click("button:has-text('Allow')")
    code = programs.carried(page)["code"]
    page.goto(f"{base}/account/new-device/?token=x")
    look(page, "new-device-none")
    assert "access_token" in programs.redeem(installation.server.base_url, program, code, callback)
    sent = people.mail_to(installation, "ann@example.org", having="Application: Element (example.com)")
    link = re.search(r"/account/new-device/\?token=\S+", sent)
    assert link
    page.goto(base + link[0])
    look(page, "new-device")
    people.submit(page)
    look(page, "new-device-ended")
    people.press(page, "a:has-text('Set a new password')")
    assert page.url == f"{base}/account/password/"  # she is signed in here


def test_an_app_is_signed_in_over_the_page(page, base, callback):
    people.sign_in(page, base, "ann")
    page.goto(f"{base}/account/sso/?{urlencode({'redirectUrl': f'{callback}?x=1#top'})}")
    look(page, "sso")
    people.press(page, "button:has-text('Go on')")
    assert page.url.startswith(f"{callback}?x=1&loginToken=mlt_")
    assert page.url.endswith("#top")
    page.goto(f"{base}/account/sso/?{urlencode({'redirectUrl': 'javascript:alert(1)'})}")
    look(page, "sso-dead-end")


def test_an_app_that_names_another_site_leads_there(page, base, installation):
    seed = (
        "from accounts import upstream_providers; from accounts.models import UpstreamProvider\n"
        "row = UpstreamProvider(name='Forge', provider_id='forge', client_id='x')\n"
        "facts = {'server_url': 'https://forge.example', 'secret': 's', 'trusts_addresses': False, 'actor': None}\n"
        "upstream_providers.save(row, **facts)"
    )
    installation.manage("shell", "-c", seed)
    page.goto(f"{base}/account/sso/?{urlencode({'redirectUrl': 'https://app.example.com/', 'provider': 'forge'})}")
    look(page, "sso-provider")
    people.press(page, "text=Sign in another way")
    page.wait_for_selector("#id_password")


def test_an_app_of_an_account_without_a_password_is_confirmed(page, base, installation):
    server = installation.server.base_url
    identifier = {"type": "m.id.user", "user": "bob"}
    _, body = matrix.post(server, "login", type="m.login.password", identifier=identifier, password=people.PASSWORD)
    people.sign_in(page, base, "bob")
    forget = "from accounts.models import User\nUser.objects.filter(username='bob').update(password='!')"
    installation.manage("shell", "-c", forget)
    status, asked = matrix.post(server, "delete_devices", devices=["X"], bearer=body["access_token"])
    assert status == 401
    window = f"{base}/_matrix/client/v3/auth/m.login.sso/fallback/web?session={asked['session']}"
    page.goto(window)
    look(page, "stage-sso")
    people.press(page, "button:has-text('I have confirmed it')")
    look(page, "stage-sso-not-yet")
    page.goto(f"{base}/account/sso/stage/?session={asked['session']}")
    look(page, "sso-stage")
    people.submit(page)
    look(page, "sso-confirmed")
    people.press(page, "text=There is no other window")
    assert page.url == window
    assert "go back to your app" in page.inner_text("main")

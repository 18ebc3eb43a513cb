"""Guessers and events in a real browser: looked at in both colour schemes and on a telephone, used by keyboard."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.conformance.npm import node_in
from tests.live import Installation, running
from tests.matrix.browser import chromium
from tests.pages.browser.looking import HERE, look

PASSWORD = "correct horse battery"
SEED = f"""
from accounts import audit, clock, deliveries, exemptions, guessers, happenings, users
ada = users.create("ada", password={PASSWORD!r}, administrator=True, by_administrator=True)
users.create("alice", password={PASSWORD!r})
def fail(ip, times, account, flow="matrix", event="login"):
    for _ in range(times):
        audit.record(event, outcome="refused", reason="credential-wrong", flow=flow, subject=account, ip=ip)
    guessers.take_up()
fail("203.0.113.77", 20, "bob", "openpgp"); fail("203.0.113.77", 32, "alice")
fail("198.51.100.23", 41, "root"); fail("198.51.100.23", 7, "admin", "devicelogin")
fail("198.51.100.23", 3, "ada", "", "admin-login")
fail("2001:db8:4:7::5", 55, "05" + "ab" * 32, "session")
for number in range(6): fail(f"192.0.2.{{10 + number}}", 34, f"person{{number}}", "otp")
exemptions.add("10.4.0.0/16", note="the office", author=ada); fail("10.4.0.9", 90, "carol")
fail("203.0.113.200", 28, "carol")
for number in range(23): fail(f"172.{{20 + number}}.1.1", 2, "alice")
happenings.tell("mail-stuck", facts={{"seconds": 1900, "waiting": 12}})
"""
# Of the library's own: its title stands outside every landmark, and its lists put a label around a check box's cell.
_FRAME = ("region",)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if missing := chromium.missing():
        pytest.skip(missing)
    node_in(HERE, "axe-core", runs="axe-core on the pages")
    with chromium.started() as started:
        yield started


@pytest.fixture(scope="module")
def installation() -> Iterator[Installation]:
    with running(RATE_LIMIT_SCALE="1", EVENT_PRIVATE_TARGETS="on", EVENT_HTTP_TARGETS="on") as servers:
        servers.manage("shell", "--verbosity", "0", "-c", SEED)
        yield servers


@pytest.fixture
def page(browser: Any, installation: Installation) -> Iterator[Any]:
    with chromium.tab(browser) as page:
        page.goto(f"{installation.server.base_url}/admin/login/")
        page.fill("input[name=username]", "ada")
        page.fill("input[name=password]", PASSWORD)
        page.press("input[name=password]", "Enter")
        page.wait_for_url("**/admin/")
        yield page


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("guessers", "guesser/"),
        ("attacked-accounts", "attackedaccount/"),
        ("exempt-networks", "exemptnetwork/"),
        ("exempt-network-new", "exemptnetwork/add/"),
        ("subscription-new", "subscription/add/"),
        ("events", "happening/"),
    ],
)
def test_a_page_is_readable_in_both_schemes_and_on_a_telephone(page, installation, name, path):
    page.goto(f"{installation.server.base_url}/admin/accounts/{path}")
    look(page, f"admin-{name}", ignored=_FRAME)


def test_a_block_is_lifted_by_keyboard(page, installation):
    base = f"{installation.server.base_url}/admin/accounts"
    page.goto(f"{base}/guesser/?state=blocked&q=203.0.113.77")
    page.focus("#result_list a:has-text('203.0.113.77')")
    page.keyboard.press("Enter")
    page.wait_for_url("**/change/**")
    look(page, "admin-guesser", ignored=_FRAME)
    page.focus("text=Lift the block")
    page.keyboard.press("Enter")
    page.wait_for_url("**/lift/**")
    look(page, "admin-guesser-lift", ignored=_FRAME)
    page.focus("button:has-text('Lift')")
    page.keyboard.press("Enter")
    page.wait_for_url("**/guesser/")
    assert "1 block lifted." in page.inner_text("body")
    page.goto(f"{base}/guesser/?state=blocked")
    assert "203.0.113.77" not in page.inner_text("#result_list")


def test_a_webhook_is_made_its_secret_kept_and_a_test_tells_what_came_of_it(page, installation):
    base = f"{installation.server.base_url}/admin/accounts"
    page.goto(f"{base}/subscription/add/")
    page.fill("#id_name", "Pager")
    page.select_option("#id_channel", "webhook")
    page.fill("#id_target", "http://127.0.0.1:1/hook")
    page.click("button[name=_save]")
    assert page.inner_text("#webhook-secret").startswith("lkhook_")
    look(page, "admin-webhook-secret", ignored=_FRAME)
    page.click("text=I have kept it")
    page.wait_for_url("**/change/")
    assert "lkhook_" not in page.content()
    look(page, "admin-subscription", ignored=_FRAME)
    page.click("text=Send a test")
    page.click("button:has-text('Send')")
    page.wait_for_url("**/change/")
    assert "It was not taken: ConnectionRefusedError" in page.inner_text("body")
    page.goto(f"{base}/subscription/")
    look(page, "admin-subscriptions", ignored=_FRAME)
    page.goto(f"{base}/delivery/")
    look(page, "admin-deliveries", ignored=_FRAME)
    page.click("#result_list a:has-text('Test')")
    page.wait_for_url("**/change/**")
    look(page, "admin-delivery", ignored=_FRAME)

"""The administration, looked at page by page with something in every list."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.live import Installation, matrix, running
from tests.live.laverna import Person as Author
from tests.live.session import Client
from tests.matrix.browser import chromium
from tests.pages.browser.looking import look

_PASSWORD = "correct horse battery"
_FILL = f"""
from datetime import timedelta
from accounts import audit, clock, registration_tokens, rules, users
olga = users.create("olga", password={_PASSWORD!r}, administrator=True, by_administrator=True)
mara = users.create("mara", password={_PASSWORD!r}, email="mara@example.org")
users.create("noor", email="noor@example.org"); users.lock(users.create("piet"), actor=olga)
week = clock.after(7 * 86400)
rules.add("deny", "ip", "203.0.113.0/24", note="scans us every night", expires_at=week, author=olga)
rules.add("deny", "email", "*@throwaway.example", note="addresses for ten minutes", author=olga)
rules.add("allow", "username", "mara", flow="matrix", author=olga)
rules.add("deny", "username", "admin*", author=olga)
registration_tokens.issue(token="spring-meeting", uses=30, until=week, actor=olga)
for number in range(12):
    audit.record("login", outcome="refused", reason="credential-wrong", flow="otp", subject="noor", ip="203.0.113.9")
for minute in range(3):
    audit.record("login", outcome="refused", reason="credential-wrong", flow="matrix", subject="mara", ip="203.0.113.9")
audit.record("login", flow="matrix", actor=mara, subject="mara", ip="198.51.100.4")
audit.record("login", flow="otp", actor=mara, subject="mara", ip="198.51.100.4")
users.set_password(mara, "another correct horse", actor=mara)
"""
# Of the library's own: its title stands outside every landmark.
_FRAME = ("region",)


@pytest.fixture(scope="module")
def installation(browser: Any) -> Iterator[Installation]:
    with running() as servers:
        servers.manage("shell", "--verbosity", "0", "-c", _FILL)
        port = servers.server.port
        person = Client(port)
        person.log_in()
        matrix.register(port, "ines")
        matrix.log_in(port, "ines", initial_device_display_name="Element on the kitchen table")
        Author(port).signed_in()
        yield servers


@pytest.fixture(scope="module")
def page(browser: Any, installation: Installation) -> Iterator[Any]:
    with chromium.tab(browser) as page:
        page.goto(f"{installation.server.base_url}/admin/")
        page.fill("input[name=username]", "olga")
        page.fill("input[name=password]", _PASSWORD)
        page.press("input[name=password]", "Enter")
        page.wait_for_selector("#sign-ins")
        yield page


def _lists(page: Any) -> list[str]:
    """Every place of the way round."""
    hrefs = page.locator("#nav-sidebar a[href^='/admin/accounts/'], #nav-sidebar a[href^='/admin/o']").evaluate_all(
        "links => links.map(link => link.getAttribute('href'))"
    )
    return sorted(set(hrefs))


def _name(path: str) -> str:
    return "-".join(["admin", *urlsplit(path).path.strip("/").split("/")[2:]])


def test_every_list_and_a_row_of_each_are_readable(page: Any, installation: Installation) -> None:
    base = installation.server.base_url
    places = _lists(page)
    assert len(places) > 15, places
    found = []
    for path in places:
        page.goto(base + path)
        found += _looked(page, _name(path))
        row = page.locator("#result_list tbody a[href*='/change/']").first
        if row.count():
            page.goto(base + str(row.get_attribute("href")))
            found += _looked(page, f"{_name(path)}-one")
    assert found == []


def _looked(page: Any, name: str) -> list[str]:
    try:
        look(page, name, ignored=_FRAME)
    except AssertionError as failure:  # all of them are wanted, not the first
        return [str(failure).partition("\n")[0]]
    return []


@pytest.mark.parametrize("kind", ["accessrule", "user", "registrationtoken", "upstreamprovider"])
def test_what_can_be_made_has_a_readable_form(page: Any, installation: Installation, kind: str) -> None:
    page.goto(f"{installation.server.base_url}/admin/accounts/{kind}/add/")
    look(page, f"admin-{kind}-new", ignored=_FRAME)


def test_the_audit_trail_of_one_name(page: Any, installation: Installation) -> None:
    page.goto(f"{installation.server.base_url}/admin/accounts/auditevent/?q=mara")
    assert page.locator("#result_list tbody tr").count() >= 3
    look(page, "admin-audit-trail", ignored=_FRAME)


def test_trying_who_would_be_admitted(page: Any, installation: Installation) -> None:
    page.goto(f"{installation.server.base_url}/admin/accounts/accessrule/try/")
    page.fill("input[name=username]", "mara")
    page.fill("input[name=ip]", "203.0.113.9")
    page.keyboard.press("Enter")
    page.wait_for_selector("#answer")
    assert "203.0.113.0/24" in page.inner_text("#answer")
    look(page, "admin-try-it", ignored=_FRAME)

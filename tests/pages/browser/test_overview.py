"""The first page of the administration, looked at with something in it."""

from typing import Any

from tests.live import Installation
from tests.pages.browser.looking import keep_the_top, look

_PASSWORD = "correct horse battery"
_FILL = f"""
from datetime import timedelta
from django.db import transaction
from accounts import clock, counting, users
from accounts.models import AuditEvent, StoredFigures
users.create("olga", password={_PASSWORD!r}, administrator=True, by_administrator=True)
doors = ("session", "matrix", "otp", "openpgp", "devicelogin")
def event(number):
    at = clock.now() - timedelta(hours=number % 600, minutes=number % 57)
    refused = number % 4 == 0
    facts = dict(outcome="refused", reason="credential-wrong") if refused else dict(outcome="success")
    ip, flow = f"198.51.100.{{number % 40}}", doors[number % 5]
    return AuditEvent(at=at, event="login", flow=flow, ip=ip, subject=f"name{{number % 30}}", **facts)
with transaction.atomic():  # the server has counted up to now: it begins anew with what happened before
    StoredFigures.objects.all().delete()
    AuditEvent.objects.bulk_create([event(number) for number in range(4000)])
while not counting.count_new():
    pass
counting.measure()
"""


def test_the_first_page_is_readable_light_dark_and_on_a_telephone(page: Any, installation: Installation) -> None:
    installation.manage("shell", "-c", _FILL)
    page.goto(f"{installation.server.base_url}/admin/")
    page.fill("input[name=username]", "olga")
    page.fill("input[name=password]", _PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_selector("#sign-ins")
    assert page.locator("svg.mirrored-chart").count() == 12, "five doors and the administration, a day and a month each"
    # The library's title stands outside every landmark.
    look(page, "admin-overview", ignored=("region",))
    keep_the_top(page, "admin")
    page.locator("summary").first.focus()
    page.keyboard.press("Enter")
    assert page.locator(".overview-long table").first.is_visible()

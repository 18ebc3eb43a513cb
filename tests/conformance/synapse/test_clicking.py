"""A device ended by a click, on the account page and in the administration, is dead at Synapse."""

import re

from tests.conformance.matrix.operating import make_administrator, run
from tests.conformance.oauth.browser import Page
from tests.conformance.oauth.person import Person
from tests.conformance.synapse.asking import (
    PASSWORD,
    at_a_browser,
    devices_there,
    is_signed_in,
    is_told,
    log_in,
    new_person,
    until,
)
from tests.conformance.synapse.conftest import Pair


def two_devices(pair: Pair, name: str) -> tuple[dict[str, str], dict[str, str]]:
    """A laptop and a phone, which Synapse knows and remembers."""
    laptop, phone = (log_in(pair, name, initial_device_display_name=device) for device in ("laptop", "phone"))
    assert is_signed_in(pair, laptop["access_token"])
    assert is_signed_in(pair, phone["access_token"])
    return laptop, phone


def only_the_first_lives(pair: Pair, kept: dict[str, str], ended: dict[str, str]) -> None:
    until(lambda: not is_signed_in(pair, ended["access_token"]), "the token is refused")
    until(lambda: is_told(pair), "the queue is empty")
    assert set(devices_there(pair, kept["access_token"])) == {kept["device_id"]}


def test_a_device_signed_out_on_the_account_page_is_gone_there(pair: Pair) -> None:
    name = new_person(pair)
    laptop, phone = two_devices(pair, name)
    person = at_a_browser(pair, name)
    listed = person.asked(f"{pair.identity.url}/account/devices/")
    [path] = re.findall(r'href="([^"]+/end/)">Sign out<span class="unseen">: phone', listed.text)
    question = person.browser.open(f"{pair.identity.url}{path}")
    [form] = [form for form in question.forms if not form.action]  # the other one signs this browser out
    done = person.browser.submit(question, form, "Sign out")
    assert done.answer.status == 200, done.text[:3000]
    assert person.is_signed_in(done)
    only_the_first_lives(pair, laptop, phone)


def test_a_device_ended_in_the_administration_is_gone_there(pair: Pair) -> None:
    name, moderator = new_person(pair), new_person(pair)
    laptop, phone = two_devices(pair, name)
    make_administrator(pair.installation.database, moderator)
    run(pair.installation.database, f"UPDATE accounts_user SET is_superuser = '1' WHERE username = '{moderator}'")
    done = ended_by(at_a_browser(pair, moderator), pair, phone["device_id"])
    assert "1 device ended" in done.text, done.text[:3000]
    only_the_first_lives(pair, laptop, phone)


def ended_by(administrator: Person, pair: Pair, device_id: str) -> Page:
    """The page after the question was answered."""
    known = f"SELECT id FROM accounts_device WHERE device_id = '{device_id}'"
    [(row,)] = pair.installation.database.query(known)
    browser = administrator.browser
    sign_in = browser.open(f"{pair.identity.url}/admin/accounts/device/{row}/end/")
    question = browser.submit(sign_in, sign_in.form(having="username"), username=administrator.name, password=PASSWORD)
    return browser.submit(question, question.form(having="_confirmed"))

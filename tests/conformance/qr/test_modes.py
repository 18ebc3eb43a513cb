"""RENDEZVOUS_MODE as clients meet it: what they are offered, and who can still sign in a device (qr-login.md §2.8)."""

from collections.abc import Iterator

import pytest

from tests.conformance.qr.logins import both, pair_at
from tests.conformance.qr.qr_code import EXISTING, NEW
from tests.conformance.qr.site import Site, serving
from tests.conformance.qr.slots import CREATE_2024, CREATE_CURRENT
from tests.conformance.qr.test_js_sdk import told
from tests.live.matrix import ask

pytestmark = pytest.mark.thorough


@pytest.fixture(scope="module", params=["authenticated", "off"])
def restricted(request: pytest.FixtureRequest) -> Iterator[Site]:
    with serving(RENDEZVOUS_MODE=request.param) as site:
        yield site


@pytest.fixture
def mode(restricted: Site) -> str:
    return restricted.installation.environment["RENDEZVOUS_MODE"]


def test_the_sdk_does_not_offer_it(restricted: Site, subtests: pytest.Subtests) -> None:
    told(subtests, restricted, "withheld", least=1)


async def test_a_signed_in_device_of_the_current_form_shows_the_code_where_it_may(restricted: Site, mode: str) -> None:
    pair = pair_at(restricted, "current", EXISTING)
    support = ask(restricted.port, "GET", CREATE_CURRENT, token=pair.existing.token)
    if mode == "off":
        assert (support.status, support.json["errcode"]) == (404, "M_UNRECOGNIZED")
        pair.close()
        return
    assert (support.status, support.json) == (200, {"create_available": True})
    assert ask(restricted.port, "GET", CREATE_CURRENT).json == {"create_available": False}
    done = await pair.run()
    assert done.user_id == f"@{pair.person.name}:example.org"


@pytest.mark.parametrize("form", ["2024", "current"])
async def test_a_device_that_is_not_signed_in_shows_none(restricted: Site, mode: str, form: str) -> None:
    pair = pair_at(restricted, form, NEW)
    _, new = await both(pair)
    assert isinstance(new, AssertionError)
    create = CREATE_2024 if form == "2024" else CREATE_CURRENT
    refused = {"off": 404, "authenticated": 403 if form == "2024" else 401}[mode]
    assert pair.new.line.statuses("POST", create) == [refused]

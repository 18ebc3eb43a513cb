"""The page that reads a code by the camera; what its script does is looked at in a browser (tests/oauth/browser)."""

import base64
import hashlib
import re
from html import unescape
from urllib.parse import unquote

import pytest

from accounts import switches
from devicelogin.oauth import device_grants
from tests.live.database import ROOT
from tests.oauth.pages.reading import is_page

pytestmark = pytest.mark.django_db
JSQR = ROOT / "devicelogin/oauth/pages/static/oauth/jsqr"
CAMERA = "camera=(self), microphone=(), geolocation=()"


def scanner(page):
    """What the script is told."""
    return {name: unescape(text) for name, text in re.findall(r'data-(\w+)="([^"]*)"', page)}


def test_the_page_may_use_the_camera_and_no_other_page_may(signed_in):
    page = signed_in.get("/link/scan")
    is_page(page)
    assert page.header("permissions-policy") == CAMERA
    for path in ("/link", "/account/", "/account/devices/", "/account/login/", "/authorize", "/admin/login/"):
        assert (signed_in.get(path).header("permissions-policy") or "").startswith("camera=()"), path


def test_the_script_is_told_where_to_go_and_says_everything_in_words(signed_in):
    told = scanner(is_page(signed_in.get("/link/scan")))
    assert (told["link"], told["links"], told["origin"]) == ("/link", "on", "http://localhost:8000")
    spoken = set(re.findall(r'tell\("(\w+)"|told: "(\w+)"', (JSQR.parent / "scan.js").read_text()))
    keys = {one or other for one, other in spoken} | {"typed"}
    assert len(keys) > 10
    assert all(told[key] for key in keys)
    assert "noscript" in signed_in.page.text
    assert "Type the code instead" in signed_in.text


def test_where_no_links_are_taken_the_scanner_knows(signed_in):
    switches.turn(device_grants.LINKS.name, "off", actor=None)
    assert scanner(is_page(signed_in.get("/link/scan")))["links"] == "off"


def test_a_stranger_signs_in_first_and_comes_back(visitor):
    visitor.get("/link/scan")
    assert visitor.leads == "/account/login/?next=%2Flink%2Fscan"


@pytest.mark.parametrize("switch", ["OAUTH", "OAUTH_DEVICE_GRANT"])
def test_without_device_login_there_is_no_scanner_and_no_way_to_it(signed_in, settings, switch):
    assert 'href="/link"' in signed_in.get("/account/").text
    setattr(settings, switch, False)
    assert signed_in.get("/link/scan").status == 404
    page = signed_in.get("/account/").text
    assert "/link" not in page
    assert "another device" not in page


def test_the_account_home_offers_to_type_and_to_scan(signed_in):
    page = signed_in.get("/account/").text
    assert "Sign in another device" in signed_in.text
    assert re.search(r'<a [^>]*href="/link/scan" data-camera hidden>', page)  # a script shows it
    assert re.search(r'<a [^>]*href="/link">', page)


def test_the_page_of_codes_shows_its_own_address_as_a_picture(signed_in):
    page = is_page(signed_in.get("/link"))
    assert "<code>http://localhost:8000/link</code>" in page
    picture = re.search(r'<img class="qr" src="data:image/svg\+xml[^,]*,([^"]+)"', page)
    assert picture
    assert unquote(unescape(picture[1])).startswith("<svg")


def test_the_decoder_is_what_was_published_with_its_licence_beside_it():
    """jsQR 1.4.0, dist/jsQR.js of the npm package."""
    assert "Apache License" in (JSQR / "LICENSE").read_text()
    assert "1.4.0" in (JSQR / "README.md").read_text()
    digest = base64.b64encode(hashlib.sha256((JSQR / "jsQR.js").read_bytes()).digest()).decode()
    assert digest == "vEDIoVGWI2sjFNsIVvcsoLSZgM1UE7jIUqc0n1/uCFk="
    assert not re.search(r"\beval\(|new Function\(", (JSQR / "jsQR.js").read_text())  # the page's policy forbids both

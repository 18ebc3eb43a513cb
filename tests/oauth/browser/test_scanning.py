"""A code is held before the camera: what is followed, what is only told, and that a person decides all the same."""

import contextlib
import time

import pytest

from tests.matrix.browser import chromium
from tests.oauth.browser import programs, video
from tests.pages.browser import people
from tests.pages.browser.looking import look

MATRIX_OF_2024 = b"MATRIX\x02\x03" + bytes(range(32)) + b"\x00\x1ehttps://id.example.org/_synapse"
MATRIX_NOW = b"IO_ELEMENT_MSC4388\x03\x00" + bytes(range(100, 132)) + b"\x00\x04abcd\x00\x10https://id.example"


@pytest.fixture
def camera(browser, tmp_path):
    """A tab of a browser whose camera sees what it is called with."""

    @contextlib.contextmanager
    def seeing(content):
        film = video.of(content, tmp_path / "film.y4m")
        with chromium.beside(browser, *film) as other, chromium.tab(other) as page:
            yield page

    return seeing


def scan(page, base):
    people.sign_in(page, base, "ann")
    page.goto(f"{base}/account/")
    people.press(page, "a[data-camera]")
    assert page.url == f"{base}/link/scan"


def told(page, words):
    page.wait_for_selector(f"#told:has-text({words!r})", timeout=60_000)


def test_a_scanned_link_leads_to_the_question_and_a_person_decides(camera, base, installation, program):
    grant = programs.ask_device(installation.server.base_url, program, "SCANNEDLINK1")
    with camera(f"{base}/link?code={grant['user_code']}") as page:
        scan(page, base)
        page.wait_for_url(f"{base}/link?code=*", timeout=60_000)
        assert "must show exactly this code" in page.inner_text("main")
        assert programs.poll(installation.server.base_url, program, grant["device_code"])["error"]
        page.check("#confirmed")
        people.press(page, "button:has-text('Allow')")
        assert "signed in" in page.inner_text("h1")
    assert "error" not in decided(installation, program, grant)


def decided(installation, program, grant):
    time.sleep(grant["interval"])
    return programs.poll(installation.server.base_url, program, grant["device_code"])


def test_a_code_without_a_link_prefills_it_too(camera, base, installation, program):
    grant = programs.ask_device(installation.server.base_url, program, "SCANNEDCODE1")
    with camera(grant["user_code"]) as page:
        scan(page, base)
        page.wait_for_url(f"{base}/link?code=*", timeout=60_000)
        assert grant["user_code"] in page.inner_text("main")
        people.press(page, "button:has-text('Deny')")
    assert decided(installation, program, grant)["error"] == "access_denied"


@pytest.mark.parametrize("content", [MATRIX_OF_2024, MATRIX_NOW], ids=["2024", "current"])
def test_a_code_of_matrix_apps_is_explained(camera, base, content):
    with camera(content) as page:
        scan(page, base)
        told(page, "between two Matrix apps")
        look(page, "scan-matrix")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("https://evil.example/link?code=BCDF-GHJK", "leads to evil.example, another site"),
        ("javascript:alert(1)//link?code=BCDFGHJK", "no code for signing in a device"),
        ("{base}/account/close/", "no code for signing in a device"),
        ("{base}/link", "the address of this page"),
    ],
)
def test_what_leads_elsewhere_is_told_and_not_opened(camera, base, content, words):
    with camera(content.format(base=base)) as page:
        scan(page, base)
        told(page, words)
        page.wait_for_timeout(500)  # some more looks
        assert page.url == f"{base}/link/scan"


def test_where_links_are_switched_off_the_scanner_says_so(camera, base, installation, program):
    grant = programs.ask_device(installation.server.base_url, program, "SCANNEDOFF01")
    installation.manage("switches", "turn", "device-code-links", "off")
    try:
        with camera(f"{base}/link?code={grant['user_code']}") as page:
            scan(page, base)
            told(page, "takes no codes out of pictures or links")
            people.press(page, "a:has-text('Type the code instead')")
            page.goto(f"{base}/link?code={grant['user_code']}")
            assert "takes no codes out of links" in page.inner_text("main")
            look(page, "link-without-links")
    finally:
        installation.manage("switches", "give-back", "device-code-links")


def test_a_browsers_own_detector_is_taken_and_its_bytes_are_read_again(camera, base):
    """Chromium on Linux has none; elsewhere one may give no text for a code of bytes."""
    stand_in = """window.asked = 0; window.BarcodeDetector = class {
      static async getSupportedFormats() { return ["qr_code"]; }
      async detect() { window.asked += 1; return [{ rawValue: %s }]; }
    };"""
    with camera(MATRIX_NOW) as page:
        page.add_init_script(stand_in % '"https://evil.example/"')
        scan(page, base)
        told(page, "leads to evil.example")
        assert page.evaluate("typeof window.jsQR") == "undefined"  # not even fetched
        page.add_init_script(stand_in % '""')
        page.reload()
        told(page, "between two Matrix apps")
        assert page.evaluate("window.asked") > 0


def test_a_camera_that_is_not_there_is_told(page, base):
    people.sign_in(page, base, "ann")
    page.goto(f"{base}/link/scan")
    told(page, "There is no camera here")


def test_a_camera_that_is_refused_is_explained_and_asked_again(browser, base):
    there = chromium.beside(browser, "--use-fake-device-for-media-stream", "--deny-permission-prompts")
    with there as other, chromium.tab(other) as page:
        people.sign_in(page, base, "ann")
        page.goto(f"{base}/link/scan")
        told(page, "not allowed for this page")
        look(page, "scan-refused")
        page.click("#again")
        page.wait_for_selector("#again:visible", timeout=60_000)
        people.press(page, "a:has-text('Type the code instead')")
        page.wait_for_selector("text=Scan it with the camera")
        page.click("summary")
        look(page, "link-telephone")


def test_the_scanner_looks_and_is_fit_to_be_seen(camera, base):
    with camera("nothing of interest") as page:
        scan(page, base)
        told(page, "no code for signing in")
        look(page, "scan")


def test_without_javascript_the_code_is_typed(plain_page, base):
    people.sign_in(plain_page, base, "ann")
    assert not plain_page.is_visible("a[data-camera]")
    plain_page.goto(f"{base}/link/scan")
    assert "needs JavaScript" in plain_page.inner_text("main")
    people.press(plain_page, "a:has-text('Type the code instead')")
    assert plain_page.is_visible("#code")
    assert not plain_page.is_visible("[data-camera]")

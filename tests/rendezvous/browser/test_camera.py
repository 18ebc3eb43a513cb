"""A code is scanned by camera: Chromium plays a film in place of one."""

import pytest

from tests.matrix.browser import chromium
from tests.rendezvous.browser import walking
from tests.rendezvous.browser.test_qr_codes import drawn

SIDE, SCALE = 640, 6  # pixels of the picture, and of a module


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """Where the film is looked for when the camera is switched on."""
    return tmp_path_factory.mktemp("camera") / "film.y4m"


@pytest.fixture(scope="module")
def browser(browser, film):
    switches = ("--use-fake-device-for-media-stream", f"--use-file-for-fake-video-capture={film}")
    with chromium.beside(browser, *switches) as other:
        yield other


def shoot(film, data):
    """A second of a code on grey paper."""
    rows = drawn(data, error="q", mode="byte", mask=2)
    picture = bytearray(b"\xd0" * (SIDE * SIDE))
    corner = (SIDE - len(rows) * SCALE) // 2
    for y in range(len(rows) * SCALE):
        line = b"".join((b"\x30" if module == "1" else b"\xd0") * SCALE for module in rows[y // SCALE])
        start = (corner + y) * SIDE + corner
        picture[start : start + len(line)] = line
    frame = b"FRAME\n" + bytes(picture) + b"\x80" * (SIDE * SIDE // 2)
    film.write_bytes(f"YUV4MPEG2 W{SIDE} H{SIDE} F10:1 Ip A1:1 C420jpeg\n".encode() + frame * 10)


@pytest.fixture
def seeing(browser, site, cookies):
    """A signed-in device that may use the camera."""
    with walking.window(browser, site, "existing", storage_state=cookies, permissions=["camera"]) as window:
        walking.sign_in(window.open())
        yield window


def test_the_camera_sees_the_code_of_the_other_window(new, seeing, film):
    text = new.show()
    shoot(film, bytes(new.page.evaluate("(text) => Array.from(atob(text), (char) => char.charCodeAt(0))", text)))
    seeing.press("#choose-scan")
    seeing.press("#camera")
    new.type_digits(seeing.digits())
    seeing.panel("approve")
    assert not seeing.page.is_visible("#video")
    assert seeing.page.evaluate("document.querySelector('video').srcObject") is None  # the camera is off


def test_another_code_before_the_camera_is_told(seeing, film):
    shoot(film, b"https://example.org/")
    seeing.press("#choose-scan")
    seeing.press("#camera")
    seeing.page.wait_for_selector("#pasted-complaint:not([hidden])")
    assert "no code for signing in" in seeing.page.inner_text("#pasted-complaint")
    assert seeing.page.is_visible("#video")  # it goes on looking


def test_without_a_camera_the_text_is_asked_for(new):
    new.panel("meet")  # may not use one
    new.press("#choose-scan")
    new.press("#camera")
    new.page.wait_for_selector("#pasted-complaint:not([hidden])")
    assert "camera cannot be used" in new.page.inner_text("#pasted-complaint")
    assert new.page.evaluate("document.activeElement.id") == "pasted"
    assert not new.page.is_visible("#video")

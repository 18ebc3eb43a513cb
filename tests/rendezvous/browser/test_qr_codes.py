"""The QR codes of the demonstration: drawn as one library draws them, and read by another."""

import secrets

import pytest
import segno
from segno import encoder

_WRITE = """async ([bytes, mask]) => {
  const { code } = await import("/static/qr/qr_write.js");
  return code(Uint8Array.from(bytes), { mask: mask ?? undefined }).map((row) => row.map(Number).join(""));
}"""
_READ = """async ([rows, scale]) => {
  await import("/static/oauth/jsqr/jsQR.js");
  const side = (rows.length + 8) * scale;
  const data = new Uint8ClampedArray(side * side * 4).fill(255);
  for (let y = 0; y < side; y += 1) for (let x = 0; x < side; x += 1) {
    const isDark = rows[Math.floor(y / scale) - 4]?.[Math.floor(x / scale) - 4] === "1";
    data.fill(isDark ? 0 : 255, 4 * (y * side + x), 4 * (y * side + x) + 3);
  }
  return window.jsQR(data, side, side).binaryData;
}"""


def drawn(data, **how):
    """A code of another library, as rows of digits."""
    code = segno.make(data, boost_error=False, micro=False, **how)
    return ["".join(str(module) for module in row) for row in code.matrix]


@pytest.mark.parametrize("length", [1, 14, 17, 40, 81, 120, 165, 200, 300, 500, 700])
def test_a_code_is_drawn_as_by_another_library(page, monkeypatch, length):
    # segno adds a byte of zeros where the bits end with a byte already; the standard adds none (7.4.10).
    fill = lambda buffer, version, length: buffer.extend([0] * (-length % 8))  # noqa: E731
    monkeypatch.setattr(encoder, "write_padding_bits", fill)
    data = secrets.token_bytes(length)
    for mask in range(8):
        assert page.evaluate(_WRITE, [list(data), mask]) == drawn(data, error="q", mode="byte", mask=mask)


def test_a_code_has_one_of_the_eight_masks(page):
    data = list(secrets.token_bytes(120))
    masked = [page.evaluate(_WRITE, [data, mask]) for mask in range(8)]
    assert page.evaluate(_WRITE, [data, None]) in masked


def test_too_much_for_a_code_is_said(page):
    with pytest.raises(Exception, match="too much for a QR code"):
        page.evaluate(_WRITE, [[0] * 800, 0])


@pytest.mark.parametrize("length", [1, 17, 81, 165, 300])
def test_a_code_is_read_by_the_decoder(page, length):
    data = secrets.token_bytes(length)
    rows = page.evaluate(_WRITE, [list(data), None])
    assert bytes(page.evaluate(_READ, [rows, 4])) == data


# --- What is in the code -----------------------------------------------------------------------------

_CONTENTS = """async (parts) => {
  const { contents, parsed } = await import("/static/qr/code.js");
  const bytes = contents({ ...parts, publicKey: new Uint8Array(32).fill(7) });
  const back = parsed(bytes);
  return { bytes: Array.from(bytes), back: { ...back, publicKey: Array.from(back.publicKey) } };
}"""
_PARSED = """async (bytes) => {
  const { parsed } = await import("/static/qr/code.js");
  try { parsed(Uint8Array.from(bytes)); return ""; } catch (error) { return error.message; }
}"""
URL = "https://id.example.org/box/1"


def test_the_contents_of_the_new_devices_code(page):
    made = page.evaluate(_CONTENTS, {"mode": 3, "url": URL})
    assert bytes(made["bytes"]) == b"MATRIX\x02\x03" + b"\x07" * 32 + b"\x00\x1c" + URL.encode()
    assert made["back"] == {"mode": 3, "publicKey": [7] * 32, "url": URL}


def test_the_contents_of_the_signed_in_devices_code_name_the_server(page):
    made = page.evaluate(_CONTENTS, {"mode": 4, "url": URL, "homeserver": "exämple.org"})
    assert bytes(made["bytes"]).endswith(b"\x00\x1c" + URL.encode() + b"\x00\x0c" + "exämple.org".encode())
    assert made["back"]["homeserver"] == "exämple.org"


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"", "no code for signing in"),
        (b"IO_ELEMENT_MSC4388\x03\x00", "no code for signing in"),
        (b"MATRIX\x03\x00" + b"\x07" * 40, "another version"),
        (b"MATRIX\x02\x05" + b"\x07" * 40, "which device"),
        (b"MATRIX\x02\x03" + b"\x07" * 31, "cut short"),
        (b"MATRIX\x02\x03" + b"\x07" * 32 + b"\x00\x09https://", "cut short"),
        (b"MATRIX\x02\x03" + b"\x07" * 32 + b"\x00\x01ab", "longer"),
        (b"MATRIX\x02\x03" + b"\x07" * 32 + b"\x00\x01\xff", "damaged"),
        (b"MATRIX\x02\x04" + b"\x07" * 32 + b"\x00\x01a", "cut short"),
    ],
)
def test_what_is_no_code_is_told_in_words(page, data, complaint):
    assert complaint in page.evaluate(_PARSED, list(data))

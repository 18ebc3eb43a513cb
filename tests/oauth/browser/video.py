"""What a camera sees: a QR code held before it, as a film that Chromium takes for its camera."""

from pathlib import Path

import segno

_WIDTH, _HEIGHT, _FRAMES = 640, 480, 5
_LIGHT, _DARK, _GREY = 225, 30, 128  # luminance: paper and ink, and no colour


def of(content: str | bytes, to: Path) -> list[str]:
    """Writes the film, and answers the switches with which Chromium takes it for its camera, and allows that."""
    to.write_bytes(_film(content))
    return [
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-video-capture={to}",
    ]


def _film(content: str | bytes) -> bytes:
    """YUV4MPEG2: a header, then each frame whole; Chromium begins again at its end."""
    header = f"YUV4MPEG2 W{_WIDTH} H{_HEIGHT} F10:1 Ip A1:1 C420jpeg\n".encode()
    colours = bytes([_GREY]) * (_WIDTH * _HEIGHT // 2)
    return header + (b"FRAME\n" + _picture(content) + colours) * _FRAMES


def _picture(content: str | bytes) -> bytes:
    """The luminance of each point: the code in the middle, with its quiet border."""
    code = segno.make_qr(content, error="q", mode="byte")
    rows = [bytes(_DARK if module else _LIGHT for module in row) for row in code.matrix]
    scale = (_HEIGHT - 40) // (len(rows) + 8)
    side = scale * len(rows)
    left, top = (_WIDTH - side) // 2, (_HEIGHT - side) // 2
    blank = bytes([_LIGHT]) * _WIDTH
    drawn = [
        blank[:left] + b"".join(bytes([point]) * scale for point in row) + blank[left + side :]
        for row in rows
        for _ in range(scale)
    ]
    return blank * top + b"".join(drawn) + blank * (_HEIGHT - top - side)

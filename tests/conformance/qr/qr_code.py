"""What stands in the QR code of both forms (qr-login.md §4)."""

from dataclasses import dataclass

NEW, EXISTING = "new", "existing"  # who shows the code
_FORM_2024, _FORM_CURRENT = b"MATRIX\x02", b"IO_ELEMENT_MSC4388\x03"
_MODES = {NEW: 0x03, EXISTING: 0x04}
_INTENTS = {NEW: 0x00, EXISTING: 0x01}


@dataclass(frozen=True, slots=True)
class Code2024:
    """`server_name` only where the existing device shows the code; rust-sdk writes its homeserver's URL there."""

    public: bytes
    url: str
    server_name: str = ""

    form = "2024"

    @property
    def shown_by(self) -> str:
        return EXISTING if self.server_name else NEW

    def octets(self) -> bytes:
        found = _FORM_2024 + bytes([_MODES[self.shown_by]]) + self.public + _with_length(self.url)
        return found + (_with_length(self.server_name) if self.server_name else b"")


@dataclass(frozen=True, slots=True)
class CodeCurrent:
    """`base_url` without a final slash."""

    public: bytes
    session_id: str
    base_url: str
    shown_by: str

    form = "current"

    def octets(self) -> bytes:
        head = _FORM_CURRENT + bytes([_INTENTS[self.shown_by]]) + self.public
        return head + _with_length(self.session_id) + _with_length(self.base_url)


Code = Code2024 | CodeCurrent


def read(octets: bytes) -> Code:
    """The code of either form; AssertionError for anything else."""
    if octets.startswith(_FORM_2024):
        mode, public, rest = octets[7], octets[8:40], octets[40:]
        url, rest = _taken(rest)
        assert mode in _MODES.values()
        server_name, rest = _taken(rest) if mode == _MODES[EXISTING] else ("", rest)
        assert not rest
        return Code2024(public, url, server_name)
    assert octets.startswith(_FORM_CURRENT), octets[:20]
    intent, public, rest = octets[19], octets[20:52], octets[52:]
    session_id, rest = _taken(rest)
    base_url, rest = _taken(rest)
    [shown_by] = [name for name, value in _INTENTS.items() if value == intent]
    assert not rest
    return CodeCurrent(public, session_id, base_url, shown_by)


def _with_length(text: str) -> bytes:
    return len(text.encode()).to_bytes(2) + text.encode()


def _taken(octets: bytes) -> tuple[str, bytes]:
    end = 2 + int.from_bytes(octets[:2])
    return octets[2:end].decode(), octets[end:]

"""What is not exactly one plain cleartext block never reaches a verifier (laverna.md §4.1; security.md R32)."""

import base64
import re
from collections.abc import Callable

import pytest

from challenges.openpgp.verifying import NotSigned, armor, cleartext, packets
from tests.openpgp.verifying.material import MESSAGES, ask_verify, packets_of

KEY = "ed25519 legacy"
GOOD = MESSAGES[f"{KEY} lines"].replace("\r\n", "\n")  # openpgp.js mixes line ends
TEXT = '{\n  "a": "b",\n- x\n-----BEGIN\n}\n'
SIGNATURE = "-----BEGIN PGP SIGNATURE-----"
END = "-----END PGP SIGNATURE-----"
FIRST_LINE = '  "a": "b",'


def put(old: str, new: str) -> Callable[[str], str]:
    def edited(message: str) -> str:
        assert old in message
        return message.replace(old, new, 1)

    return edited


def with_body(change: Callable[[bytes], bytes]) -> Callable[[str], str]:
    """The message with other bytes in its signature block."""

    def edited(message: str) -> str:
        head, _, rest = message.partition(SIGNATURE)
        return head + armor.encode(change(packets_of(SIGNATURE + rest)), "SIGNATURE")

    return edited


def with_headers(*lines: str) -> Callable[[str], str]:
    return lambda message: re.sub(r"Hash: [A-Z0-9]+\n", "".join(f"{line}\n" for line in lines), message, count=1)


def of_type_binary(body: bytes) -> bytes:
    packet = next(packets.split(body))
    return packets.Packet(packet.tag, packet.body[:1] + b"\x00" + packet.body[2:]).encode()


def old_version(body: bytes) -> bytes:
    packet = next(packets.split(body))
    return packets.Packet(packet.tag, b"\x03" + packet.body[1:]).encode()


def checksum_wrong(message: str) -> str:
    head, _, rest = message.partition(SIGNATURE)
    body = base64.b64encode(packets_of(SIGNATURE + rest)).decode()
    return f"{head}{SIGNATURE}\n\n{body[:64]}\n{body[64:]}\n=AAAA\n{END}\n"


REFUSED: dict[str, Callable[[str], str]] = {
    "nothing": lambda _: "",
    "blanks": lambda _: " \r\n\t",
    "text before": lambda message: f"pay 1000\n{message}",
    "a key before": lambda message: f"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n{message}",
    "text after": lambda message: f"{message}\nfor Mallory",
    "text right after": lambda message: f"{message.rstrip()} x",
    "two messages": lambda message: f"{message}\n{message}",
    "a message within": lambda message: message.replace(FIRST_LINE, message),
    "byte order mark": lambda message: f"\ufeff{message}",
    "no-break space around": lambda message: f"\u00a0{message}",
    "form feed around": lambda message: f"{message}\f",
    "form feed at the end of a line": put(f"{FIRST_LINE}\n", f"{FIRST_LINE}\f\n"),
    "form feed instead of a line end": put(f"{FIRST_LINE}\n", f"{FIRST_LINE}\f"),
    "form feed before the signature": put(SIGNATURE, f"\f{SIGNATURE}"),
    "vertical tab": put(FIRST_LINE, f"{FIRST_LINE}\v"),
    "NUL": put(FIRST_LINE, f"{FIRST_LINE}\0"),
    "escape": put(FIRST_LINE, f"\x1b[2K{FIRST_LINE}"),
    "lone carriage return": put(f"{FIRST_LINE}\n", f"{FIRST_LINE}\r"),
    "carriage return twice": put(f"{FIRST_LINE}\n", f"{FIRST_LINE}\r\r\n"),
    "lone surrogate": put(FIRST_LINE, f"{FIRST_LINE}\ud800"),
    "another character": put('"b"', '"c"'),
    "a line more": put(FIRST_LINE, f"{FIRST_LINE}\n"),
    "a line less": put(f"{FIRST_LINE}\n", ""),
    "blanks at the beginning of a line": put(FIRST_LINE, f" {FIRST_LINE}"),
    "dash not escaped": put("- - x", "- x\n-x"),
    "another header": with_headers("Hash: SHA512", "Comment: x"),
    "not dash escaped": with_headers("Hash: SHA512", "NotDashEscaped: You need GnuPG to verify this message"),
    "junk in the hash": with_headers("Hash: SHA512 junk"),
    "text in the hash": with_headers("Hash: SHA512, pay 1000"),
    "a hash of another name": with_headers("Hash: SHA256"),
    "a weak hash beside": with_headers("Hash: SHA512,SHA1"),
    "a hash without name": with_headers("Hash: "),
    "a hash in small letters": with_headers("hash: sha512"),
    "too many hashes": with_headers("Hash: " + ",".join(["SHA512"] * 9)),
    "blank in the blank line": with_headers("Hash: SHA512", " "),
    "blank line before the headers": with_headers("", "Hash: SHA512"),
    "indented signature": put(SIGNATURE, f" {SIGNATURE}"),
    "dashes short": put("-----BEGIN PGP SIGNED", "----BEGIN PGP SIGNED"),
    "text on the line of the signature": put(SIGNATURE, f"{SIGNATURE} x"),
    "no signature": lambda message: message.partition(SIGNATURE)[0],
    "no end": put(END, ""),
    "another end": put(END, "-----END PGP MESSAGE-----"),
    "no blank line in the signature": put(f"{SIGNATURE}\n\n", f"{SIGNATURE}\n"),
    "unknown header of the signature": put(f"{SIGNATURE}\n", f"{SIGNATURE}\nHash: SHA512\n"),
    "wrong checksum": checksum_wrong,
    "no base64": put(f"{SIGNATURE}\n\n", f"{SIGNATURE}\n\n????\n"),
    "empty signature": with_body(lambda _: b""),
    "the signature twice": with_body(lambda body: body * 2),
    "a byte after the signature": with_body(lambda body: body + b"\0"),
    "a packet after the signature": with_body(lambda body: body + packets.Packet(packets.MARKER, b"PGP").encode()),
    "signature cut short": with_body(lambda body: body[:-1]),
    "signature over bytes": with_body(of_type_binary),
    "signature of version 3": with_body(old_version),
    "partial length": with_body(lambda body: b"\xc2\xe0" + body),
    "old indefinite length": with_body(lambda body: b"\x8b" + body),
    "too long": lambda message: message + " " * cleartext.MOST_BYTES,
}

HARMLESS: dict[str, Callable[[str], str]] = {
    "as it is": lambda message: message,
    "line ends of the web": lambda message: message.replace("\n", "\r\n"),
    "white space around": lambda message: f"\r\n\t {message}\r\n \n",
    "blanks at the end of lines": lambda message: message.replace(f"{FIRST_LINE}\n", f"{FIRST_LINE} \t\n"),
    "two hashes": with_headers("Hash: SHA256, SHA512"),
    "two lines of hashes": with_headers("Hash: SHA256", "Hash: SHA512"),
    "headers of the signature": put(f"{SIGNATURE}\n", f"{SIGNATURE}\nVersion: x\nComment: <y>\n"),
    "no checksum": lambda message: re.sub(r"\n=....\n", "\n", message),
}


def test_plain_message_is_good() -> None:
    assert ask_verify(GOOD, KEY).text == TEXT


@pytest.mark.parametrize("trap", REFUSED)
def test_message_is_refused(trap: str) -> None:
    edited = REFUSED[trap](GOOD)
    assert edited != GOOD
    with pytest.raises(NotSigned):
        ask_verify(edited, KEY)


@pytest.mark.parametrize("form", HARMLESS)
def test_message_in_another_spelling_is_the_same(form: str) -> None:
    assert ask_verify(HARMLESS[form](GOOD), KEY) == ask_verify(GOOD, KEY)


def test_a_reason_holds_nothing_of_the_message() -> None:
    for trap in REFUSED.values():
        with pytest.raises(NotSigned) as refused:
            ask_verify(trap(GOOD), KEY)
        assert len(str(refused.value)) < 60
        assert "Mallory" not in str(refused.value)


def test_begin_lines_inside_the_text_do_not_disturb() -> None:
    """The signed JSON holds the key, whose first line is an armor line in the middle of a line."""
    message = MESSAGES["rsa2048"]
    assert message.startswith("\r\n-----BEGIN PGP SIGNED MESSAGE-----\r\n")
    assert '"-----BEGIN PGP PUBLIC KEY BLOCK-----' in ask_verify(message, "rsa2048").text


def test_header_may_be_missing_only_where_the_signer_left_it_out() -> None:
    """openpgp.js 6 writes none with keys of version 6; gpg takes MD5 then, so a maker must not see ours without."""
    assert "Hash:" not in MESSAGES["ed25519 v6"]
    assert b"Hash:" not in cleartext.read(MESSAGES["ed25519 v6"]).rewritten
    assert cleartext.read(with_headers("Hash: SHA256,SHA512")(GOOD)).rewritten.count(b"Hash: SHA512\n") == 1

"""The channel of the demonstration, in the browser: vectors of RFC 8439 and RFC 7748, and another library's results."""

import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

_CALL = """async ([file, name, ...sent]) => {
  const hex = (text) => Uint8Array.from(text.match(/../g) ?? [], (byte) => parseInt(byte, 16));
  const module = await import(`/static/qr/${file}.js`);
  const result = await module[name](...sent.map((one) => (typeof one === "string" ? hex(one) : one)));
  return Array.from(result, (byte) => byte.toString(16).padStart(2, "0")).join("");
}"""
_SUNSCREEN = (
    b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, "
    b"sunscreen would be it."
)


def call(page, file, name, *sent):
    """What a function of a script makes of bytes in hexadecimal, and numbers."""
    return page.evaluate(_CALL, [file, name, *(one.hex() if isinstance(one, bytes) else one for one in sent)])


def plain(text):
    return text.replace(" ", "").replace("\n", "").replace(":", "")


# --- RFC 8439 ---------------------------------------------------------------------------------------

KEY = bytes(range(32)).hex()


def test_a_block_of_the_key_stream(page):
    # Section 2.3.2.
    wanted = """10f1e7e4d13b5915500fdd1fa32071c4c7d1f4c733c068030422aa9ac3d46c4e
                d2826446079faa0914c2d705d98b02a2b5129cd1de164eb9cbd083e8a2503c4e"""
    assert call(page, "chacha20poly1305", "block", KEY, 1, "000000090000004a00000000") == plain(wanted)


@pytest.mark.parametrize(
    ("counter", "nonce", "wanted"),
    [
        # Appendix A.1, test vectors 1 and 2: a key of zeros.
        (0, "00" * 12, "76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7"),
        (1, "00" * 12, "9f07e7be5551387a98ba977c732d080dcb0f29a048e3656912c6533e32ee7aed"),
        # Test vector 5.
        (0, "000000000000000000000002", "c2c64d378cd536374ae204b9ef933fcd1a8b2288b3dfa49672ab765b54ee27c7"),
    ],
)
def test_blocks_of_a_key_of_zeros(page, counter, nonce, wanted):
    assert call(page, "chacha20poly1305", "block", "00" * 32, counter, nonce)[:64] == wanted


def test_a_text_is_encrypted(page):
    # Section 2.4.2.
    wanted = """6e2e359a2568f98041ba0728dd0d6981e97e7aec1d4360c20a27afccfd9fae0b
                f91b65c5524733ab8f593dabcd62b3571639d624e65152ab8f530c359f0861d8
                07ca0dbf500d6a6156a38e088a22b65e52bc514d16ccf806818ce91ab7793736
                5af90bbf74a35be6b40b8eedf2785e42874d"""
    assert call(page, "chacha20poly1305", "chacha20", KEY, 1, "000000000000004a00000000", _SUNSCREEN) == plain(wanted)


@pytest.mark.parametrize(
    ("key", "text", "tag"),
    [
        # Section 2.5.2.
        (
            "85d6be7857556d337f4452fe42d506a80103808afb0db2fd4abff6af4149f51b",
            b"Cryptographic Forum Research Group".hex(),
            "a8061dc1305136c6c22b8baf0c0127a9",
        ),
        # Appendix A.3, test vectors 7 to 11: sums at the edge of the prime.
        ("02" + "00" * 31, "ff" * 16, "03" + "00" * 15),
        ("02" + "00" * 15 + "ff" * 16, "02" + "00" * 15, "03" + "00" * 15),
        ("01" + "00" * 31, "ff" * 16 + "f0" + "ff" * 15 + "11" + "00" * 15, "05" + "00" * 15),
        ("01" + "00" * 31, "ff" * 16 + "fb" + "fe" * 15 + "01" * 16, "00" * 16),
        ("02" + "00" * 31, "fd" + "ff" * 15, "fa" + "ff" * 15),
    ],
)
def test_tags(page, key, text, tag):
    assert call(page, "chacha20poly1305", "poly1305", key, text) == tag


SEALED = """d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d6
            3dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36
            92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc
            3ff4def08e4b7a9de576d26586cec64b61161ae10b594f09e26a7e902ecbd0600691"""
SEALING = ("80818283848586878889" + bytes(range(0x8A, 0xA0)).hex(), "070000004041424344454647")


def test_a_text_is_sealed_and_opened(page):
    # Section 2.8.2.
    aad = "50515253c0c1c2c3c4c5c6c7"
    assert call(page, "chacha20poly1305", "seal", *SEALING, _SUNSCREEN, aad) == plain(SEALED)
    assert call(page, "chacha20poly1305", "open", *SEALING, plain(SEALED), aad) == _SUNSCREEN.hex()


@pytest.mark.parametrize("at", [0, 100, -1])
def test_what_was_changed_is_not_opened(page, at):
    sealed = bytearray.fromhex(plain(SEALED))
    sealed[at] ^= 1
    with pytest.raises(Exception, match="not sealed with this key"):
        call(page, "chacha20poly1305", "open", *SEALING, bytes(sealed), "50515253c0c1c2c3c4c5c6c7")


@pytest.mark.parametrize("length", [0, 1, 15, 16, 17, 63, 64, 65, 128, 4000])
def test_every_length_is_as_another_library_makes_it(page, length):
    key, nonce, text, aad = b"\x07" * 32, b"\x01" * 12, bytes(i % 251 for i in range(length)), b"x" * (length % 33)
    wanted = ChaCha20Poly1305(key).encrypt(nonce, text, aad)
    assert call(page, "chacha20poly1305", "seal", key, nonce, text, aad) == wanted.hex()


# --- RFC 7748, and what is made of it ---------------------------------------------------------------

_AGREED = """async ([own, other]) => {
  const hex = (text) => Uint8Array.from(text.match(/../g), (byte) => parseInt(byte, 16));
  const { agreed } = await import("/static/qr/channel.js");
  const pkcs8 = hex("302e020100300506032b656e04220420" + own);
  const key = await crypto.subtle.importKey("pkcs8", pkcs8, { name: "X25519" }, false, ["deriveBits"]);
  return Array.from(await agreed(key, hex(other)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}"""


@pytest.mark.parametrize(
    ("own", "other", "wanted"),
    [
        # Section 5.2, the first two vectors.
        (
            "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
            "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
            "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552",
        ),
        (
            "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
            "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
            "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957",
        ),
        # The same, iterated once.
        ("09" + "00" * 31, "09" + "00" * 31, "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079"),
    ],
)
def test_two_keys_agree(page, own, other, wanted):
    assert page.evaluate(_AGREED, [own, other]) == wanted


def test_a_public_key_that_makes_no_secret_is_refused(page):
    with pytest.raises(Exception, match="OperationError"):
        page.evaluate(_AGREED, ["07" * 32, "00" * 32])


def b64(data):
    return base64.b64encode(data).decode().rstrip("=")


def derived(secret, name, generator, scanner, length):
    info = f"MATRIX_QR_CODE_LOGIN_{name}|{b64(generator)}|{b64(scanner)}".encode()
    return HKDF(algorithm=SHA512(), length=length, salt=None, info=info).derive(secret)


class Scanner:
    """The other end in Python: qr-login.md §5.1, word for word."""

    def __init__(self, generator):
        own = X25519PrivateKey.generate()
        self.public = own.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        secret = own.exchange(X25519PublicKey.from_public_bytes(generator))
        self.sending, self.receiving = (derived(secret, f"ENCKEY_{end}", generator, self.public, 32) for end in "SG")
        first, second = derived(secret, "CHECKCODE", generator, self.public, 2)
        self.check_code = f"{first % 10}{second % 10}"
        self.sent = self.received = 0

    def seal(self, text):
        nonce, self.sent = self.sent.to_bytes(12, "little"), self.sent + 1
        return b64(ChaCha20Poly1305(self.sending).encrypt(nonce, text.encode(), None))

    def open(self, text):
        nonce, self.received = self.received.to_bytes(12, "little"), self.received + 1
        return ChaCha20Poly1305(self.receiving).decrypt(nonce, base64.b64decode(text + "=="), None).decode()


def test_a_channel_with_another_implementation(page):
    page.evaluate("async () => { window.us = await (await import('/static/qr/channel.js')).generator(); }")
    them = Scanner(bytes(page.evaluate("() => Array.from(us.publicKey)")))
    first = them.seal("MATRIX_QR_CODE_LOGIN_INITIATE") + "|" + b64(them.public)
    ok, check_code = page.evaluate(
        "async (first) => { const made = await us.accept(first); window.channel = made.channel;"
        " return [made.ok, channel.checkCode]; }",
        first,
    )
    assert them.open(ok) == "MATRIX_QR_CODE_LOGIN_OK"
    assert check_code == them.check_code
    for number in range(3):
        message = {"type": "m.login.protocols", "number": number, "text": "Grüße ✓"}
        assert page.evaluate("(text) => channel.open(text)", them.seal(json.dumps(message))) == message
        assert json.loads(them.open(page.evaluate("(message) => channel.seal(message)", message))) == message


def test_a_message_is_good_once_and_in_its_order(page):
    result = page.evaluate(
        """async () => {
          const { generator, scanner } = await import("/static/qr/channel.js");
          const them = await generator();
          const us = await scanner(them.publicKey);
          const { ok, channel } = await them.accept(us.initiate);
          const ours = us.confirm(ok);
          const [first, second] = [ours.seal({ type: "1" }), ours.seal({ type: "2" })];
          const fails = (text) => { try { channel.open(text); return false; } catch { return true; } };
          const [tooEarly, opened, again] = [fails(second), channel.open(first).type, fails(first)];
          return [tooEarly, opened, again, channel.open(second).type, fails(channel.seal({}))];
        }"""
    )
    assert result == [True, "1", True, "2", True]


def test_a_stranger_with_the_code_gets_another_channel(page):
    differ = page.evaluate(
        """async () => {
          const { generator, scanner } = await import("/static/qr/channel.js");
          const them = await generator();
          const [first, stranger] = [await scanner(them.publicKey), await scanner(them.publicKey)];
          const { ok } = await them.accept(stranger.initiate);
          try { first.confirm(ok); return false; } catch { return true; }
        }"""
    )
    assert differ


@pytest.mark.parametrize("text", ["", "abc", "abc|def", "|", "YWJj|" + "A" * 43, "{}"])
def test_what_is_no_first_message_is_refused(page, text):
    refused = page.evaluate(
        """async (text) => {
          const { generator } = await import("/static/qr/channel.js");
          const them = await generator();
          return them.accept(text).then(() => false, () => true);
        }""",
        text,
    )
    assert refused

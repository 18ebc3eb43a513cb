"""The test vectors of session-open-group.md §9, byte for byte."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from accounts.errors import Reason, Refusal
from accounts.keys import canonical_x25519
from challenges.session import protocol
from tests.session_client import SessionIdentity

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
VECTORS = {
    "V1": {
        "client": ["f0fbed2883d279f7d4165e14032c197e7ad488fb8e55fbfef38024d0760d4953"],
        "public_key": "05ef229771c7c01f24b17e7364a861d94acf6b08ce21492e9a94f546b029cd2839",
        "server": ["68f092b489d7d6cf9ef048ee45f84544f0e8582fac925b9a8e852828b91c4c48"],
        "server_public": "BXpMgLuS+2SJB38pfC4YFdaDHDf4wHlakFIdt8jRnmA2",
        "iv": "74dfcdb18508b0730537fc4b0ecd35f6",
        "token": ALPHABET + "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefgh",
        "cipher_text": (
            "dN/NsYUIsHMFN/xLDs019r7EYbuRJuIzgNXy4PDmg7T4AGE8i9G96LPIFLp3eV3DvTXfTOJv/bfX1JgynAdM0GHkSH33EgfsjDIS7jBI"
            "l+qEhCuc0EFJmfQFXwkeyeKEENeA0T+yWJcjAC8Ah9O5hvmbn4VCgy0rVT+YzW05QHw="
        ),
    },
    "V2": {
        "client": ["f0c6de2509a25b0d615418ef7cf5556dc234182b059254ce6ccb91c868977d4f"],
        "public_key": "05036650d3289b851d78e979a0728caffc6da20991305da2a3474630e27bd5603f",
        "server": [
            "712f9510c9a2749775a8cfe99c0e5750c4af0202fd11323658dbcd3a38bf7a2d",
            "702f9510c9a2749775a8cfe99c0e5750c4af0202fd11323658dbcd3a38bf7a6d",
        ],
        "server_public": "BTORe64JFdUElzSGV8NxCG3n4VbA90PwwO4YQwk3ert4",
        "iv": "ef994f7895e79c1a9202649618e1a713",
        "token": "a" * 96,
        "cipher_text": (
            "75lPeJXnnBqSAmSWGOGnE0tHlFgcGc417g6cdXs7R39XDe2ajDVVci3ev6nvUP9KNT3cSfTjW0v4bH5bFOLaKv+LvH8Ck82ylKgLoUeQ"
            "KEFYZDdems0yYt/1pABbLbLM2U99DH6HXXQ8LwAxUG/myjr4irWeZjQPn7nG8MW04GU="
        ),
    },
    "V3": {
        "client": [
            "01200ebfdacc8bf8da83f4b1db79b1672d64c96ede1a3cc889108325ea3c8ed4",
            "00200ebfdacc8bf8da83f4b1db79b1672d64c96ede1a3cc889108325ea3c8e54",
        ],
        "public_key": "0598e887541eff5674195c2f695b86ce1ef3708cd4d3d9e1538eb92119851cd279",
        "server": ["38cf4700f87700ed717ad64bc69208995cfe757be4d241b217e292e17597c55c"],
        "server_public": "BS00IhKitAmJv1DZlv4MwzuvgMJkpSu/HdSqBt2EK1Qo",
        "iv": "7d5530befc33a9a9bf5c9459c535c888",
        "token": "0123456789abcdef",
        "cipher_text": "fVUwvvwzqam/XJRZxTXIiPoCgBerDvbL9+a2WVWVwmozvQAD9QY1NoXzlW3himOP",
    },
    "V4": {
        "client": ["1084a3faa077ff19ecdb163032396a8472f5cdfcebc1889ade8a8383fe832348"],
        "public_key": "05da984b8df13905136292e9115615239ba0ee1affb88b6478c153537e0d20502c",
        "server": ["084cd6e49cf327e53709bd3122a6d518e7a1ab7dd952011cd69cf6a35443a75a"],
        "server_public": "BV2bIi/f57qIM/nJ9UwsYyBdwpuZZVoCLUEDqrb1pu9V",
        "iv": "aa823fafe92c4f071a32592bb87cef8e",
        "token": "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef" + ALPHABET,
        "cipher_text": (
            "qoI/r+ksTwcaMlkruHzvjqShNv0K+KTgj0M53mhzKRAgCPVfXSyLWSmpG5EeSCRcifHN/E9M2/q6mtzZC68x6hbdBuRfzZMbDdoRff3j"
            "sXRhhXF6Ge69HhDMtORj0ULstxuxwrFY33eyhTLnWu9XOQ=="
        ),
    },
}
REFUSED = {
    "0": "050000000000000000000000000000000000000000000000000000000000000000",
    "1": "050100000000000000000000000000000000000000000000000000000000000000",
    "order 8": "05e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "the other of order 8": "055f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "p - 1": "05ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "p": "05edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "p + 1": "05eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "V1 with the top bit set": "05ef229771c7c01f24b17e7364a861d94acf6b08ce21492e9a94f546b029cd28b9",
}


def private(seed: str) -> X25519PrivateKey:
    return X25519PrivateKey.from_private_bytes(bytes.fromhex(seed))


@pytest.mark.parametrize("name", VECTORS)
def test_the_server_encrypts_as_the_originals_library_does(name):
    vector = VECTORS[name]
    for seed in vector["server"]:
        encrypted = protocol.encrypt_token(
            vector["token"],
            canonical_x25519(vector["public_key"]),
            server_key=private(seed),
            iv=bytes.fromhex(vector["iv"]),
        )
        assert encrypted.render() == {
            "cipherText64": vector["cipher_text"],
            "serverPubKey64": vector["server_public"],
        }


@pytest.mark.parametrize("name", VECTORS)
def test_the_tests_own_client_decrypts_the_vectors(name):
    vector = VECTORS[name]
    for seed in vector["client"]:
        identity = SessionIdentity(private(seed))
        assert identity.public_key == vector["public_key"]
        sent = {"cipherText64": vector["cipher_text"], "serverPubKey64": vector["server_public"]}
        assert identity.decrypt(sent) == vector["token"]


@pytest.mark.parametrize("name", REFUSED)
def test_keys_that_anyone_could_answer_for_are_refused(client, name):
    with pytest.raises(Refusal) as refused:
        canonical_x25519(REFUSED[name])
    assert refused.value.reason is Reason.FIELD_INVALID
    response = client.get("/loki/v1/get_challenge", params={"pubKey": REFUSED[name]})
    assert (response.status, response.json()) == (422, {"error": "pubKey invalid"})


@pytest.mark.parametrize("name", list(REFUSED)[:5])
def test_the_library_refuses_small_order_points_too(name):
    with pytest.raises(Refusal):
        protocol.encrypt_token("token", REFUSED[name])


def test_lengths_on_the_wire_are_the_originals():
    identity = SessionIdentity()
    token = protocol.mint_token(identity.public_key, expires=2_000_000_000, mac_key=b"k")
    encrypted = protocol.encrypt_token(token, identity.public_key)
    assert len(token) == 96
    assert token.isalnum()
    assert len(encrypted.cipher_text64) == 172
    assert len(encrypted.server_public_key64) == 44
    assert len(base64.b64decode(encrypted.cipher_text64)) == 128
    assert identity.decrypt(encrypted.render()) == token


@pytest.mark.parametrize(
    ("key", "now", "mac_keys", "genuine"),
    [
        ("own", 100, [b"k"], True),
        ("own", 100, [b"new", b"k"], True),
        ("own", 200, [b"k"], False),
        ("own", 100, [b"other"], False),
        ("other", 100, [b"k"], False),
    ],
)
def test_a_token_is_genuine_for_its_key_its_time_and_our_keys_only(key, now, mac_keys, genuine):
    own, other = SessionIdentity().public_key, SessionIdentity().public_key
    token = protocol.mint_token(own, expires=200, mac_key=b"k")
    chosen = own if key == "own" else other
    assert protocol.is_genuine(token, chosen, now=now, mac_keys=mac_keys) is genuine


@pytest.mark.parametrize("token", ["", "a" * 95, "a" * 97, "z" * 96, "-" * 96, "é" * 96, "0" * 96])
def test_what_we_did_not_mint_is_not_genuine(token):
    assert not protocol.is_genuine(token, SessionIdentity().public_key, now=1, mac_keys=[b"k"])

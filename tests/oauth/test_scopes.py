"""Scopes (matrix-oauth.md §3)."""

import pytest

from accounts.errors import Refusal
from devicelogin.oauth import scopes

API, DEVICE = "urn:matrix:client:api:*", "urn:matrix:client:device:"
UNSTABLE_API, UNSTABLE_DEVICE = (
    "urn:matrix:org.matrix.msc2967.client:api:*",
    "urn:matrix:org.matrix.msc2967.client:device:",
)


@pytest.mark.parametrize(
    "text",
    [
        f"{API} {DEVICE}AAABBBCCCDDD",
        f"{UNSTABLE_API} {UNSTABLE_DEVICE}AAABBBCCCDDD openid",
        f"openid email {API} {DEVICE}A-._~!$&'()*+,;=:@/9",
        "openid",
        "openid email",
        API,
        f"{API} urn:synapse:admin:*",
        f"{API}  {DEVICE}AAABBBCCCDDD {API}",
    ],
)
def test_a_known_scope_is_understood(text):
    assert scopes.parse(text).words


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "everything",
        f"{API} {UNSTABLE_DEVICE}AAABBBCCCDDD",
        f"{API} {UNSTABLE_API}",
        f"{DEVICE}AAABBBCCCDDD",
        f"openid {DEVICE}AAABBBCCCDDD",
        f"{API} {DEVICE}AAABBBCCCDDD {DEVICE}DDDEEEFFFGGG",
        f"{API} {DEVICE}SHORT",
        f"{API} {DEVICE}",
        f"{API} {DEVICE}with\ttabs-in-it",
        f'{API} {DEVICE}quoted"quoted',
        f"{API} {DEVICE}backs\\lashes",
        f"{API} {DEVICE}üüüüüüüüüüü",
        f"{API} {DEVICE}{'A' * 256}",
        "urn:matrix:client:other",
        f"openid {'x' * 2000}",
    ],
)
def test_anything_else_is_an_invalid_scope(text):
    with pytest.raises(Refusal) as caught:
        scopes.parse(text)
    assert caught.value.field == "scope"


def test_without_synapse_device_ids_may_be_longer():
    assert scopes.parse(f"{API} {DEVICE}{'A' * 512}", longest_device_id=512).device_id == "A" * 512


def test_both_spellings_are_told_of_whatever_was_granted():
    told = f"{API} {UNSTABLE_API} {DEVICE}AAABBBCCCDDD {UNSTABLE_DEVICE}AAABBBCCCDDD openid"
    assert scopes.both_spellings(f"{API} {DEVICE}AAABBBCCCDDD openid") == told
    assert set(scopes.both_spellings(f"{UNSTABLE_API} {UNSTABLE_DEVICE}AAABBBCCCDDD openid").split()) == set(
        told.split()
    )


def test_either_spelling_opens_the_api():
    assert scopes.opens_matrix(API)
    assert scopes.opens_matrix(f"openid {UNSTABLE_API}")
    assert not scopes.opens_matrix("openid")

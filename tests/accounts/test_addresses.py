"""The client's address behind proxies: R39."""

from ipaddress import ip_network

import pytest

from accounts.addresses import client_address, of_scope


@pytest.fixture
def proxies(settings):
    settings.TRUSTED_PROXIES = [ip_network("10.0.0.0/8"), ip_network("::1/128")]


def test_a_strangers_header_is_ignored(proxies):
    assert client_address("192.0.2.1", "198.51.100.9") == "192.0.2.1"


def test_without_trusted_proxies_no_header_counts(settings):
    settings.TRUSTED_PROXIES = []
    assert client_address("10.0.0.1", "198.51.100.9") == "10.0.0.1"


@pytest.mark.parametrize(
    ("header", "address"),
    [
        ("198.51.100.9", "198.51.100.9"),
        ("203.0.113.1, 198.51.100.9, 10.2.2.2", "198.51.100.9"),
        ("198.51.100.9, nonsense, 10.2.2.2", "10.2.2.2"),
        ("nonsense", "10.0.0.1"),
        ("", "10.0.0.1"),
        ("10.1.1.1, 10.2.2.2", "10.1.1.1"),
        ("::ffff:198.51.100.9", "198.51.100.9"),
        ("2001:db8::1", "2001:db8::1"),
    ],
)
def test_behind_a_trusted_proxy_the_right_most_stranger_is_the_client(proxies, header, address):
    assert client_address("10.0.0.1", header) == address


def test_a_scope_is_read_the_same_way(proxies):
    headers = [(b"x-forwarded-for", b"203.0.113.1"), (b"x-forwarded-for", b"198.51.100.9")]
    assert of_scope({"client": ("10.0.0.1", 1), "headers": headers}) == "198.51.100.9"
    assert of_scope({"client": None, "headers": headers}) == ""


def test_a_mapped_peer_is_its_ipv4_address(settings):
    settings.TRUSTED_PROXIES = []
    assert client_address("::ffff:192.0.2.1") == "192.0.2.1"

"""How far two addresses are from each other."""

import pytest

from devicelogin.oauth.pages.networks import distance


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("203.0.113.7", "203.0.113.7", "same"),
        ("203.0.113.7", "::ffff:203.0.113.7", "same"),
        ("203.0.113.7", "203.0.99.1", "near"),
        ("203.0.113.7", "203.1.113.7", "far"),
        ("203.0.113.7", "2001:db8::1", "far"),
        ("2001:4860:1:2::1", "2001:4860:1:2:ffff::9", "same"),
        ("2001:4860:1:2::1", "2001:4860:ffff::1", "near"),
        ("2001:4860:1:2::1", "2a00:1450::1", "far"),
        ("127.0.0.1", "192.168.1.4", "near"),
        ("10.0.0.1", "203.0.114.7", "far"),
        ("", "203.0.113.7", "unknown"),
        ("203.0.113.7", "nonsense", "unknown"),
    ],
)
def test_networks_in_common_tell_how_near(first, second, expected):
    assert distance(first, second) == expected
    assert distance(second, first) == expected

"""Sign-in by QR code with matrix-js-sdk 43 and its cryptography as both devices (qr-login.md §3 to §6)."""

import pytest

from tests.conformance.qr.apps import checks
from tests.conformance.qr.site import Site


def told(subtests: pytest.Subtests, site: Site, *groups: str, least: int) -> None:
    """Runs these groups of checks; each is a test of its own."""
    outcomes = checks(site, *groups)
    for outcome in outcomes:
        with subtests.test(outcome["check"]):
            assert outcome["ok"], outcome["detail"]
    assert len(outcomes) >= least


def test_matrix_js_sdk_signs_in_a_device_in_both_directions(site: Site, subtests: pytest.Subtests) -> None:
    told(subtests, site, "offered", "whole", "refused", least=15)


@pytest.mark.thorough
def test_a_device_that_came_by_qr_code_signs_in_the_next(site: Site, subtests: pytest.Subtests) -> None:
    told(subtests, site, "chain", least=1)


@pytest.mark.thorough
def test_the_own_client_of_these_tests_understands_an_app(site: Site, subtests: pytest.Subtests) -> None:
    told(subtests, site, "strangers", least=3)

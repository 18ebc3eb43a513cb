"""One Latchkey for the package."""

from collections.abc import Iterator

import pytest

from tests.conformance.qr.site import Site, serving


@pytest.fixture(scope="package")
def site() -> Iterator[Site]:
    with serving() as found:
        yield found

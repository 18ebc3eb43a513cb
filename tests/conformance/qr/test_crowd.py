"""A hundred logins at once on one process, with the limits of an installation as it comes."""

import pytest

from tests.conformance.qr.crowd import SETTINGS, crowd
from tests.live import running

pytestmark = pytest.mark.thorough


@pytest.mark.parametrize("server", ["uvicorn", "daphne"])
async def test_a_hundred_logins_at_once_without_a_failed_step(server: str) -> None:
    with running(**SETTINGS | {"SERVER": server}) as installation:
        report = await crowd(installation, 100)
    print(*report.lines, sep="\n")
    assert (report.failures, report.unexpected) == ([], [])
    assert report.requests.total() > 100 * 25

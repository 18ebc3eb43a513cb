"""A scraper on the machine itself."""

from collections.abc import Callable

import pytest

from tests.asgi_client import Client


@pytest.fixture
def page(client: Client, db: None) -> Callable[[], str]:
    """The page of figures as it is now."""

    def scrape() -> str:
        response = Client(client.loop, "127.0.0.1").get("/metrics")
        assert response.status == 200
        return response.text

    return scrape

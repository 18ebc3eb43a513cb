"""Who may read `/metrics` (operations.md §2, §4)."""

from ipaddress import ip_network

import pytest

from tests.asgi_client import Client

STRANGER, HERE = "203.0.113.7", "127.0.0.1"


@pytest.fixture
def scrape(client, db):
    def ask(address, method="GET", **headers):
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return Client(client.loop, address).request(method, "/metrics", headers=sent)

    return ask


@pytest.mark.parametrize("address", [HERE, "127.8.8.8", "::1"])
def test_this_machine_reads_without_a_token(scrape, address):
    response = scrape(address)
    assert response.status == 200
    assert response.header("content-type").startswith("text/plain; version=0.0.4")
    assert response.header("cache-control") == "no-store"
    assert "latchkey_logins_total" in response.text


@pytest.mark.parametrize("address", [STRANGER, "10.0.0.7", "::ffff:203.0.113.7", ""])
def test_a_stranger_is_refused_and_learns_nothing(scrape, address):
    response = scrape(address)
    assert (response.status, response.json()) == (403, {"status": "forbidden"})
    assert response.header("server") is None


def test_a_token_opens_from_everywhere(scrape, settings):
    settings.METRICS_TOKEN = "a token of a scraper"
    assert scrape(STRANGER, authorization="Bearer a token of a scraper").status == 200
    assert scrape(HERE).status == 200


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Bearer ",
        "Bearer a token of a scrape",
        "Bearer a token of a scraperr",
        "Basic a token of a scraper",
    ],
)
def test_another_token_does_not(scrape, settings, header):
    settings.METRICS_TOKEN = "a token of a scraper"
    assert scrape(STRANGER, authorization=header).status == 403


@pytest.mark.parametrize("header", ["Bearer", "Bearer ", "Bearer None"])
def test_without_a_token_in_the_settings_no_token_opens(scrape, header):
    assert scrape(STRANGER, authorization=header).status == 403


@pytest.mark.parametrize("trusted", [True, False])
@pytest.mark.parametrize("name", ["x_forwarded_for", "forwarded", "x_real_ip", "via"])
def test_a_stranger_behind_a_proxy_on_this_machine_is_refused(scrape, settings, name, trusted):
    settings.TRUSTED_PROXIES = [ip_network("127.0.0.1/32")] if trusted else []
    assert scrape(HERE, **{name: STRANGER}).status == 403
    assert scrape(HERE, **{name: HERE}).status == 403, "a stranger may write any address"


def test_a_scraper_behind_a_trusted_proxy_uses_the_token(scrape, settings):
    settings.TRUSTED_PROXIES, settings.METRICS_TOKEN = [ip_network("127.0.0.1/32")], "secret of the scraper"
    assert scrape(HERE, x_forwarded_for=STRANGER, authorization="Bearer secret of the scraper").status == 200


def test_it_is_only_read(scrape):
    assert scrape(HERE, "POST").status == 405
    head = scrape(HERE, "HEAD")
    assert (head.status, head.body) == (200, b"")


def test_a_scraper_gets_openmetrics_when_it_asks_for_it(scrape):
    response = scrape(HERE, accept="application/openmetrics-text;version=1.0.0")
    assert response.header("content-type").startswith("application/openmetrics-text")
    assert response.text.endswith("# EOF\n")


def test_no_version_is_told_to_strangers(scrape, client):
    for path in ("/healthz", "/readyz", "/metrics"):
        response = client.get(path)
        assert response.header("server") is None
        assert set(response.json()) <= {"status", "reason"}

"""How the Python libraries reach the server: to them it is the https host of its public name."""

from typing import Any
from urllib.parse import urlsplit

import httpx

from tests.conformance.oauth.wire import HOST, PUBLIC_URL

PROXIED = {"X-Forwarded-Proto": "https", "Host": HOST}


class Inside(httpx.BaseTransport):
    """For httpx: the public name at a loopback port, and nothing else."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._transport = httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        assert str(request.url).startswith(PUBLIC_URL), request.url
        request.url = request.url.copy_with(scheme="http", host="127.0.0.1", port=self._port)
        request.headers.update(PROXIED)
        return self._transport.handle_request(request)

    def close(self) -> None:
        self._transport.close()


def requests_adapter(port: int) -> Any:
    """The same for requests, which is there when requests-oauthlib is."""
    from requests.adapters import HTTPAdapter  # type: ignore[import-untyped]

    class InsideAdapter(HTTPAdapter):
        def send(self, request: Any, *args: Any, **kwargs: Any) -> Any:
            assert request.url.startswith(PUBLIC_URL), request.url
            parts = urlsplit(request.url)
            request.url = parts._replace(scheme="http", netloc=f"127.0.0.1:{port}").geturl()
            request.headers.update(PROXIED)
            return super().send(request, *args, **kwargs)

    return InsideAdapter()

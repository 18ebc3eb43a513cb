"""Accounts and sessions on a live server, made over the wire."""

import contextlib
import http.client
import json
from typing import Any
from urllib.parse import urlsplit

PASSWORD = "correct horse battery"


def register(base_url: str, name: str) -> dict[str, Any]:
    """The answer to a registration where nothing but dummy is asked for."""
    status, body = post(base_url, "register", username=name, password=PASSWORD, auth={"type": "m.login.dummy"})
    assert status == 200, body
    return dict(body)


def session(base_url: str) -> str:
    """A session of interactive auth for a registration."""
    status, body = post(base_url, "register", username="somebody", password=PASSWORD)
    assert status == 401, body
    return str(body["session"])


def post(base_url: str, path: str, *, version: str = "v3", bearer: str = "", **members: Any) -> tuple[int, Any]:
    """Status and body of a POST."""
    return _ask(base_url, "POST", f"/_matrix/client/{version}/{path}", bearer=bearer, data=json.dumps(members))


def get(base_url: str, path: str, *, bearer: str) -> tuple[int, Any]:
    """Status and body of a GET."""
    return _ask(base_url, "GET", f"/_matrix/client/v3/{path}", bearer=bearer)


def _ask(base_url: str, method: str, path: str, *, bearer: str, data: str | None = None) -> tuple[int, Any]:
    connection = http.client.HTTPConnection(urlsplit(base_url).netloc, timeout=60)
    headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
    with contextlib.closing(connection):
        connection.request(method, path, data, headers)
        answer = connection.getresponse()
        return answer.status, json.load(answer)

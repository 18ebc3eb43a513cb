"""Programs against a live server."""

import contextlib
import http.client
import json
from typing import Any
from urllib.parse import urlencode

from tests.live.matrix import Answer
from tests.oauth.people import CALLBACK, METADATA, VERIFIER


def post(port: int, path: str, fields: dict[str, Any], **headers: str) -> Answer:
    sent = {"Content-Type": "application/x-www-form-urlencoded", **headers}
    return _ask(port, "POST", path, urlencode(fields), sent)


def register(port: int) -> str:
    answer = _ask(port, "POST", "/oauth2/registration", json.dumps(METADATA), {"Content-Type": "application/json"})
    assert answer.status == 201, answer.body
    return str(answer.json["client_id"])


def redeem(port: int, code: str, client_id: str) -> Answer:
    fields = {"code": code, "redirect_uri": CALLBACK, "client_id": client_id, "code_verifier": VERIFIER}
    return post(port, "/oauth2/token", {"grant_type": "authorization_code", **fields})


def refresh(port: int, token: str, client_id: str) -> Answer:
    fields = {"grant_type": "refresh_token", "refresh_token": token, "client_id": client_id}
    return post(port, "/oauth2/token", fields)


def _ask(port: int, method: str, path: str, body: str, headers: dict[str, str]) -> Answer:
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return Answer(answer.status, answer.read())

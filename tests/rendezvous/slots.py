"""Rendezvous sessions over the wire, as devices of both generations use them."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from tests.asgi_client import Client, Response

TEXT = "/_matrix/client/unstable/org.matrix.msc4108/rendezvous"
UNSTABLE = "/_matrix/client/unstable/io.element.msc4388/rendezvous"
STABLE = "/_matrix/client/v1/rendezvous"
PATHS = (TEXT, UNSTABLE, STABLE)
JSON_PATHS = (UNSTABLE, STABLE)


@dataclass
class Slot:
    """A session, whichever form it has: where it is, and the token of the last answer."""

    path: str
    token: str

    @property
    def id(self) -> str:
        return self.path.rpartition("/")[2]

    @property
    def is_text(self) -> bool:
        return self.path.startswith(TEXT)


def post(client: Client, create_path: str, data: str = "", **more: Any) -> Response:
    """A creation as clients of the form send it."""
    if create_path == TEXT:
        return post_text(client, data.encode(), **more)
    return client.post(create_path, data={"data": data}, **more)


def post_text(client: Client, body: bytes = b"", **headers: str) -> Response:
    sent = {"Content-Type": "text/plain", "Content-Length": str(len(body)), **dashed(headers)}
    return client.post(TEXT, body=body, headers=sent)


def created(client: Client, create_path: str = TEXT, data: str = "") -> Slot:
    answer = post(client, create_path, data)
    if create_path == TEXT:
        assert answer.status == 201, answer.text
        return Slot(urlsplit(answer.json()["url"]).path, tag(answer))
    assert answer.status == 200, answer.text
    return Slot(f"{create_path}/{answer.json()['id']}", answer.json()["sequence_token"])


def put(client: Client, slot: Slot, data: str, token: str | None = None) -> Response:
    """A write with the token, that of the slot unless another is given."""
    seen = slot.token if token is None else token
    if slot.is_text:
        return put_text(client, slot.path, data.encode(), If_Match=f'"{seen}"')
    return client.put(slot.path, data={"sequence_token": seen, "data": data})


def put_text(client: Client, path: str, body: bytes = b"", **headers: str) -> Response:
    sent = {"Content-Type": "text/plain", "Content-Length": str(len(body)), **dashed(headers)}
    return client.put(path, body=body, headers={name: value for name, value in sent.items() if value})


def written(client: Client, slot: Slot, data: str) -> Slot:
    """The slot after a write that succeeded."""
    answer = put(client, slot, data)
    assert answer.status == (202 if slot.is_text else 200), answer.text
    return Slot(slot.path, tag(answer) if slot.is_text else answer.json()["sequence_token"])


def read(client: Client, slot: Slot) -> tuple[str, str]:
    """Data and token of a read."""
    answer = client.get(slot.path)
    assert answer.status == 200, answer.text
    if slot.is_text:
        return answer.text, tag(answer)
    return answer.json()["data"], answer.json()["sequence_token"]


def tag(answer: Response) -> str:
    """The text in a strong entity tag."""
    header = answer.header("etag")
    assert header is not None, answer.headers
    assert header[0] == header[-1] == '"', header
    return header[1:-1]


def dashed(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def error(answer: Response) -> tuple[int, str]:
    return answer.status, answer.json()["errcode"]

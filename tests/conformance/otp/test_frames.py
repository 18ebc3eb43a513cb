"""The plain websocket's bad frames against a live server: standard close codes (websocket-otp.md §1, R43)."""

import json
from collections.abc import Iterator

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.live import Installation

PATIENCE = 60.0  # seconds


@pytest.fixture
def socket(installation: Installation) -> Iterator[ClientConnection]:
    with connect(f"ws://127.0.0.1:{installation.server.port}/ws/login/", compression=None) as found:
        yield found


def read_on(socket: ClientConnection) -> None:
    while True:
        socket.recv(PATIENCE)


def close_code(socket: ClientConnection) -> int:
    with pytest.raises(ConnectionClosed) as closed:
        read_on(socket)
    assert closed.value.rcvd is not None
    return int(closed.value.rcvd.code)


def test_a_bad_frame_is_answered_and_five_in_a_row_close(socket: ClientConnection) -> None:
    for text in ("", "x", "[]", '{"event":"other"}'):
        socket.send(text)
        assert json.loads(socket.recv(PATIENCE))["event"] == "error"
    socket.send('{"event":"confirm_token"}')
    assert json.loads(socket.recv(PATIENCE))["data"]["code"] == "1101"
    for _ in range(5):
        socket.send("x")
        assert json.loads(socket.recv(PATIENCE))["event"] == "error"
    assert close_code(socket) == 1008


def test_a_binary_frame_closes(socket: ClientConnection) -> None:
    socket.send(b"{}")
    assert close_code(socket) == 1003


def test_a_frame_that_is_too_large_closes(socket: ClientConnection) -> None:
    socket.send("x" * 16_385)
    assert close_code(socket) == 1009


def test_the_longest_names_fit_into_both_messages(socket: ClientConnection) -> None:
    """A thousand characters of three bytes each: the token holds them too, and must still fit into a frame."""
    data = {
        "email": "person599@example.org",
        "password": "correct horse battery",
        "browser": "界" * 1024,
        "os": "面" * 900,
    }
    socket.send(json.dumps({"event": "request_login_token", "data": data}, ensure_ascii=False))
    token = json.loads(socket.recv(PATIENCE))["data"]
    data |= {"token": token, "otp": "12345678"}
    socket.send(json.dumps({"event": "confirm_token", "data": data}, ensure_ascii=False))
    assert json.loads(socket.recv(PATIENCE))["data"]["code"] == "1101"

"""R43 and R44: close codes, message sizes, readers that do not read."""

import socket
from contextlib import suppress
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.idp.server.conftest import PATIENCE, RunningServer, wait_for


def open_socket(server: RunningServer, path: str = "/", **options: Any) -> ClientConnection:
    url = f"ws://127.0.0.1:{server.port}{path}"
    websocket: ClientConnection = connect(url, open_timeout=PATIENCE, compression=None, **options)
    return websocket


def close_of(websocket: ClientConnection) -> tuple[int, str]:
    with pytest.raises(ConnectionClosed) as closed:  # noqa: PT012  (reads until then)
        while True:
            websocket.recv(PATIENCE)
    assert closed.value.rcvd is not None
    return closed.value.rcvd.code, closed.value.rcvd.reason


@pytest.mark.parametrize("code", [1000, 1001, 1003, 1008, 1009, 1011, 1012, 3000, 4408, 4999])
def test_the_application_closes_with_every_standard_code(server: RunningServer, code: int) -> None:
    with open_socket(server) as websocket:
        websocket.send(f"close {code}")
        assert close_of(websocket) == (code, "as asked")


def test_a_message_of_a_mebibyte_is_taken_and_one_more_byte_is_not(server: RunningServer) -> None:
    with open_socket(server) as websocket:
        websocket.send("x" * 1048576)
        assert websocket.recv(PATIENCE) == "1048576"
        websocket.send("x" * 1048577)
        assert close_of(websocket)[0] == 1009


@pytest.mark.parametrize(("count", "size"), [(4000, 1), (3, 600_000)])
def test_a_client_that_talks_while_the_application_is_busy_is_closed_before_it_fills_the_memory(
    server: RunningServer, count: int, size: int
) -> None:
    with open_socket(server) as websocket:
        websocket.send("sleep")
        with suppress(ConnectionClosed):
            for _ in range(count):
                websocket.send("x" * size)
        assert close_of(websocket)[0] == 1008


def test_pieces_of_a_message_count_together(server: RunningServer) -> None:
    with open_socket(server) as websocket:
        with suppress(ConnectionClosed):
            websocket.send("x" * 600_000 for _ in range(2))
        assert close_of(websocket)[0] == 1009


@pytest.mark.parametrize(("frame", "code"), [(b"\x81\x01a", 1002), (b"\x81\x81\0\0\0\0\xff", 1007)])
def test_bad_frames_are_answered_with_the_code_that_says_why(server: RunningServer, frame: bytes, code: int) -> None:
    with open_socket(server) as websocket:
        websocket.socket.sendall(frame)
        assert close_of(websocket)[0] == code


def test_a_refused_handshake_has_a_body_in_the_form_of_the_paths_owner(server: RunningServer) -> None:
    with pytest.raises(InvalidStatus) as refused:
        open_socket(server, "/refused")
    assert refused.value.response.status_code == 403
    assert b'"path": "/refused"' in refused.value.response.body
    assert "Server" not in refused.value.response.headers


def test_a_long_burst_reaches_a_reader_who_reads(server: RunningServer) -> None:
    with open_socket(server, max_queue=None) as websocket:
        websocket.send("burst 2000")
        assert [websocket.recv(PATIENCE) for _ in range(2000)][-1] == "1999"


def test_a_reader_who_does_not_read_is_closed_while_the_sender_goes_on(server: RunningServer) -> None:
    client = small_window(server.port)
    client.sendall(
        b"GET /flood HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    server.until_printed("flooded 4408")
    wait_for(lambda: gone(client), "the connection was not aborted")
    with open_socket(server) as other:
        other.send("hello")
        assert other.recv(PATIENCE) == "5"


def test_a_reader_who_was_too_slow_can_still_read_why(start: Any) -> None:
    server = start(websocket_close_seconds=15.0)
    with open_socket(server, "/flood", max_queue=1) as websocket:
        server.until_printed("flooded 4408")
        assert close_of(websocket)[0] == 4408


def small_window(port: int) -> socket.socket:
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.settimeout(PATIENCE)
    client.connect(("127.0.0.1", port))
    return client


def gone(client: socket.socket) -> bool:
    """Sending on an aborted connection fails; nothing is read, so that the server's buffer stays full."""
    try:
        client.sendall(b"\x8a\x80\0\0\0\0")  # a pong
    except OSError:
        return True
    return False

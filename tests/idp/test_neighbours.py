"""Socket.IO by polling while every request may land in another process (R65)."""

import asyncio
import http.client
import json
import os
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from websockets.sync.client import connect

from accounts.hot import Send
from idp import neighbours
from tests.live import Server, running
from tests.live.redis_server import RedisServer

PATH = "/socket.io/?EIO=4&transport=polling"
ROUNDS = 24  # one process of two would get all of them once in millions of runs
PATIENCE = 60.0  # seconds


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    redis = RedisServer()
    try:
        redis.start()
        with running(SERVER="uvicorn", WORKERS="2", REDIS_URL=redis.url) as installation:
            yield installation.server
    finally:
        redis.remove()


def ask(server: Server, method: str, path: str, body: str | None = None) -> tuple[int, str]:
    """One request on a connection of its own, so that the kernel chooses the process anew."""
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)) as connection:
        connection.request(method, path, body)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


def opened(server: Server) -> str:
    """A connection that is in the default namespace; its session id."""
    status, body = ask(server, "GET", PATH)
    assert status == 200, body
    sid = str(json.loads(body[1:])["sid"])
    assert ask(server, "POST", f"{PATH}&sid={sid}", "40") == (200, "ok")
    status, body = ask(server, "GET", f"{PATH}&sid={sid}")
    assert (status, body[:2]) == (200, "40"), body
    return sid


def test_each_request_of_a_connection_may_land_in_any_process(server: Server) -> None:
    sid = opened(server)
    for number in range(ROUNDS):
        said = f'42{number}["request_login_token",{{}}]'
        assert ask(server, "POST", f"{PATH}&sid={sid}", said) == (200, "ok")
        status, body = ask(server, "GET", f"{PATH}&sid={sid}")
        assert status == 200, body
        assert body.startswith(("43", "42")), body


def test_connections_are_opened_in_both_processes(server: Server) -> None:
    labels: set[str] = set()
    with ThreadPoolExecutor(8) as clients:  # one after another might all go to the process that woke first
        deadline = time.monotonic() + PATIENCE  # the second process may still be starting
        while len(labels) < 2 and time.monotonic() < deadline:
            labels |= {sid.rpartition(".")[2] for sid in clients.map(opened, [server] * 8)}
            time.sleep(0.1)
    assert len(labels) == 2


def test_a_connection_is_upgraded_from_any_process(server: Server) -> None:
    for _ in range(8):
        sid = opened(server)
        url = f"ws://127.0.0.1:{server.port}/socket.io/?EIO=4&transport=websocket&sid={sid}"
        with connect(url, compression=None, open_timeout=60) as socket:
            socket.send("2probe")
            assert socket.recv(60) == "3probe"
            socket.send("5")
            socket.send('427["request_login_token",{}]')
            assert str(socket.recv(60)).startswith(("43", "42"))


@pytest.mark.parametrize("label", ["", ".00000000", ".../../etc", ".0000000"])
def test_an_id_of_nobody_is_unknown(server: Server, label: str) -> None:
    status, body = ask(server, "GET", f"{PATH}&sid=nobody{label}")
    assert (status, json.loads(body)["code"]) == (400, 1)


def test_a_large_message_is_carried_whole_and_one_too_large_is_refused(server: Server) -> None:
    sid = opened(server)
    for _ in range(ROUNDS // 4):
        assert ask(server, "POST", f"{PATH}&sid={sid}", "4" + "x" * 1_000_001)[0] in (400, 413)


async def test_a_line_is_heard_out_though_a_cancelled_read_has_not_noticed_yet() -> None:
    here, there = [neighbours._Line(*await asyncio.open_connection(sock=end)) for end in socket.socketpair()]
    reading = asyncio.create_task(here.hear())
    await asyncio.sleep(0)
    await there.say({"type": "websocket.receive", "text": "too late"})
    there.close()
    reading.cancel()
    await here.finish()
    await here.finish()
    assert here._writer.is_closing()


async def test_a_client_that_is_gone_is_no_fault_of_the_neighbour(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def says(_: object, __: object, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def waits() -> dict[str, str]:
        await asyncio.Future()
        raise AssertionError

    async def gone(_: object) -> None:
        raise OSError

    monkeypatch.setattr(neighbours, "_name", lambda label: tmp_path / f"{label}.sock")
    monkeypatch.setattr(neighbours.socketio, "application", says)
    async with await asyncio.start_unix_server(neighbours._welcome, tmp_path / "other.sock"):
        assert await neighbours._carry("other", {"type": "http"}, waits, gone)
        assert not await neighbours._carry("nobody", {"type": "http"}, waits, gone)
    assert caplog.text == ""


async def test_only_an_old_name_that_nobody_listens_at_is_taken_away(tmp_path: Path) -> None:
    for name in ("left", "bound"):
        with closing(socket.socket(socket.AF_UNIX)) as unheard:
            unheard.bind(str(tmp_path / f"{name}.sock"))
    long_ago = time.time() - 3600
    os.utime(tmp_path / "left.sock", (long_ago, long_ago))

    async def welcome(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_unix_server(welcome, tmp_path / "heard.sock"):
        os.utime(tmp_path / "heard.sock", (long_ago, long_ago))
        await neighbours._clear(tmp_path)
        assert {path.stem for path in tmp_path.glob("*.sock")} == {"bound", "heard"}

"""`/ws/login/` and the Socket.IO door: frames, limits, time-outs, independence (websocket-otp.md §1, R41–R45)."""

import asyncio
import json
import threading

import pytest
from channels.testing import WebsocketCommunicator

from accounts import aio
from challenges.otp import answers, consumers, crowd, services, sockets
from challenges.otp.consumers import LoginConsumer
from challenges.socketio import Rate
from tests.otp import door
from tests.otp.door import BROWSER, FAKE, IP, PASSWORD, SYSTEM

REAL_CALL = aio.Pool.call  # tests replace it by one that stays in their thread
REQUEST = {"email": door.ADDRESS, "password": PASSWORD, "browser": BROWSER, "os": SYSTEM}


def socket(ip=IP):
    found = WebsocketCommunicator(LoginConsumer.as_asgi(), "/ws/login/")
    found.scope["client"] = (ip, 1)
    return found


async def opened(ip=IP):
    found = socket(ip)
    connected, _ = await found.connect()
    assert connected
    return found


async def ask(found, text):
    await found.send_to(text_data=text if isinstance(text, str) else json.dumps(text))
    return json.loads(await found.receive_from(timeout=30))


async def closed(found):
    output = await found.receive_output(timeout=30)
    assert output["type"] == "websocket.close", output
    return output["code"]


@pytest.fixture(autouse=True)
def nobody_is_left():
    crowd._heads._counts.clear()
    yield
    assert not crowd._heads._counts, "a socket was not counted out"


@pytest.fixture
def echo(monkeypatch):
    """Services that answer without a database."""
    monkeypatch.setattr(services, "request_login_token", lambda request, ip: f"token of {request.email}")
    monkeypatch.setattr(services, "confirm", lambda message, ip: {"code": "1101", "message": ip})


async def test_an_answer_names_its_event_and_repeats_the_id(echo):
    found = await opened()
    answer = await ask(found, {"event": "request_login_token", "data": REQUEST, "id": 7})
    assert answer == {"event": "request_login_token", "data": f"token of {door.ADDRESS}", "id": 7}
    answer = await ask(found, {"event": "confirm_token", "data": {}})
    assert answer == {"event": "confirm_token", "data": {"code": "1101", "message": IP}}
    answer = await ask(found, {"event": "confirm_token", "data": None, "id": "a"})
    assert answer["id"] == "a"
    for unusable in ({"x": 1}, "x" * 5000, None):
        assert "id" not in await ask(found, {"event": "confirm_token", "id": unusable})
    await found.disconnect()


BAD_FRAMES = [
    " ",
    "x",
    "[]",
    "7",
    "null",
    "{}",
    '{"event":"other"}',
    '{"event":7}',
    '{"event":["confirm_token"]}',
    '{"event":"confirm_token","event":"confirm_token"}',
    '{"event":"confirm_token","data":"\\ud800"}',
    '{"event":"confirm_token","data":NaN}',
    '{"event":"confirm_token","data":' + "9" * 5000 + "}",
    "[" * 2000,
]


@pytest.mark.parametrize("text", BAD_FRAMES)
async def test_a_bad_frame_is_answered_and_the_socket_stays_open(echo, text):
    found = await opened()
    answer = await ask(found, text)
    assert answer["event"] == "error"
    assert answer["data"]["message"]
    assert (await ask(found, {"event": "confirm_token"}))["data"]["code"] == "1101"
    await found.disconnect()


async def test_five_bad_frames_in_a_row_close_the_socket(echo):
    found = await opened()
    for _ in range(4):
        assert (await ask(found, "x"))["event"] == "error"
    await ask(found, {"event": "confirm_token"})
    for _ in range(5):
        assert (await ask(found, "x"))["event"] == "error"
    assert await closed(found) == 1008
    await found.disconnect()


async def test_a_binary_frame_closes_the_socket():
    found = await opened()
    await found.send_to(bytes_data=b"{}")
    assert await closed(found) == 1003
    await found.disconnect()


async def test_a_frame_of_more_than_16_kilobytes_closes_the_socket(echo):
    found = await opened()
    fits = json.dumps({"event": "confirm_token", "data": ""})
    await ask(found, fits.replace('""', '"' + "x" * (16_384 - len(fits)) + '"'))
    await found.send_to(text_data=fits.replace('""', '"' + "x" * (16_385 - len(fits)) + '"'))
    assert await closed(found) == 1009
    await found.disconnect()


async def test_messages_beyond_the_rate_are_told_and_not_handled(echo, monkeypatch):
    monkeypatch.setattr(consumers, "_RATE", Rate(per_second=0.0001, burst=2))
    found = await opened()
    events = [(await ask(found, {"event": "confirm_token"}))["event"] for _ in range(202)]
    assert events == ["confirm_token"] * 2 + ["error"] * 200
    await found.send_to(text_data="{}")
    assert await closed(found) == 1008
    await found.disconnect()


async def test_fifty_sockets_of_one_address_and_no_more():
    found = [await opened() for _ in range(50)]
    refused = socket()
    assert (await refused.connect())[0] is False
    other = await opened("198.51.100.1")
    await found.pop().disconnect()
    found.append(await opened())
    for one in [*found, other]:
        await one.disconnect()


async def test_both_doors_count_the_sockets_of_an_address_together():
    found = [await opened() for _ in range(50)]
    with pytest.raises(Exception, match="Too many"):
        await sockets.CodeDoor().connect(StandIn())
    for one in found:
        await one.disconnect()


@pytest.mark.parametrize(
    ("answer", "stays"), [("a login token", 120.0), ({"code": "1104"}, 30.0), ({"code": "1106"}, 30.0)]
)
def test_the_socket_waits_for_a_code_and_else_for_half_a_minute(answer, stays):
    assert answers.seconds_left(answer) == stays


async def test_an_idle_socket_is_closed_and_a_working_one_is_not(monkeypatch, echo):
    monkeypatch.setattr(answers, "IDLE_SECONDS", 0.05)
    monkeypatch.setattr(answers, "LAST_SECONDS", 0.05)
    idle = await opened()
    assert await closed(idle) == 1000
    await idle.disconnect()
    working, release = await opened(), asyncio.Event()

    async def slow(*_, **__):
        await release.wait()
        return {"code": "1101"}

    monkeypatch.setattr(answers, "answer", slow)
    await working.send_to(text_data=json.dumps({"event": "confirm_token"}))
    assert await working.receive_nothing(0.3)
    release.set()
    assert "1101" in await working.receive_from()
    assert await closed(working) == 1000
    await working.disconnect()


async def test_one_slow_database_call_delays_no_other_socket(monkeypatch):
    """By order, not by time: the slow call ends only when all others have been answered."""
    monkeypatch.setattr(aio.Pool, "call", REAL_CALL)
    release = threading.Event()

    def service(request, ip):
        if request.email == "slow@example.org":
            assert release.wait(60), "the others never came"
        return request.email

    monkeypatch.setattr(services, "request_login_token", service)
    slow, *others = [await opened() for _ in range(6)]
    await slow.send_to(text_data=frame("slow@example.org"))
    for number in range(10):
        for position, other in enumerate(others):
            name = f"{number}.{position}@example.org"
            assert (await ask(other, frame(name)))["data"] == name
    assert await slow.receive_nothing(0.01)
    release.set()
    assert json.loads(await slow.receive_from(30))["data"] == "slow@example.org"
    for one in (slow, *others):
        await one.disconnect()


def frame(email):
    return json.dumps({"event": "request_login_token", "data": REQUEST | {"email": email}})


class StandIn:
    """A socket of the Socket.IO ground."""

    address = IP

    def __init__(self):
        self.state, self.said, self.closed = {}, [], False

    def answer(self, data):
        self.said.append(data)

    def close(self):
        self.closed = True


async def test_the_socket_io_door_answers_its_two_events_and_ignores_others(echo):
    one, code_door = StandIn(), sockets.CodeDoor()
    await code_door.connect(one)
    await code_door.event(one, "request_login_token", REQUEST)
    await code_door.event(one, "confirm_token", {"otp": FAKE})
    await code_door.event(one, "other", {})
    assert one.said == [f"token of {door.ADDRESS}", {"code": "1101", "message": IP}]
    await code_door.disconnect(one)
    assert "timer" not in one.state


async def test_the_socket_io_door_closes_after_its_last_answer(monkeypatch, echo):
    monkeypatch.setattr(answers, "LAST_SECONDS", 0.01)
    one, code_door = StandIn(), sockets.CodeDoor()
    await code_door.connect(one)
    await code_door.event(one, "confirm_token", {})
    for _ in range(500):
        if one.closed:
            break
        await asyncio.sleep(0.01)
    assert one.closed
    await code_door.disconnect(one)


@pytest.mark.parametrize("key", ["username", "deviceId", "token"])
def test_a_socket_that_names_a_laverna_user_is_not_of_this_door(key):
    class Handshake:
        def names(self, *keys):
            return key in keys

    assert not sockets.CodeDoor().takes(Handshake())


def test_the_rate_is_the_one_of_the_page():
    assert (consumers._RATE.per_second, consumers._RATE.burst) == (20, 40)


@pytest.mark.django_db
def test_a_failure_of_ours_is_an_answer_too(monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("secret text")

    monkeypatch.setattr(services, "confirm", broken)
    answer = door.ask("confirm_token", {})
    assert set(answer) == {"code", "message", "retry_after_ms"}
    assert "secret" not in answer["message"]

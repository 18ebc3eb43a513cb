"""Polling as it is on the wire: handshake, errors, CORS, bounds."""

import asyncio
import json

import pytest

from challenges.socketio.framing import units

ORIGIN = (b"origin", b"https://app.example:8443")


async def test_the_open_packet_is_the_answer_to_the_first_poll(site):
    answer = await site.ask("GET", "EIO=4&transport=polling")
    facts = json.loads(answer.body[1:])
    assert answer.body.startswith(b"0{")
    assert facts["upgrades"] == ["websocket"]
    assert (facts["pingInterval"], facts["pingTimeout"], facts["maxPayload"]) == (25000, 20000, 1_000_000)
    assert facts["sid"] in site.engine.sockets
    assert answer.headers[b"content-type"] == b"text/plain; charset=UTF-8"
    assert answer.headers[b"cache-control"] == b"no-store"
    assert b"set-cookie" not in answer.headers


@pytest.mark.parametrize("version", ["EIO=3&", ""])
async def test_a_client_of_version_3_is_connected_without_asking(site, version):
    answer = await site.ask("GET", f"{version}transport=polling&b64=1")
    length, _, packet = answer.body.partition(b":")
    assert int(length) == len(packet)
    sid = json.loads(packet[1:])["sid"]
    assert await site.poll(sid, 3) == "2:40"


async def test_events_are_answered_both_ways_and_in_order(site):
    sid = await site.open(4)
    await site.post(sid, '420["echo","a👋"]\x1e42["echo",2]'.encode())
    assert await site.poll(sid) == '430["a👋"]\x1e42["echo","a👋"]\x1e42["echo",2]'
    sid = await site.open(3)
    body = '420["echo","a👋"]'
    await site.post(sid, f"{units(body)}:{body}".encode(), 3)
    assert await site.poll(sid, 3) == '10:430["a👋"]16:42["echo","a👋"]'


async def test_a_ping_of_version_3_is_answered(site):
    sid = await site.open(3)
    assert (await site.post(sid, b"1:2", 3)).body == b"ok"
    assert await site.poll(sid, 3) == "1:3"


async def test_binary_comes_in_either_form(site):
    sid = await site.open(3)
    head = b'451-["x",{"_placeholder":true,"num":0}]'
    octets = b"\x00" + bytes(map(int, str(len(head)))) + b"\xff" + head + b"\x01\x04\xff\x04abc"
    await site.post(sid, octets, 3, headers=[(b"content-type", b"application/octet-stream")])
    await site.post(sid, b"%d:%s" % (len(head), head) + b"6:b4YWJj", 3)
    await site.until(lambda: len(site.door.seen) == 2)
    assert site.door.seen == [("x", b"abc"), ("x", b"abc")]


@pytest.mark.parametrize("query", ["EIO=2&transport=polling", "EIO=5&transport=polling", "EIO=x&transport=polling"])
async def test_other_versions_are_refused(site, query):
    answer = await site.ask("GET", query)
    assert (answer.status, json.loads(answer.body)["code"]) == (400, 5)


@pytest.mark.parametrize(
    ("method", "query", "status", "code"),
    [
        ("GET", "EIO=3&transport=polling&j=0", 400, 3),
        ("GET", "EIO=4&transport=websocket", 400, 3),
        ("GET", "EIO=4&transport=tcp", 400, 0),
        ("GET", "EIO=4&transport=polling&sid=nobody", 400, 1),
        ("POST", "EIO=4&transport=polling&sid=nobody", 400, 1),
        ("POST", "EIO=4&transport=polling", 400, 2),
        ("PUT", "EIO=4&transport=polling", 405, 2),
        ("GET", "EIO=4&transport=polling&x=%ff", 400, 3),
        ("GET", "&".join(["a=b"] * 60), 400, 3),
    ],
)
async def test_errors_have_the_engines_form_and_echo_the_origin(site, method, query, status, code):
    answer = await site.ask(method, query, headers=[ORIGIN])
    assert (answer.status, json.loads(answer.body)["code"]) == (status, code)
    assert answer.headers[b"access-control-allow-origin"] == ORIGIN[1]
    assert answer.headers[b"access-control-allow-credentials"] == b"true"


async def test_jsonp_is_refused_for_an_open_connection_too(site):
    sid = await site.open(3)
    assert (await site.ask("GET", f"EIO=3&transport=polling&j=1&sid={sid}")).status == 400
    body = b"d=1%3A2"
    form = [(b"content-type", b"application/x-www-form-urlencoded")]
    assert (await site.post(sid, body, 3, headers=form)).status == 400


async def test_preflight_and_answers_allow_any_origin_with_credentials(site):
    asked = [ORIGIN, (b"access-control-request-headers", b"x-custom")]
    answer = await site.ask("OPTIONS", "EIO=3&transport=polling", headers=asked)
    assert answer.status == 204
    assert answer.headers[b"access-control-allow-headers"] == b"x-custom"
    assert b"POST" in answer.headers[b"access-control-allow-methods"]
    for each in (answer, await site.ask("GET", "EIO=4&transport=polling", headers=[ORIGIN])):
        assert each.headers[b"access-control-allow-origin"] == ORIGIN[1]
        assert each.headers[b"access-control-allow-credentials"] == b"true"
        assert each.headers[b"vary"] == b"Origin"


@pytest.mark.parametrize("body", [b"", b"8", b"4", b"47", b"\xff", b"2", b"2probe", b"4" * 1_000_001, b"5x"])
async def test_a_bad_body_ends_the_connection_and_nothing_else(site, body):
    sid, other = await site.open(4), await site.open(4)
    answer = await site.post(sid, body, headers=[] if body else [(b"content-length", b"0")])
    await site.until(lambda: site.session(sid).closed or answer.status in (400, 413))
    assert answer.status in (200, 400, 413)
    await site.post(other, b'42["echo",1]')
    assert await site.poll(other) == '42["echo",1]'


async def test_a_connection_that_was_ended_says_so_in_its_last_polls(site):
    sid = await site.open(4)
    site.door.sockets[0].emit("last", 1)
    site.door.sockets[0].close(4403)
    assert await site.poll(sid) == '42["last",1]\x1e41'
    assert (await site.post(sid, b"1")).status == 200
    assert await site.poll(sid) == "1"
    assert (await site.ask("GET", f"EIO=4&transport=polling&sid={sid}")).status == 400


async def test_a_held_poll_ends_when_the_process_goes_down(site):
    sid = await site.open(3)
    held = asyncio.create_task(site.poll(sid, 3))
    site.engine.going_down = lambda: True
    assert await held == "1:1"
    assert (await site.ask("GET", "EIO=4&transport=polling")).status == 503


async def test_an_address_holds_so_many_connections_and_no_more(site, settings):
    settings.RATE_LIMIT_SCALE = 0.02
    first = await site.open(4, connect=False)
    await site.open(4, connect=False)
    answer = await site.ask("GET", "EIO=4&transport=polling", headers=[ORIGIN])
    assert (answer.status, answer.headers[b"retry-after"]) == (429, b"5")
    assert answer.headers[b"access-control-allow-origin"] == ORIGIN[1]
    assert (await site.ask("GET", "EIO=4&transport=polling", address="192.0.2.2")).status == 200
    site.session(first).lost()
    assert (await site.ask("GET", "EIO=4&transport=polling")).status == 200

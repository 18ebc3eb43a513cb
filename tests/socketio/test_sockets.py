"""What a door sees, and what it is spared: order, bounds, silence, ends."""

import asyncio
import logging

import pytest

from accounts.errors import Reason, Refusal
from challenges.socketio import MALFORMED, Rate
from challenges.socketio.session import CONNECT_SECONDS, PING_INTERVAL, PING_TIMEOUT

SILENT = PING_INTERVAL + PING_TIMEOUT


async def test_a_websocket_opens_at_once_in_either_version(site):
    for version in (3, 4):
        web = await site.web_connected(version)
        web.say('42["echo",{"a":1}]')
        assert await web.hear() == '42["echo",{"a":1}]'


async def test_an_upgrade_frees_the_poll_and_keeps_what_waits(site):
    sid = await site.open(4)
    held = asyncio.create_task(site.poll(sid))
    await asyncio.sleep(0)
    web = site.web(f"EIO=4&transport=websocket&sid={sid}")
    assert (await web.hear())["type"] == "websocket.accept"
    web.say("2probe")
    assert await web.hear() == "3probe"
    assert await held == "6"
    assert await site.poll(sid) == "6"
    site.door.sockets[0].emit("between", 1)
    web.say("5")
    assert await web.hear() == '42["between",1]'
    assert (await site.ask("GET", f"EIO=4&transport=polling&sid={sid}")).status == 400


async def test_what_ends_during_its_upgrade_says_its_last_words_on_the_websocket(site):
    sid = await site.open(4)
    web = site.web(f"EIO=4&transport=websocket&sid={sid}")
    await web.hear()
    web.say("2probe")
    assert await web.hear() == "3probe"
    site.door.sockets[0].close(4403)
    web.say("5")
    assert await web.hear() == "41"
    assert await web.close_code() == 4403


@pytest.mark.parametrize("say", ["2", "5", '42["echo",1]', b"2probe"])
async def test_an_upgrade_without_its_probe_leaves_the_polling_connection_alone(site, say):
    sid = await site.open(4)
    web = site.web(f"EIO=4&transport=websocket&sid={sid}")
    await web.hear()
    web.say(say)
    assert await web.close_code() == 1002
    await site.post(sid, b'42["echo",1]')
    assert await site.poll(sid) == '42["echo",1]'


@pytest.mark.parametrize(
    "query", ["EIO=5&transport=websocket", "EIO=4&transport=websocket&sid=x", "EIO=3&transport=polling"]
)
async def test_a_websocket_that_leads_nowhere_is_not_accepted(site, query):
    assert (await site.web(query).hear())["type"] == "websocket.close"


@pytest.mark.parametrize("version", [3, 4])
@pytest.mark.parametrize(
    "frame", ["", "x", "0{}", "7", "9", "4", "48", '44{"message":"x"}', "5x", "2x", '45["a"]', '4511-["a"]', b"orphan"]
)
async def test_a_bad_frame_closes_with_1002_and_logs_nothing(site, version, frame, caplog):
    web = await site.web_connected(version)
    web.say(frame)
    assert await web.close_code() == 1002
    assert caplog.records == []


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('["echo",NaN]', "echo"),
        ('["echo","\\ud800"]', "echo"),
        ('["echo"' + ",[" * 40, "echo"),
        ('["echo",{"a":1,"a":2}]', "echo"),
    ],
)
async def test_an_event_of_bad_json_reaches_its_door_as_malformed(site, text, name):
    web = await site.web_connected()
    web.say(f"42{text}")
    web.say('42["next"]')
    await site.until(lambda: len(site.door.seen) == 2)
    assert site.door.seen[0] == (name, MALFORMED)


@pytest.mark.parametrize("text", ["", "{}", "[]", "[1]", '"a"', '["connect",1]', "[NaN]", '["disconnect"]', "[null]"])
async def test_an_event_without_a_name_of_its_own_is_ignored(site, text):
    web = await site.web_connected()
    web.say(f"42{text}")
    web.say('42["next"]')
    await site.until(lambda: site.door.seen)
    assert site.door.seen == [("next", None)]


async def test_an_event_before_the_connect_packet_is_ignored(site):
    web = site.web()
    web.say('42["early",1]')
    web.say("40")
    web.say('42["echo",1]')
    await site.until(lambda: site.door.seen)
    assert site.door.seen == [("echo", 1)]


async def test_one_slow_event_delays_its_own_socket_alone(site):
    slow, fast = await site.web_connected(), await site.web_connected()
    slow.say('42["wait",1]')
    slow.say('42["echo",2]')
    fast.say('42["echo",3]')
    assert await fast.hear() == '42["echo",3]'
    assert site.door.seen == [("echo", 3)]
    site.door.gate.set()
    assert await slow.hear() == '42["echo",2]'
    assert site.door.seen[1:] == [("wait", 1), ("echo", 2)]


async def test_events_beyond_the_rate_are_dropped_and_told(site):
    site.door.rate = Rate(per_second=0.001, burst=4)  # connecting is the first
    web = await site.web_connected()
    for number in range(5):
        web.say(f'42["echo",{number}]')
    heard = [await web.hear() for _ in range(5)]
    assert heard.count('42["error",{"message":"Too many messages"}]') == 2
    assert [data for _, data in site.door.seen] == [0, 1, 2]
    for number in range(300):
        web.say(f'42["echo",{number}]')
    assert await web.close_code() in (1008, 4408)


async def test_leaving_and_coming_back_gives_no_new_allowance(site):
    site.door.rate = Rate(per_second=0.001, burst=6)
    web = await site.web_connected()
    for number in range(20):
        web.say("41")
        web.say("40")
        web.say(f'42["echo",{number}]')
    web.say("1")
    await web.close_code()
    assert len(site.door.seen) < 6


@pytest.mark.parametrize("packet", ["3", "6"])
async def test_a_flood_of_packets_without_events_closes_with_1008(site, packet):
    web = await site.web_connected()
    for _ in range(200):
        web.say(packet)
    assert await web.close_code() == 1008


async def test_an_event_too_large_closes_with_1009(site):
    web = await site.web_connected()
    web.say(f'42["echo","{"é" * 8190}"]')
    assert await web.close_code() == 1009


async def test_attachments_count_with_their_event(site):
    web = await site.web_connected()
    web.say('452-["x",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]')
    web.say(b"a" * 10_000)
    web.say(b"a" * 10_000)
    assert await web.close_code() == 1009
    assert site.door.seen == []


async def test_text_where_an_attachment_is_due_closes_with_1002(site):
    web = await site.web_connected()
    web.say('451-["x",{"_placeholder":true,"num":0}]')
    web.say('42["echo",1]')
    assert await web.close_code() == 1002


async def test_a_placeholder_of_nothing_is_malformed(site):
    web = await site.web_connected()
    web.say('451-["x",{"_placeholder":true,"num":7}]')
    web.say(b"a")
    await site.until(lambda: site.door.seen)
    assert site.door.seen == [("x", MALFORMED)]


async def test_one_who_never_reads_loses_the_connection_and_nobody_waits(site):
    web = await site.web_connected()
    web.reads.clear()
    socket = site.door.sockets[0]
    for number in range(300):
        socket.emit("tick", number)
        await asyncio.sleep(0)
    assert socket.closed
    web.reads.set()
    await asyncio.wait_for(web.task, 20)
    assert site.engine.sockets == {}


async def test_a_poller_who_never_polls_loses_the_connection_too(site):
    sid = await site.open(4)
    for _ in range(9):
        site.door.sockets[0].emit("big", "x" * 130_000)
    assert site.session(sid).closed
    assert await site.poll(sid) == "1"


@pytest.mark.parametrize("version", [3, 4])
async def test_a_silent_client_is_given_up(site, version):
    web = await site.web_connected(version)
    session = site.session()
    session.heard -= SILENT + 1
    session._look()
    assert await web.close_code() == 1000
    await site.until(lambda: site.door.gone == 1)


async def test_only_version_4_is_pinged(site):
    for version in (3, 4):
        web = await site.web_connected(version)
        session = list(site.engine.sockets.values())[-1]
        session._pinged -= PING_INTERVAL + 1
        session._look()
        site.door.sockets[-1].emit("after", 1)
        assert await web.hear() == ("2" if version == 4 else '42["after",1]')


async def test_a_connection_in_no_namespace_is_closed(site):
    web = site.web()
    await web.hear()
    await web.hear()
    site.session()._opened -= CONNECT_SECONDS + 1
    site.session()._look()
    assert await web.close_code() == 1000


async def test_an_idle_socket_is_closed_and_a_working_one_is_not(site):
    site.door.idle_seconds = 120
    web = await site.web_connected()
    session = site.session()
    web.say('42["wait",1]')
    await site.until(lambda: session.worker)
    session.active -= 121
    session._look()
    assert not session.closed
    site.door.gate.set()
    await site.until(lambda: session.worker is None)
    session.active -= 121
    session._look()
    assert await web.hear() == "41"
    assert await web.close_code() == 1000


async def test_clients_are_told_to_stay_away_only_when_they_shall(site):
    for code, first in [(1001, None), (1012, None), (4403, "41")]:
        web = await site.web_connected()
        site.door.sockets[-1].close(code)
        if first:
            assert await web.hear() == first
        assert await web.close_code() == code


async def test_a_door_that_fails_ends_one_connection_and_says_no_secret(site, caplog):
    caplog.set_level(logging.DEBUG)
    web, other = await site.web_connected(), await site.web_connected()
    web.say('42["fail","a secret"]')
    assert await web.close_code() == 1011
    assert [record.getMessage() for record in caplog.records if record.name.startswith("latchkey")] == [
        "a door failed: TypeError"
    ]
    other.say('42["echo",1]')
    assert await other.hear() == '42["echo",1]'


@pytest.mark.parametrize("error", [TypeError("a secret"), Refusal(Reason.OVERLOADED, retry_after=1)])
async def test_a_door_that_fails_to_admit_or_to_say_goodbye_leaves_nothing_behind(site, caplog, error):
    caplog.set_level(logging.DEBUG)

    async def fail(socket):
        raise error

    web = await site.web_connected()
    site.door.disconnect = fail
    web.inbox.put_nowait({"type": "websocket.disconnect", "code": 1001})
    site.door.connect = fail
    other = site.web()
    other.say("40")
    await other.hear()
    await other.hear()
    assert await other.hear() == '44{"message":"Not available"}'
    other.inbox.put_nowait({"type": "websocket.disconnect", "code": 1001})
    await site.until(lambda: (site.server.environ, site.server.manager.rooms, site.engine.sockets) == ({}, {}, {}))
    assert "a secret" not in caplog.text
    site.door.gone = 1


async def test_a_client_that_leaves_while_it_is_admitted_leaves_nothing_behind(site):
    admitted = asyncio.Event()
    connect = site.door.connect

    async def slow(socket):
        await admitted.wait()
        await connect(socket)

    site.door.connect = slow
    web = site.web()
    web.say("40")
    await site.until(lambda: site.engine.sockets and site.session().worker)
    web.inbox.put_nowait({"type": "websocket.disconnect", "code": 1001})
    await asyncio.wait_for(web.task, 20)
    admitted.set()
    await site.until(lambda: site.door.gone == 1)
    assert (site.server.environ, site.server.manager.rooms, site.engine.sockets) == ({}, {}, {})


async def test_leaving_costs_the_same_however_many_clients_there_are(site):
    class OfAnother(dict):
        def __contains__(self, sid):
            raise AssertionError("looked for in another's room")

    leaving, _ = await site.web_connected(), await site.web_connected()
    rooms = site.server.manager.rooms["/"]
    rooms["another"] = OfAnother()
    leaving.say("1")
    await site.until(lambda: (site.door.gone, len(rooms), len(rooms[None])) == (1, 3, 1))
    del rooms["another"]


async def test_a_second_connect_packet_changes_nothing_and_leaving_the_namespace_ends_the_socket(site):
    web = await site.web_connected()
    web.say("40")
    web.say('42["echo",1]')
    assert await web.hear() == '42["echo",1]'
    web.say("41")
    await site.until(lambda: site.door.gone == 1)
    web.say("40")
    assert (await web.hear()).startswith("40")
    assert len(site.door.sockets) == 2


async def test_a_door_has_room_for_so_many_of_an_address(site):
    site.door.sockets_per_address = 1
    web = await site.web_connected()
    other = site.web()
    other.say("40")
    while not (heard := await other.hear()) or not str(heard).startswith("44"):
        pass
    assert heard == '44{"message":"Too many connections"}'
    web.say("41")
    await site.until(lambda: site.door.gone == 1)
    other.say("40")
    assert (await other.hear()).startswith("40")


async def test_nobody_s_client_is_refused(site):
    web = site.web("EIO=3&transport=websocket&nobody=1")
    await web.hear()
    await web.hear()
    assert await web.hear() == '44"Not available"'

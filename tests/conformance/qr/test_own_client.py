"""Whole logins in both forms with an own client, which is as strict as matrix-rust-sdk (qr-login.md §2, §3, §5, §6).

For the current form there is no other client yet: the channel is HPKE, each message bound to the sequence token.
"""

import asyncio
import time
from itertools import groupby
from urllib.parse import quote

import pytest
from cryptography.exceptions import InvalidTag

from tests.conformance.oauth.person import Operator
from tests.conformance.qr import slots
from tests.conformance.qr.devices import SECRETS, Ended, Talk
from tests.conformance.qr.logins import Pair, pair_at, reasons
from tests.conformance.qr.qr_code import EXISTING, NEW
from tests.conformance.qr.site import Site
from tests.conformance.qr.slots import Gone, SlotCurrent
from tests.live.matrix import API, ask

forms = pytest.mark.parametrize("form", ["2024", "current"])
sides = pytest.mark.parametrize("shown_by", [EXISTING, NEW])
WHOLE = [
    ("current", EXISTING),
    ("2024", NEW),
    ("current", NEW),
    ("2024", EXISTING),
    ("stable", EXISTING),
    ("stable", NEW),
]
AT_ONCE = 2  # of them are run every time


def path_of(device_id: str) -> str:
    return f"{API}/devices/{quote(device_id, safe='')}"


def look_ups(pair: Pair) -> list[int]:
    """What the existing device was told of the new one; the same answer again is not told twice."""
    return [status for status, _ in groupby(pair.existing.line.statuses("GET", f"{API}/devices/"))]


@pytest.mark.parametrize(
    ("form", "shown_by"),
    [pytest.param(*case, marks=[pytest.mark.thorough] * (number >= AT_ONCE)) for number, case in enumerate(WHOLE)],
)
async def test_a_whole_login(site: Site, form: str, shown_by: str) -> None:
    pair = pair_at(site, form, shown_by)
    done = await pair.run()
    assert done.secrets == {"type": "m.login.secrets", **SECRETS}
    assert done.user_id == f"@{pair.person.name}:example.org"
    assert look_ups(pair) == [404, 200]
    [path] = {one.path for one in pair.existing.line.seen if "/devices/" in one.path}
    assert path == path_of(pair.new.device_id)
    assert "%2F" in path
    assert "%2B" in path
    with pytest.raises(Gone):
        await done.talk.slot.read()
    row = ask(site.port, "GET", path, token=pair.existing.token).json
    seen = row.pop("last_seen_ts")
    assert abs(seen / 1000 - time.time()) < 600
    assert row == {
        "device_id": pair.new.device_id,
        "user_id": done.user_id,
        "display_name": "Own client on Firefox/Linux",
        "last_seen_ip": "127.0.0.1",
    }


@pytest.mark.thorough
@pytest.mark.parametrize(
    "device_id", ["slash/slash", "slash//slash/", "plus+plus+plus", "..........", "a=b&c;d!e'f(*)$@:,~-_", "x" * 512]
)
async def test_every_device_id_of_a_scope_is_found_by_itself_alone(site: Site, device_id: str) -> None:
    """Decoded once: the path of `slash%2Fslash` is another device's, and a plus is no blank."""
    pair = pair_at(site, "2024", EXISTING)
    pair.new.device_id = device_id
    done = await pair.run()
    assert done.device_id == device_id
    for other in (quote(device_id, safe=""), device_id.replace("+", " "), device_id.rstrip("/"), f"{device_id}/"):
        status = ask(site.port, "GET", path_of(other), token=pair.existing.token).status
        assert status == (200 if other == device_id else 404), other
    listed = ask(site.port, "GET", f"{API}/devices", token=pair.existing.token).json["devices"]
    assert device_id in {device["device_id"] for device in listed}


@pytest.mark.thorough
async def test_only_the_owner_may_look(site: Site) -> None:
    pair, stranger = pair_at(site, "current", NEW), pair_at(site, "current", NEW)
    done = await pair.run()
    path = path_of(done.device_id)
    assert ask(site.port, "GET", path, token=done.tokens["access_token"]).status == 200
    found = [ask(site.port, "GET", path, token=token) for token in ("", "nonsense", stranger.existing.token)]
    assert [(one.status, one.json["errcode"]) for one in found] == [
        (401, "M_MISSING_TOKEN"),
        (401, "M_UNKNOWN_TOKEN"),
        (404, "M_NOT_FOUND"),
    ]
    stranger.close()


@pytest.mark.thorough
@forms
async def test_the_person_denies(site: Site, form: str) -> None:
    pair = pair_at(site, form, EXISTING, decision="deny")
    assert await reasons(pair) == ["declined", "declined"]
    assert look_ups(pair) == [404]
    nowhere = await pair.existing.look_for(pair.new.device_id)
    assert (nowhere.status, nowhere.json["errcode"]) == (404, "M_NOT_FOUND")


@pytest.mark.thorough
@forms
async def test_nobody_decides_in_time(site: Site, form: str) -> None:
    pair = pair_at(site, form, NEW)

    async def too_late(_: str) -> None:
        await pair.new.shown
        Operator(site.installation).expire(pair.new.device_code)
        pair.new.may_ask.set()

    pair.existing.consent = too_late
    assert await reasons(pair) == ["authorization_expired"] * 2


@pytest.mark.thorough
@forms
async def test_the_device_is_there_already(site: Site, form: str) -> None:
    pair = pair_at(site, form, EXISTING)
    mine = ask(site.port, "GET", f"{API}/account/whoami", token=pair.existing.token).json["device_id"]
    pair.new.device_id = mine
    assert await reasons(pair) == ["device_already_exists"] * 2
    assert look_ups(pair) == [200]


@pytest.mark.thorough
@forms
async def test_the_device_comes_to_be_while_the_page_is_open(site: Site, form: str) -> None:
    """The other session's keys would be lost: the person is told, and the new device is refused."""
    pair = pair_at(site, form, NEW)

    async def overtaken(link: str) -> None:
        proof = {"type": "m.login.password", "identifier": {"type": "m.id.user", "user": pair.person.name}}
        body = {**proof, "password": "correct horse battery", "device_id": pair.new.device_id}
        assert ask(site.port, "POST", f"{API}/login", data=body).status == 200
        await pair.consent(link)

    pair.existing.consent = overtaken
    assert await reasons(pair) == ["declined", "declined"]


@pytest.mark.thorough
@forms
@sides
async def test_either_side_takes_the_session_away(site: Site, form: str, shown_by: str) -> None:
    pair = pair_at(site, form, shown_by)

    async def gives_up(_: str) -> None:
        await pair.new.shown
        assert pair.new.talk
        leaving = pair.new.talk.slot
        assert await leaving.close() in {200, 204}
        assert await leaving.close() == 404

    pair.existing.consent = gives_up
    running = asyncio.ensure_future(pair.new.run(pair.meeting))
    with pytest.raises(Ended) as ended:
        await pair.existing.run(pair.meeting)
    assert ended.value.reason == "gone"
    running.cancel()
    pair.close()


@pytest.mark.thorough
@forms
async def test_the_existing_device_cannot_open_the_page(site: Site, form: str) -> None:
    pair = pair_at(site, form, EXISTING)
    pair.existing.opens_links = False
    reason = "unable_to_open_verification_uri"
    assert await reasons(pair) == [reason, reason]


async def talking(site: Site) -> tuple[Talk, Talk, Pair]:
    """Both ends of a channel of the current form, before the first message of the login."""
    pair = pair_at(site, "current", EXISTING)
    shown, (scanned, _) = await asyncio.gather(
        pair.meeting.show(pair.existing.line, token=pair.existing.token), pair.meeting.scan(pair.new.line)
    )
    return shown, scanned, pair


@pytest.mark.thorough
async def test_a_message_is_bound_to_the_token_that_was_held(site: Site) -> None:
    shown, scanned, pair = await talking(site)
    assert isinstance(shown.slot, SlotCurrent)
    assert isinstance(scanned.slot, SlotCurrent)
    held = shown.slot.token
    assert {(await scanned.slot.read(), scanned.slot.token) for _ in range(5)} == {(None, held)}, "no write, no change"
    await scanned.say("success")
    bound = shown.slot.aad
    message, told = await slots.receive(shown.slot)
    assert told == bound
    assert shown.slot.token == scanned.slot.token != held
    with pytest.raises(InvalidTag):
        shown.channel.open(message, shown.slot.aad)
    pair.close()


@pytest.mark.thorough
async def test_a_lost_answer_is_made_up_for(site: Site) -> None:
    """The same write again, with the token it was made with: nothing changes, and the other side can read it."""
    shown, scanned, pair = await talking(site)
    assert isinstance(scanned.slot, SlotCurrent)
    before, bound = scanned.slot.token, scanned.slot.aad
    message = scanned.channel.seal(b'{"type": "m.login.success"}', bound)
    first = await scanned.slot.put(message, before)
    again = [await scanned.slot.put(message, before) for _ in range(2)]
    assert {(one.status, one.json["sequence_token"]) for one in [first, *again]} == {
        (200, first.json["sequence_token"])
    }
    assert (await shown.hear("success"))["type"] == "m.login.success"
    scanned.slot.token = first.json["sequence_token"]
    await shown.say("secrets", **SECRETS)
    assert await scanned.hear("secrets") == {"type": "m.login.secrets", **SECRETS}
    pair.close()


@pytest.mark.thorough
async def test_two_speak_at_once_and_one_has_to_listen(site: Site) -> None:
    shown, scanned, pair = await talking(site)
    await scanned.say("success")
    with pytest.raises(slots.Conflict):
        await shown.say("success")
    pair.close()


@pytest.mark.thorough
async def test_an_approved_device_is_nowhere_before_it_takes_its_tokens(site: Site) -> None:
    pair = pair_at(site, "2024", EXISTING)
    found = []

    async def watched(link: str) -> None:
        await pair.visit(link)
        found.append((await pair.existing.look_for(pair.new.device_id)).status)
        pair.new.may_ask.set()

    pair.existing.consent = watched
    await pair.run()
    assert found == [404]

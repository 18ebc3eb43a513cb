"""matrix-nio against the pair: log in through us, talk through Synapse, log out."""

import nio  # type: ignore[import-untyped]  # it ships no types

from tests.conformance.synapse.asking import PASSWORD, is_signed_in, new_person, until
from tests.conformance.synapse.conftest import Pair


async def test_a_bot_logs_in_talks_and_logs_out(pair: Pair) -> None:
    name = new_person(pair)
    config = nio.AsyncClientConfig(max_limit_exceeded=3, max_timeouts=1, encryption_enabled=False)
    client = nio.AsyncClient(pair.matrix.url, name, config=config)
    try:
        answer = await client.login(PASSWORD, device_name="bot")
        assert isinstance(answer, nio.LoginResponse), answer
        token = client.access_token
        room = await client.room_create(name="a room")
        assert isinstance(room, nio.RoomCreateResponse), room
        content = {"msgtype": "m.text", "body": "hello"}
        sent = await client.room_send(room.room_id, "m.room.message", content)
        assert isinstance(sent, nio.RoomSendResponse), sent
        seen = await client.sync(timeout=0, full_state=True)
        assert isinstance(seen, nio.SyncResponse), seen
        said = [getattr(event, "body", "") for event in seen.rooms.join[room.room_id].timeline.events]
        assert "hello" in said
        listed = await client.devices()
        assert [device.display_name for device in listed.devices] == ["bot"]
        assert isinstance(await client.logout(), nio.LogoutResponse)
    finally:
        await client.close()
    until(lambda: not is_signed_in(pair, token), "the token is dead")

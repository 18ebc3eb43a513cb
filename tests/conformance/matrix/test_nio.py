"""The Matrix door against matrix-nio, which bots and Pantalaimon are made with."""

import secrets
from collections.abc import AsyncIterator
from typing import Any

import nio  # type: ignore[import-untyped]  # it ships no types
import pytest
from nio.responses import (  # type: ignore[import-untyped]  # see above
    RegisterErrorResponse,
    RegisterInteractiveResponse,
)

from tests.conformance.matrix.client import PASSWORD, Matrix, new_name
from tests.live import Installation


class Clients:
    """Makes clients and closes them."""

    def __init__(self) -> None:
        self._open: list[nio.AsyncClient] = []

    def of(self, installation: Installation, name: str, **more: Any) -> nio.AsyncClient:
        """A client that gives up where it would otherwise wait for ever."""
        config = nio.AsyncClientConfig(max_limit_exceeded=3, max_timeouts=1, encryption_enabled=False)
        client = nio.AsyncClient(installation.server.base_url, name, config=config, **more)
        self._open.append(client)
        return client

    async def registered(self, installation: Installation) -> nio.AsyncClient:
        client = self.of(installation, name := new_name())
        answer = await client.register(name, PASSWORD, device_name="bot")
        assert isinstance(answer, nio.RegisterResponse), answer
        return client

    async def close(self) -> None:
        for client in self._open:
            await client.close()


@pytest.fixture
async def clients() -> AsyncIterator[Clients]:
    made = Clients()
    yield made
    await made.close()


async def test_bot_registers_in_one_request(clients: Clients, open_installation: Installation) -> None:
    client = await clients.registered(open_installation)
    answer = await client.whoami()
    assert isinstance(answer, nio.WhoamiResponse), answer
    assert (answer.user_id, answer.device_id, answer.is_guest) == (client.user_id, client.device_id, False)


async def test_bot_registers_with_a_token(clients: Clients, token_installation: Installation) -> None:
    token, name = f"nio-{secrets.token_hex(4)}", new_name()
    token_installation.manage("registration_tokens", "issue", "--uses", "1", "--token", token)
    client = clients.of(token_installation, name)
    answer = await client.register_with_token(name, PASSWORD, token, device_name="bot")
    assert isinstance(answer, nio.RegisterResponse), answer
    assert isinstance(await client.whoami(), nio.WhoamiResponse)
    late = clients.of(token_installation, other := new_name())
    refused = await late.register_with_token(other, PASSWORD, token)
    assert isinstance(refused, RegisterErrorResponse), refused


async def test_challenge_of_a_registration_is_understood(clients: Clients, token_installation: Installation) -> None:
    client = clients.of(token_installation, name := new_name())
    answer = await client.register_interactive(name, PASSWORD, {"initial_device_display_name": "bot"})
    assert isinstance(answer, RegisterInteractiveResponse), answer
    assert answer.stages == ["m.login.registration_token", "m.login.dummy"]
    assert answer.session


async def test_bot_logs_in_anew_on_its_device(clients: Clients, open_installation: Installation) -> None:
    first = await clients.registered(open_installation)
    second = clients.of(open_installation, first.user, device_id=first.device_id)
    answer = await second.login(PASSWORD, device_name="ignored")
    assert isinstance(answer, nio.LoginResponse), answer
    assert answer.device_id == first.device_id
    gone = await first.whoami()
    assert isinstance(gone, nio.WhoamiError)
    assert (gone.status_code, bool(gone.soft_logout)) == ("M_UNKNOWN_TOKEN", False)


async def test_login_by_full_id_and_by_token(clients: Clients, open_installation: Installation) -> None:
    first = await clients.registered(open_installation)
    by_id = clients.of(open_installation, first.user_id)
    assert isinstance(await by_id.login(PASSWORD), nio.LoginResponse)
    asking = Matrix(open_installation.server.port).log_in(first.user_id)
    by_token = clients.of(open_installation, "")
    answer = await by_token.login(token=Matrix(open_installation.server.port).login_token(asking))
    assert isinstance(answer, nio.LoginResponse), answer
    assert answer.user_id == first.user_id


async def test_what_is_offered_is_understood(clients: Clients, open_installation: Installation) -> None:
    client = clients.of(open_installation, new_name())
    answer = await client.login_info()
    assert isinstance(answer, nio.LoginInfoResponse), answer
    assert {"m.login.password", "m.login.token"} <= set(answer.flows)
    refused = await client.login("wrong horse")
    assert isinstance(refused, nio.LoginError)
    assert refused.status_code == "M_FORBIDDEN"


async def test_server_is_found_by_its_name(clients: Clients, token_installation: Installation) -> None:
    answer = await clients.of(token_installation, "anybody").discovery_info()
    assert isinstance(answer, nio.DiscoveryInfoResponse), answer
    assert answer.homeserver_url == "https://id.example.org"


async def test_devices_are_listed_renamed_and_deleted(clients: Clients, open_installation: Installation) -> None:
    client = await clients.registered(open_installation)
    other = clients.of(open_installation, client.user)
    await other.login(PASSWORD)
    listed = await client.devices()
    assert isinstance(listed, nio.DevicesResponse), listed
    assert {device.id for device in listed.devices} == {client.device_id, other.device_id}
    renamed = await client.update_device(other.device_id, {"display_name": "old bot"})
    assert isinstance(renamed, nio.UpdateDeviceResponse), renamed
    challenge = await client.delete_devices([other.device_id])
    assert isinstance(challenge, nio.DeleteDevicesAuthResponse), challenge
    legacy = {"type": "m.login.password", "session": challenge.session, "user": client.user_id, "password": PASSWORD}
    done = await client.delete_devices([other.device_id], legacy)
    assert isinstance(done, nio.DeleteDevicesResponse), done
    left = await client.devices()
    assert [(device.id, device.display_name) for device in left.devices] == [(client.device_id, "bot")]
    assert isinstance(await other.whoami(), nio.WhoamiError)


async def test_display_name_is_set_and_read(clients: Clients, open_installation: Installation) -> None:
    client = await clients.registered(open_installation)
    answer = await client.set_displayname("Röbot")
    assert isinstance(answer, nio.ProfileSetDisplayNameResponse), answer
    shown = await client.get_displayname()
    assert isinstance(shown, nio.ProfileGetDisplayNameResponse), shown
    assert shown.displayname == "Röbot"
    whole = await client.get_profile(client.user_id)
    assert isinstance(whole, nio.ProfileGetResponse), whole


@pytest.mark.parametrize("everywhere", [False, True])
async def test_logout_ends_the_session(everywhere: bool, clients: Clients, open_installation: Installation) -> None:
    client = await clients.registered(open_installation)
    other = clients.of(open_installation, client.user)
    await other.login(PASSWORD)
    token = client.access_token
    answer = await client.logout(all_devices=everywhere)
    assert isinstance(answer, nio.LogoutResponse), answer
    client.access_token = token
    assert isinstance(await client.whoami(), nio.WhoamiError)
    assert isinstance(await other.whoami(), nio.WhoamiError if everywhere else nio.WhoamiResponse)


async def test_bot_waits_as_long_as_it_is_told(clients: Clients, narrow_installation: Installation) -> None:
    await clients.registered(narrow_installation)
    client = clients.of(narrow_installation, name := new_name())
    waits: list[int] = []

    async def note(answer: nio.ErrorResponse) -> None:
        waits.append(answer.retry_after_ms or 0)

    client.add_response_callback(note, nio.ErrorResponse)
    answer = await client.register(name, PASSWORD)
    assert isinstance(answer, nio.RegisterResponse), answer
    assert waits
    assert all(0 < wait <= 3000 for wait in waits)

"""The switch for links with codes, turned in one process, counts in all of them."""

import time
from functools import partial

import pytest

from tests.live import running
from tests.oauth.browser import programs


@pytest.mark.thorough
def test_a_switch_is_in_force_in_every_process_without_a_restart():
    with running(count=2) as installation:
        addresses = [server.base_url for server in installation.servers]
        program = programs.register(addresses[0])
        ask = partial(programs.ask_device, client_id=program, device_id="SWITCHLINK01")

        def eventually(expected):
            deadline = time.monotonic() + 60
            while any(("verification_uri_complete" in ask(address)) is not expected for address in addresses):
                assert time.monotonic() < deadline
                time.sleep(0.1)

        eventually(True)
        installation.manage("switches", "turn", "device-code-links", "off")
        eventually(False)
        installation.manage("switches", "give-back", "device-code-links")
        eventually(True)

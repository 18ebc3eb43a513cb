"""The own client as the other device of an app made with matrix-js-sdk. Both run at once, so its loop has a thread."""

import asyncio
import base64
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any

from tests.conformance.qr import qr_code
from tests.conformance.qr.asking import Owners, follow
from tests.conformance.qr.devices import Existing, Meeting, New
from tests.conformance.qr.line import Line
from tests.conformance.qr.logins import FAST
from tests.conformance.qr.qr_code import EXISTING, NEW
from tests.conformance.qr.site import SERVER_NAME, Site
from tests.live.matrix import log_in

_PATIENCE = 120.0  # seconds


class Strangers(Owners):
    """The verbs of a meeting; one at a time."""

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self._running: Future[Any] = Future()
        self._new: New | None = None
        self._told: asyncio.Future[str] | None = None

    def do_read(self, code: str) -> dict[str, Any]:
        """What stands in a code, and the same code made here."""
        found = qr_code.read(base64.b64decode(code))
        told = {name: getattr(found, name, "") for name in ("form", "shown_by", "url", "server_name")}
        more = {name: getattr(found, name, "") for name in ("session_id", "base_url")}
        public, again = (base64.b64encode(octets).decode() for octets in (found.public, found.octets()))
        return {**told, **more, "public": public, "again": again}

    def do_scan_to_sign_in(self, code: str) -> dict[str, Any]:
        """A new device scans the code of an app that is signed in."""

        async def begin() -> str:
            meeting = self._meeting(code, EXISTING)
            self._new = New(Line(self._site.port, self._site.url))
            self._new.may_ask.set()
            self._run(self._new.run(meeting))
            return await meeting.check_code

        return {"check_code": self._call(begin())}

    def do_allow_stranger(self, name: str, url: str) -> dict[str, Any]:
        """The app's person decides, comparing with what the stranger shows."""

        async def shown() -> str:
            assert self._new
            return await self._new.shown

        follow(self._known[name], url, self._call(shown()), "allow")
        return {}

    def do_scan_to_grant(self, name: str, code: str) -> dict[str, Any]:
        """A signed-in device scans the code of an app that is new."""
        token = log_in(self._site.port, name)["access_token"]

        async def begin() -> str:
            meeting, self._told = self._meeting(code, NEW), self._loop.create_future()
            told = self._told

            async def consent(link: str) -> None:
                await asyncio.to_thread(follow, self._known[name], link, await told, "allow")

            self._run(Existing(Line(self._site.port, self._site.url), token, SERVER_NAME, consent).run(meeting))
            return await meeting.check_code

        return {"check_code": self._call(begin())}

    def do_tell(self, user_code: str) -> dict[str, Any]:
        """The user code that the app shows."""
        assert self._told
        self._loop.call_soon_threadsafe(self._told.set_result, user_code)
        return {}

    def do_end(self) -> dict[str, Any]:
        """What the stranger has when it is done."""
        done = self._running.result(_PATIENCE)
        return {"device_id": done} if isinstance(done, str) else {"device_id": done.device_id, "secrets": done.secrets}

    def _meeting(self, code: str, shown_by: str) -> Meeting:
        meeting = Meeting("2024", shown_by, FAST)
        meeting.code.set_result(base64.b64decode(code))
        return meeting

    def _run(self, device: Coroutine[Any, Any, Any]) -> None:
        self._running = asyncio.run_coroutine_threadsafe(device, self._loop)

    def _call(self, call: Coroutine[Any, Any, str]) -> str:
        return asyncio.run_coroutine_threadsafe(call, self._loop).result(_PATIENCE)

"""A whole login of the own client, with the person who looks at both screens."""

import asyncio
from dataclasses import dataclass

from tests.conformance.oauth.person import Person
from tests.conformance.qr.asking import at_a_browser, follow
from tests.conformance.qr.devices import Ended, Existing, Meeting, New, SignedIn
from tests.conformance.qr.line import Line
from tests.conformance.qr.site import SERVER_NAME, Site
from tests.live.matrix import log_in

_PATIENCE = 120.0  # seconds
FAST = 0.05  # seconds between two reads, where a test is not about many of them


@dataclass
class Pair:
    """Two devices and their person, before they meet."""

    person: Person
    existing: Existing
    new: New
    meeting: Meeting
    decision: str

    async def visit(self, link: str) -> None:
        """The person opens the link, compares the code with the one on the new device, and decides."""
        await asyncio.to_thread(follow, self.person, link, await self.new.shown, self.decision)

    async def consent(self, link: str) -> None:
        try:
            await self.visit(link)
        finally:
            self.new.may_ask.set()

    def close(self) -> None:
        self.existing.line.close()
        self.new.line.close()

    async def run(self) -> SignedIn:
        """Both at once, to the end; the failure of either, after both have ended."""
        ends = await both(self)
        failures = [end for end in ends if isinstance(end, BaseException)]
        for failure in sorted(failures, key=lambda failure: isinstance(failure, asyncio.CancelledError)):
            raise failure
        signed_in = ends[1]
        assert isinstance(signed_in, SignedIn)
        return signed_in


async def both(pair: Pair) -> tuple[str | BaseException, SignedIn | BaseException]:
    """How each of the two ended. What is no end of a login, as a failed assertion, ends the other one too."""
    existing = asyncio.ensure_future(pair.existing.run(pair.meeting))
    new = asyncio.ensure_future(pair.new.run(pair.meeting))
    async with asyncio.timeout(_PATIENCE):
        done, waiting = await asyncio.wait([existing, new], return_when=asyncio.FIRST_EXCEPTION)
        if any(not isinstance(task.exception(), Ended | None) for task in done):
            for task in waiting:
                task.cancel()
        ends = await asyncio.gather(existing, new, return_exceptions=True)
    pair.close()
    return ends


async def reasons(pair: Pair) -> list[str]:
    """Why each of the two ended, where both did early."""
    return [end.reason if isinstance(end, Ended) else repr(end) for end in await both(pair)]


def pair_at(site: Site, form: str, shown_by: str, *, decision: str = "allow", pause: float = FAST) -> Pair:
    """A new person with a device that is signed in by password, and a device that is not."""
    person = at_a_browser(site)
    token = log_in(site.port, person.name)["access_token"]
    existing = Existing(Line(site.port, site.url), token, SERVER_NAME)
    pair = Pair(person, existing, New(Line(site.port, site.url)), Meeting(form, shown_by, pause), decision)
    existing.consent = pair.consent
    return pair

"""What the apps in node ask of somebody at a browser, over and above what the clients of OAuth ask."""

from typing import Any

from tests.conformance.oauth.asking import People
from tests.conformance.oauth.browser import Browser
from tests.conformance.oauth.person import Person
from tests.conformance.qr.site import Site


class Owners(People):
    """People with a device, who open the link of another one. Each has a browser that knows nobody yet."""

    def __init__(self, site: Site) -> None:
        super().__init__(site.installation)
        self._site = site

    def do_newcomer(self) -> dict[str, Any]:
        person = at_a_browser(self._site)
        self._known[person.name] = person
        return {"name": person.name}

    def do_follow(self, name: str, url: str, code: str, decision: str) -> dict[str, Any]:
        """Opens the link, signs in on the way, compares the code and decides."""
        follow(self._known[name], url, code, decision)
        return {}


def at_a_browser(site: Site) -> Person:
    """Somebody new at a browser that knows nobody."""
    person = Person(site.installation)
    person.browser = Browser(site.port, public_url=site.url)
    return person


def follow(person: Person, url: str, code: str, decision: str) -> None:
    """The whole visit: from the link that the existing device opened to the page that says it is done."""
    page = person.asked(url)
    assert code in page.text, page.text[:3000]
    done = person.decide_device(page, decision)
    assert done.answer.status == 200, done.text[:3000]

"""Many at once against a live server: what is good once works once (R15). On SQLite, or the Postgres that is named."""

import http.cookiejar
import re
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Iterator
from functools import partial

import pytest

from tests.live import Installation, running
from tests.live.parallel import at_once
from tests.pages.browser import people

pytestmark = pytest.mark.thorough

MANY = 16
_MAKE = f"""
from accounts import recovery_codes, second_factors, users
ann = users.create("ann", email="ann@example.org", password={people.PASSWORD!r})
bob = users.create("bob", password={people.PASSWORD!r})
users.create("dora", password={people.PASSWORD!r})
from allauth.mfa.totp.internal.auth import TOTP
TOTP.activate(bob, second_factors.new_secret())
print("code", recovery_codes.renew(bob)[0])
"""


class Person:
    """A browser with cookies of its own, that follows redirects."""

    def __init__(self, base: str) -> None:
        self.base = base
        cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self.opener = urllib.request.build_opener(cookies)
        self.token = ""
        self.status = 0

    def get(self, path: str) -> str:
        return self._ask(path, None)

    def post(self, path: str, **fields: str) -> str:
        return self._ask(path, {"csrfmiddlewaretoken": self.token, **fields})

    def _ask(self, path: str, fields: dict[str, str] | None) -> str:
        body = None if fields is None else urllib.parse.urlencode(fields).encode()
        try:
            with self.opener.open(self.base + path, body, timeout=120) as answer:
                text, self.url, self.status = answer.read().decode(), answer.url, answer.status
        except urllib.error.HTTPError as error:
            assert error.code < 500, error.read()
            text, self.url, self.status = error.read().decode(), "", error.code
        found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', text)
        self.token = found[1] if found else self.token
        return str(text)

    @property
    def is_signed_in(self) -> bool:
        return "Your account" in self.get("/account/")


@pytest.fixture(scope="module")
def begun() -> Iterator[tuple[Installation, str]]:
    """The server, and a recovery code of bob's."""
    with running(PASSWORD_HASHERS_AT_ONCE="16", PAGE_MAIL_RATE="1000/60") as found:
        yield found, found.manage("shell", "-c", _MAKE).split("code ")[1].strip()


@pytest.fixture
def crowd(begun: tuple[Installation, str]) -> list[Person]:
    return [Person(people.base_of(begun[0])) for _ in range(MANY)]


def test_of_many_uses_of_a_reset_link_one_sets_the_password(
    begun: tuple[Installation, str], crowd: list[Person]
) -> None:
    crowd[0].get("/account/password/reset/")
    crowd[0].post("/account/password/reset/", email="ann@example.org")
    link = re.findall(r"/account/\S+token=\S+", people.mail_to(begun[0], "ann@example.org"))[0]
    for one in crowd:
        one.get(link)
    passwords = [f"a new set of words {number}" for number in range(MANY)]
    page = "/account/password/reset/new/"
    at_once([partial(one.post, page, new_password=new) for one, new in zip(crowd, passwords, strict=True)])
    assert [one.url.endswith("/account/login/") for one in crowd].count(True) == 1
    (winner,) = [new for one, new in zip(crowd, passwords, strict=True) if one.url.endswith("/account/login/")]
    visitor = Person(crowd[0].base)
    visitor.get("/account/login/")
    visitor.post("/account/login/", name="ann", password=winner)
    assert visitor.is_signed_in


def test_of_many_uses_of_a_recovery_code_one_signs_in(begun: tuple[Installation, str], crowd: list[Person]) -> None:
    for one in crowd:
        one.get("/account/login/")
        one.post("/account/login/", name="bob", password=people.PASSWORD)
    at_once([partial(one.post, "/account/login/second-step/", code=begun[1]) for one in crowd])
    assert [one.is_signed_in for one in crowd].count(True) == 1


def test_of_many_who_take_one_name_one_gets_it(crowd: list[Person]) -> None:
    for one in crowd:
        one.get("/account/signup/")
    at_once([partial(one.post, "/account/signup/", username="carl", password=people.PASSWORD) for one in crowd])
    assert [one.is_signed_in for one in crowd].count(True) == 1


def test_of_many_guesses_at_device_codes_ten_are_answered(begun: tuple[Installation, str]) -> None:
    dora = Person(people.base_of(begun[0]))
    dora.get("/account/login/")
    dora.post("/account/login/", name="dora", password=people.PASSWORD)
    dora.get("/link")
    windows = [Person(dora.base) for _ in range(30)]
    for window in windows:
        window.opener, window.token = dora.opener, dora.token
    at_once([partial(window.post, "/link", code="BBBBBBBB") for window in windows])
    assert Counter(window.status for window in windows) == {404: 10, 429: 20}

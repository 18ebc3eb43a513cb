"""Somebody with an account and a browser: signs in, is asked, allows or denies. And what an operator does."""

import hashlib
import itertools
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

from tests.conformance.oauth.browser import Browser, Form, Page
from tests.conformance.oauth.wire import PUBLIC_URL, parameters
from tests.live import Installation

PASSWORD = "correct horse battery"
PEOPLE = 200  # accounts made beforehand: one command for all
LONG_AGO = "2020-01-01 00:00:00+00:00"
_numbers: dict[Path, Iterator[int]] = defaultdict(itertools.count)
_MAKE = f"""
from django.db import transaction
from accounts import passwords, users
encoded = passwords.encode({PASSWORD!r})
with transaction.atomic():
    for number in range({{count}}):
        users.create(f"person{{{{number}}}}", email=f"person{{{{number}}}}@example.org", encoded=encoded)
"""


def make_people(installation: Installation, count: int = PEOPLE) -> None:
    installation.manage("shell", "-c", _MAKE.format(count=count))


@dataclass(frozen=True, slots=True)
class Went:
    """Where the browser went in the end: a `uri`, to which a form_post carries the `fields`."""

    uri: str
    fields: dict[str, str] | None = None

    @property
    def parameters(self) -> dict[str, str]:
        """What the program learns."""
        return parameters(self.uri) if self.fields is None else self.fields


@dataclass
class Person:
    """Somebody with an account of their own, at a browser of their own."""

    installation: Installation
    name: str = ""
    browser: Browser = field(init=False)

    def __post_init__(self) -> None:
        self.name = self.name or f"person{next(_numbers[self.installation.folder])}"
        self.browser = Browser(self.installation.server.port)

    def sign_in(self, page: Page | None = None) -> Page:
        """From a page that leads to the form, or from the form itself."""
        page = page or self.browser.open(f"{self.browser.public_url}/account/login/")
        return self.browser.submit(page, page.form(having="password"), name=self.name, password=PASSWORD)

    def signed_in(self) -> "Person":
        page = self.sign_in()
        assert self.is_signed_in(page), page.text[:3000]
        return self

    def is_signed_in(self, page: Page) -> bool:
        return page.answer.status == 200 and any("/account/logout" in form.action for form in page.forms)

    def asked(self, url: str) -> Page:
        """The page that an authorization request or a verification link leads to, signed in on the way."""
        page = self.browser.open(url)
        if any("password" in form.fields for form in page.forms):
            page = self.sign_in(page)
        return page

    def authorize(self, url: str, *, decision: str = "allow") -> Went:
        """The whole visit, from the program's link to the program's redirect."""
        return went(self.decide(self.asked(url), decision))

    def decide(self, page: Page, decision: str, **values: str) -> Page:
        form, label = decision_form(page, decision)
        return self.browser.submit(page, form, label, **values)

    def enter(self, code: str) -> Page:
        """The code typed at the page that a device names."""
        page = self.asked(f"{self.browser.public_url}/link")
        form = next(form for form in page.forms if any("code" in name for name in form.fields))
        name = next(name for name in form.fields if "code" in name)
        return self.browser.submit(page, form, **{name: code})

    def link(self, code: str, *, decision: str = "allow") -> bool:
        """Types a device's code and decides; whether the code was found."""
        page = self.enter(code)
        if not _asks(page):
            return False
        done = self.decide_device(page, decision)
        assert done.answer.status == 200, done.text[:3000]
        return True

    def decide_device(self, page: Page, decision: str) -> Page:
        """With the tick that Allow needs."""
        form, label = decision_form(page, decision)
        ticks = {name: "on" for name in form.required if name not in form.fields}
        return self.browser.submit(page, form, label, **ticks)


def decision_form(page: Page, decision: str) -> tuple[Form, str]:
    """The form and the label of the button that decides so."""
    for form in page.forms:
        for label in form.buttons:
            if label.casefold().startswith(decision):
                return form, label
    raise AssertionError(f"nothing to {decision} at {page.url}: {page.text[:3000]}")


def went(page: Page) -> Went:
    """Where an answer sends the browser."""
    if page.answer.status in {302, 303}:
        return Went(page.answer.location)
    [form] = [form for form in page.forms if not form.action.startswith(("/", PUBLIC_URL)) and form.action]
    assert form.method == "POST"
    return Went(form.action, form.fields)


def _asks(page: Page) -> bool:
    return any(label.casefold().startswith("allow") for form in page.forms for label in form.buttons)


@dataclass(frozen=True, slots=True)
class Operator:
    """Who reaches past the server into its database."""

    installation: Installation

    def run(self, sql: str) -> int:
        """One statement that changes rows; how many it changed."""
        connection = self.installation.database.connect()
        changed = connection.execute(sql).rowcount
        connection.commit()
        connection.close()
        return int(changed)

    def change(self, table: str, change: str, secret: str) -> None:
        """Changes the one row of a secret."""
        digest = hashlib.sha256(secret.encode()).hexdigest()
        literal = f"'\\x{digest}'::bytea" if self.installation.database.is_postgres else f"x'{digest}'"
        assert self.run(f"UPDATE {table} SET {change} WHERE digest = {literal}") == 1

    def expire(self, secret: str) -> None:
        """A code whose time is over."""
        self.change("accounts_challenge", f"expires_at = '{LONG_AGO}'", secret)

    def age(self, refresh_token: str) -> None:
        """A refresh token that was spent long ago."""
        self.change("accounts_token", f"used_at = '{LONG_AGO}'", refresh_token)

    def set_state(self, name: str, column: str, moment: str | None) -> None:
        value = f"'{moment}'" if moment else "NULL"
        assert self.run(f"UPDATE accounts_user SET {column} = {value} WHERE username = '{name}'") == 1


def link_of(code: str) -> str:
    return f"{PUBLIC_URL}/link?{urlencode({'code': code})}"

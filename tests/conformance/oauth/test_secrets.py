"""No token, code, secret or cookie can be read where it is not needed: in the database, in the log (R7, R51)."""

import re
import secrets as random
from typing import Any

from tests.conformance.oauth.conftest import SETTINGS
from tests.conformance.oauth.person import PASSWORD, Person, make_people
from tests.conformance.oauth.provider import Attempt, Provider, basic
from tests.conformance.oauth.wire import PUBLIC_URL
from tests.live import Installation, running


def secrets_of_every_use(installation: Installation) -> list[str]:
    """Signs in by both grants, well and wrongly: everything that opens something, and everything that was guessed."""
    provider, person = Provider(installation.server.port), Person(installation)
    client = provider.client(token_endpoint_auth_method="client_secret_basic")
    caller, guess = basic(client.client_id, client.secret), random.token_hex(16)
    attempt = Attempt(client)
    page = person.asked(attempt.url(scope="openid"))
    cookies, handle = list(person.browser.cookies.values()), page.url.rpartition("/")[2]
    code = person.authorize(attempt.url(scope="openid")).parameters["code"]
    given = provider.token(attempt.redemption(code, client_id=...), caller).json
    provider.token(attempt.redemption(code, client_id=..., code_verifier=guess * 2), caller)
    provider.token(attempt.redemption(code, client_secret=guess))
    fresh = provider.refresh(client, given["refresh_token"], client_secret=client.secret).json
    provider.introspect(fresh["access_token"], caller)
    provider.ask("GET", "userinfo", headers={"Authorization": f"Bearer {given['access_token']}"})
    grant = provider.post("device", {"scope": "openid"}, caller).json
    person.asked(f"{PUBLIC_URL}/link?code={grant['user_code']}")
    assert person.link(grant["user_code"])
    polling = {"grant_type": "urn:ietf:params:oauth:grant-type:device_code", "device_code": grant["device_code"]}
    of_device = provider.token(polling, caller).json
    provider.post("revoke", {"token": of_device["access_token"]}, caller)
    issued = [text for body in (given, fresh, of_device) for name, text in body.items() if name.endswith("token")]
    user_codes = [grant["user_code"], grant["user_code"].replace("-", "")]
    return [*cookies, handle, code, attempt.verifier, client.secret, grant["device_code"], *issued, *user_codes, guess]


def test_no_secret_is_in_the_database_or_in_the_log() -> None:
    settings: dict[str, Any] = {**SETTINGS, "LOG_LEVEL": "DEBUG"}
    with running(**settings) as installation:
        make_people(installation, count=1)
        found = [*secrets_of_every_use(installation), PASSWORD]
        while_running = installation.database.dump()
        assert b"@example.org" in while_running, "the dump does not show what is stored"
        installation.server.kill()
        stored = while_running + installation.database.dump()
        printed = installation.server.log.read_bytes()
    assert b"listening" in printed
    assert len(found) > 15
    assert [secret for secret in found if secret.encode() in stored] == []
    assert [secret for secret in found if secret.encode() in printed] == []
    assert not re.search(rb"BEGIN (RSA )?PRIVATE KEY", stored)

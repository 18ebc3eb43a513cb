"""Registration with a token, terms and an optional address (matrix.md §5, §7), in whatever order a client likes."""

import secrets
from typing import Any

import pytest

from tests.conformance.matrix import mails
from tests.conformance.matrix.client import PASSWORD, Answer, Matrix, new_name
from tests.conformance.matrix.conftest import TERMS
from tests.conformance.matrix.conftest import TOKEN as GOOD_TOKEN
from tests.live import Installation

TOKEN, TERMS_STAGE, DUMMY = "m.login.registration_token", "m.login.terms", "m.login.dummy"
EMAIL = "m.login.email.identity"


@pytest.fixture
def strict(strict_installation: Installation) -> Matrix:
    return Matrix(strict_installation.server.port)


def register(strict: Matrix, session: str = "", **auth: Any) -> Answer:
    """One step of a registration whose session remembers the body."""
    return strict.post("v3/register", {"auth": {**auth, "session": session}} if session else {})


def opened(strict: Matrix, name: str) -> str:
    answer = strict.post("v3/register", {"username": name, "password": PASSWORD})
    assert answer.status == 401, answer.body
    return str(answer.json["session"])


def test_flows_and_documents_are_told(strict: Matrix) -> None:
    answer = register(strict)
    assert answer.outcome == (401, "")
    flows = [flow["stages"] for flow in answer.json["flows"]]
    assert flows == [[TOKEN, TERMS_STAGE, DUMMY], [TOKEN, TERMS_STAGE, EMAIL]]
    assert answer.json["params"] == {TERMS_STAGE: {"policies": TERMS}}


@pytest.mark.parametrize("order", [[TOKEN, TERMS_STAGE, DUMMY], [DUMMY, TERMS_STAGE, TOKEN]])
def test_stages_are_done_one_by_one_in_any_order(order: list[str], strict: Matrix) -> None:
    name = new_name()
    session = opened(strict, name)
    for done, stage in enumerate(order, 1):
        answer = register(strict, session, type=stage, token=GOOD_TOKEN)
        if done < len(order):
            assert answer.outcome == (401, "")
            assert set(answer.json["completed"]) == set(order[:done])
    assert answer.status == 200, answer.body
    assert answer.json["user_id"] == f"@{name}:example.org"


def test_token_is_held_while_a_registration_goes_on(strict: Matrix, strict_installation: Installation) -> None:
    token = f"tok-{secrets.token_hex(6)}"
    strict_installation.manage("registration_tokens", "issue", "--uses", "1", "--token", token)
    validity = f"v1/register/m.login.registration_token/validity?token={token}"
    assert strict.get(validity).json == {"valid": True}
    session = opened(strict, new_name())
    assert register(strict, session, type=TOKEN, token=token).outcome == (401, "")
    assert strict.get(validity).json == {"valid": False}
    second = register(strict, opened(strict, new_name()), type=TOKEN, token=token)
    assert second.outcome == (401, "M_UNAUTHORIZED")
    assert second.json["completed"] == []


def test_bad_registration_token_may_be_corrected(strict: Matrix) -> None:
    session = opened(strict, new_name())
    assert register(strict, session, type=TOKEN, token="wrong").outcome == (401, "M_UNAUTHORIZED")
    assert register(strict, session, type=TOKEN).outcome == (401, "M_MISSING_PARAM")
    assert register(strict, session, type=TOKEN, token=GOOD_TOKEN).outcome == (401, "")


def test_address_is_proved_by_its_mail(strict: Matrix, strict_installation: Installation) -> None:
    name, secret = new_name(), secrets.token_hex(8)
    address = f"{name}@example.net"
    session = opened(strict, name)
    register(strict, session, type=TOKEN, token=GOOD_TOKEN)
    register(strict, session, type=TERMS_STAGE)
    body = {"client_secret": secret, "email": address, "send_attempt": 1}
    sid = strict.post("v3/register/email/requestToken", body).json["sid"]
    auth = {"type": EMAIL, "threepid_creds": {"sid": sid, "client_secret": secret}}
    assert register(strict, session, **auth).outcome == (401, "M_UNAUTHORIZED")
    mails.open_link(strict_installation, address)
    done = register(strict, session)  # only the state is asked for
    assert done.status == 200, done.body
    listed = strict.get("v3/account/3pid", token=done.json["access_token"]).json["threepids"]
    assert [(entry["medium"], entry["address"]) for entry in listed] == [("email", address)]


@pytest.mark.parametrize("path", ["register/email", "account/password/email"])
def test_nobody_learns_whose_address_it_is(path: str, strict: Matrix) -> None:
    body = {"client_secret": "abc", "email": f"{new_name()}@example.net", "send_attempt": 1}
    answer = strict.post(f"v3/{path}/requestToken", body)
    assert answer.status == 200
    assert set(answer.json) == {"sid"}


def test_clients_find_the_server_under_its_public_url(strict: Matrix) -> None:
    answer = strict.get("/.well-known/matrix/client")
    assert answer.json == {
        "m.homeserver": {"base_url": "https://id.example.org/"},
        "org.matrix.msc2965.authentication": {
            "issuer": "https://id.example.org/",
            "account": "https://id.example.org/account/",
        },
    }
    assert answer.headers["Cache-Control"].startswith("public")


@pytest.mark.parametrize("prefix", ["r0", "v3", "unstable"])
@pytest.mark.parametrize("stage", [TERMS_STAGE, TOKEN])
def test_stage_can_be_done_in_a_browser(prefix: str, stage: str, strict: Matrix) -> None:
    session = opened(strict, new_name())
    path = f"{prefix}/auth/{stage}/fallback/web?session={session}"
    assert session.encode() in strict.page(path)
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    done = strict.ask("POST", path, body=f"session={session}&token={GOOD_TOKEN}".encode(), headers=headers)
    assert done.status == 200, done.body
    scripts = b"".join(strict.scripts(done.body))
    assert b"onAuthDone" in scripts
    assert b"authDone" in scripts
    assert stage in register(strict, session).json["completed"]


def test_fallback_page_needs_a_session_and_a_stage(strict: Matrix) -> None:
    session = opened(strict, new_name())
    assert strict.get(f"v3/auth/{TERMS_STAGE}/fallback/web").status == 400
    assert strict.get(f"v3/auth/{TERMS_STAGE}/fallback/web?session=unknown").status == 400
    assert strict.get(f"v3/auth/org.example.stage/fallback/web?session={session}").status == 404

"""Addresses proved by mail: sent once an attempt, opened once, worth what they were sent for (matrix.md §12)."""

import secrets
from dataclasses import dataclass, field

import pytest

from tests.conformance.matrix import mails
from tests.conformance.matrix.client import PASSWORD, Answer, Matrix, Session, new_name, user
from tests.live import Installation

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass
class Proof:
    """A proof of one address in the making."""

    matrix: Matrix
    address: str
    path: str = "account/3pid"
    secret: str = field(default_factory=lambda: secrets.token_hex(8))
    sid: str = ""

    def ask(self, *, send_attempt: int = 1, **more: str) -> str:
        body = {"client_secret": self.secret, "email": self.address, "send_attempt": send_attempt, **more}
        answer = self.matrix.post(f"v3/{self.path}/email/requestToken", body)
        assert answer.status == 200, answer.body
        self.sid = answer.json["sid"]
        return self.sid

    @property
    def credentials(self) -> dict[str, str]:
        return {"sid": self.sid, "client_secret": self.secret}

    def add(self, asking: Session) -> Answer:
        return self.matrix.proved("POST", "v3/account/3pid/add", self.credentials, asking=asking)


@pytest.fixture
def proof(matrix: Matrix) -> Proof:
    return Proof(matrix, f"{new_name()}@example.net")


def test_mail_goes_out_once_for_each_attempt(proof: Proof, open_installation: Installation) -> None:
    first = proof.ask()
    assert proof.ask() == first
    assert proof.ask(send_attempt=2) == first
    mails.wait_for(open_installation.folder, proof.address, count=2)
    assert proof.ask(send_attempt=1) == first
    other = Proof(proof.matrix, proof.address)
    assert other.ask() != first
    assert len(mails.wait_for(open_installation.folder, proof.address, count=3)) == 3


def test_proof_is_worth_nothing_until_its_link_is_opened(proof: Proof, open_installation: Installation) -> None:
    alice = proof.matrix.register()
    proof.ask()
    assert proof.add(alice).outcome == (400, "M_THREEPID_AUTH_FAILED")
    mails.open_link(open_installation, proof.address)
    stolen = Proof(proof.matrix, proof.address, sid=proof.sid)
    assert stolen.add(alice).outcome == (400, "M_THREEPID_AUTH_FAILED")
    assert proof.add(alice).outcome == (200, "")
    assert proof.add(proof.matrix.register()).status == 400


def test_address_that_was_taken_meanwhile_is_refused(proof: Proof, open_installation: Installation) -> None:
    alice, bob = proof.matrix.register(), proof.matrix.register()
    late = Proof(proof.matrix, proof.address)
    for one in (proof, late):
        one.ask()
        mails.open_link(open_installation, proof.address, secret=one.secret)
    assert proof.add(alice).outcome == (200, "")
    assert late.add(bob).outcome == (400, "M_THREEPID_IN_USE")


def test_wrong_link_is_a_page_of_error(proof: Proof, open_installation: Installation) -> None:
    proof.ask()
    link = mails.link(open_installation.folder, proof.address)
    for wrong in (link.replace("token=", "token=x"), link.replace("sid=", "sid=x"), link.partition("?")[0]):
        assert proof.matrix.get(wrong).status == 400
    assert proof.matrix.get(link).status == 200


def test_link_goes_on_to_where_the_client_asked(proof: Proof, open_installation: Installation) -> None:
    proof.ask(next_link="https://example.org/welcome?a=1")
    answer = mails.open_link(open_installation, proof.address)
    assert (answer.status, answer.headers["Location"]) == (302, "https://example.org/welcome?a=1")


def test_password_is_reset_by_a_mail_that_scanners_may_open(
    proof: Proof, matrix: Matrix, open_installation: Installation
) -> None:
    alice = matrix.register()
    mails.add_address(open_installation, alice, proof.address)
    reset = Proof(matrix, proof.address, path="account/password")
    reset.ask()
    body = {"new_password": "another horse battery"}
    flows = matrix.post("v3/account/password", body)
    assert flows.json["flows"] == [{"stages": ["m.login.email.identity"]}]
    auth = {"type": "m.login.email.identity", "session": flows.json["session"], "threepid_creds": reset.credentials}
    link = mails.link(open_installation.folder, proof.address, secret=reset.secret)
    assert matrix.get(link).status == 200
    assert matrix.post("v3/account/password", {**body, "auth": auth}).outcome == (401, "M_UNAUTHORIZED")
    where, _, query = link.partition("?")
    assert matrix.ask("POST", where, body=query.encode(), headers=FORM).status == 200
    assert matrix.post("v3/account/password", {**body, "auth": auth}).outcome == (200, "")
    assert matrix.get("v3/account/whoami", token=alice.access_token).outcome == (401, "M_UNKNOWN_TOKEN")
    assert matrix.log_in(alice.name, password="another horse battery").user_id == alice.user_id


def test_address_opens_the_account_in_every_spelling(proof: Proof, open_installation: Installation) -> None:
    alice = proof.matrix.register()
    mails.add_address(open_installation, alice, proof.address)
    said = proof.address.upper()
    by_address = {"medium": "email", "address": said}
    for form in ({"identifier": {"type": "m.id.thirdparty", **by_address}}, {"identifier": by_address}, by_address):
        answer = proof.matrix.post("v3/login", {"type": "m.login.password", "password": PASSWORD, **form})
        assert answer.json["user_id"] == alice.user_id


def test_removed_address_opens_nothing(proof: Proof, open_installation: Installation) -> None:
    matrix, alice = proof.matrix, proof.matrix.register()
    mails.add_address(open_installation, alice, proof.address)
    removal = {"medium": "email", "address": proof.address}
    for _ in range(2):  # also when there is none
        answer = matrix.post("v3/account/3pid/delete", removal, token=alice.access_token)
        assert answer.json == {"id_server_unbind_result": "no-support"}
    assert matrix.get("v3/account/3pid", token=alice.access_token).json == {"threepids": []}
    claim = {"type": "m.id.thirdparty", **removal}
    login = {"type": "m.login.password", "identifier": claim, "password": PASSWORD}
    assert matrix.post("v3/login", login).outcome == (403, "M_FORBIDDEN")
    assert matrix.post("v3/login", {**login, "identifier": user(alice.name)}).status == 200


def test_no_identity_server_is_used(matrix: Matrix) -> None:
    token = matrix.register().access_token
    body = {"medium": "email", "address": "a@example.net", "id_server": "id.example.org"}
    assert matrix.post("v3/account/3pid/unbind", body, token=token).json == {"id_server_unbind_result": "no-support"}
    body = {"client_secret": "abc", "sid": "abc", "id_server": "id.example.org", "id_access_token": "abc"}
    assert matrix.post("v3/account/3pid/bind", body, token=token).outcome == (400, "M_SERVER_NOT_TRUSTED")

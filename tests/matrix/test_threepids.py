"""Third-party ids over the wire (matrix.md §12, §17)."""

from datetime import timedelta

import pytest
import time_machine

from accounts import clock, emails, rules, users
from accounts.models import AuditEvent, Challenge, User
from tests.matrix import mails
from tests.matrix.people import API, DUMMY, PASSWORD, log_in, proof, register

pytestmark = pytest.mark.django_db
ADDRESS, SECRET = "ann@example.org", "a.client-secret"
BODY = {"client_secret": SECRET, "email": ADDRESS, "send_attempt": 1}
REGISTER, RESET, ADD = "register/email", "account/password/email", "account/3pid/email"


@pytest.fixture(autouse=True)
def wide_limits(settings):
    settings.RATE_LIMIT_SCALE = 1000


@pytest.fixture
def ann(client):
    return register(client, "ann")


def ask(client, what, *, token="", **more):
    body = {key: value for key, value in {**BODY, **more}.items() if value is not ...}
    return client.post(f"{API}/{what}/requestToken", data=body, token=token)


def sid_of(client, what, *, opened=True, **more):
    answer = ask(client, what, **more)
    assert answer.status == 200, answer.text
    assert set(answer.json()) == {"sid"}
    if opened:
        assert client.get(mails.last().link).status == 200
    return answer.json()["sid"]


def add(client, person, proved, *, path="add", auth=None, **more):
    body = {"sid": proved, "client_secret": SECRET, **more}
    return client.post(f"{API}/account/3pid/{path}", data={**body, "auth": auth or person.proof}, token=person.token)


def listed(client, person):
    answer = client.get(f"{API}/account/3pid", token=person.token)
    assert answer.status == 200
    return answer.json()["threepids"]


def error(answer):
    return answer.status, answer.json()["errcode"]


@pytest.mark.parametrize("what", [REGISTER, RESET, ADD])
def test_a_request_is_checked_key_by_key(client, what):
    assert error(client.post(f"{API}/{what}/requestToken")) == (400, "M_NOT_JSON")
    assert error(client.post(f"{API}/{what}/requestToken", data=[])) == (400, "M_BAD_JSON")
    for key in BODY:
        assert error(ask(client, what, **{key: ...})) == (400, "M_MISSING_PARAM")
        assert error(ask(client, what, **{key: None})) == (400, "M_MISSING_PARAM")
        assert error(ask(client, what, **{key: {}})) == (400, "M_BAD_JSON")
    for wrong in (
        {"email": "no address"},
        {"client_secret": "ü"},
        {"send_attempt": -1},
        {"next_link": "https://x.example/"},
    ):
        assert error(ask(client, what, **wrong)) == (400, "M_INVALID_PARAM")
    assert ask(client, what, id_server="vector.im", next_link=None).status == 200


def test_every_prefix_asks_for_a_link(client):
    for prefix in ("r0", "v3", "unstable"):
        assert client.post(f"/_matrix/client/{prefix}/register/email/requestToken", data=BODY).status == 200
        assert client.post(f"/_matrix/client/{prefix}/register/email/requestToken/", data=BODY).status == 404


def test_a_denied_domain_is_refused(client):
    rules.add("deny", "domain", "example.org")
    for what in (REGISTER, RESET, ADD):
        assert error(ask(client, what)) == (403, "M_THREEPID_DENIED")


def test_addresses_are_told_when_the_operator_says_so(client, settings, ann):
    settings.HIDE_ADDRESSES = False
    assert error(ask(client, RESET)) == (400, "M_THREEPID_NOT_FOUND")
    emails.add_confirmed(users.get("ann"), ADDRESS)
    assert error(ask(client, REGISTER)) == (400, "M_THREEPID_IN_USE")
    assert error(ask(client, ADD, token=ann.token)) == (400, "M_THREEPID_IN_USE")


def test_too_many_requests_are_refused_with_the_time_to_wait(client, settings):
    settings.RATE_LIMIT_SCALE = 1
    for number in range(3):
        assert ask(client, REGISTER, client_secret=f"s{number}").status == 200
    answer = ask(client, REGISTER, client_secret="s3")
    assert error(answer) == (429, "M_LIMIT_EXCEEDED")
    assert answer.json()["retry_after_ms"] > 0
    assert answer.header("retry-after")


def test_phones_are_not_supported(client):
    for what in ("register", "account/password", "account/3pid"):
        body = {"client_secret": SECRET, "country": "GB", "phone_number": "07700900001", "send_attempt": 1}
        answer = client.post(f"{API}/{what}/msisdn/requestToken", data=body)
        assert error(answer) == (400, "M_THREEPID_MEDIUM_NOT_SUPPORTED")


def test_nobody_proves_an_address_for_an_account_while_registration_is_closed(client, settings):
    settings.REGISTRATION = "closed"
    assert error(ask(client, REGISTER)) == (403, "M_FORBIDDEN")
    assert ask(client, RESET).status == 200


def test_a_token_that_is_no_good_does_not_count_as_none(client):
    assert error(ask(client, ADD, token="nonsense")) == (401, "M_UNKNOWN_TOKEN")


def test_registration_with_a_proved_address(client, settings):
    settings.REGISTRATION_EMAIL = "required"
    sid = sid_of(client, REGISTER, opened=False)
    creds = {"type": "m.login.email.identity", "threepid_creds": {"sid": sid, "client_secret": SECRET}}
    waiting = client.post(f"{API}/register", data={"username": "ann", "password": PASSWORD, "auth": creds})
    assert error(waiting) == (401, "M_UNAUTHORIZED")
    session = waiting.json()["session"]
    assert client.get(mails.last().link).status == 200
    done = client.post(f"{API}/register", data={"auth": {"session": session}})  # a client that only asks for the state
    assert done.status == 200, done.text
    token = done.json()["access_token"]
    known = client.get(f"{API}/account/3pid", token=token).json()["threepids"]
    assert [(one["medium"], one["address"]) for one in known] == [("email", ADDRESS)]
    assert (
        log_in(client, "", identifier={"type": "m.id.thirdparty", "medium": "email", "address": ADDRESS}).status == 200
    )
    again = client.post(f"{API}/register", data={"username": "bob", "password": PASSWORD, "auth": creds})
    assert error(again) == (401, "M_UNAUTHORIZED")  # one proof, one account


def test_password_reset_by_a_proved_address(client, ann):
    emails.add_confirmed(users.get("ann"), ADDRESS)
    sid = sid_of(client, RESET, opened=False)
    auth = {"type": "m.login.email.identity", "threepid_creds": {"sid": sid, "client_secret": SECRET}}
    body = {"new_password": "another good password", "auth": auth}
    link = mails.last().link
    assert client.get(link).status == 200
    assert client.post(f"{API}/account/password", data=body).status == 401  # a scanner's GET did nothing
    path, _, query = link.partition("?")
    headers = {"content-type": "application/x-www-form-urlencoded"}
    assert client.post(path, body=query.encode(), headers=headers).status == 200
    assert client.post(f"{API}/account/password", data=body).status == 200
    assert log_in(client, "ann", "another good password").status == 200
    assert client.post(f"{API}/account/password", data={**body, "new_password": "third good password"}).status == 401


def test_an_address_is_added_after_link_and_password(client, ann):
    before = int(clock.now().timestamp() * 1000)
    sid = sid_of(client, ADD, token=ann.token)
    first = client.post(f"{API}/account/3pid/add", data={"sid": sid, "client_secret": SECRET}, token=ann.token)
    assert first.status == 401
    assert first.json()["flows"] == [{"stages": ["m.login.password"]}]
    assert SECRET not in "".join(str(row.facts) for row in Challenge.objects.all())
    session = first.json()["session"]
    done = client.post(f"{API}/account/3pid/add", data={"auth": {**ann.proof, "session": session}}, token=ann.token)
    assert (done.status, done.json()) == (200, {})
    (known,) = listed(client, ann)
    assert (known["medium"], known["address"]) == ("email", ADDRESS)
    assert before <= known["validated_at"] <= known["added_at"] <= clock.now().timestamp() * 1000
    assert isinstance(known["validated_at"], int)
    assert AuditEvent.objects.filter(event="email-added", subject="ann").exists()


def test_a_lost_answer_to_add_may_be_asked_for_again(client, ann):
    sid = sid_of(client, ADD, token=ann.token)
    body = {"sid": sid, "client_secret": SECRET}
    session = client.post(f"{API}/account/3pid/add", data=body, token=ann.token).json()["session"]
    for _ in range(2):
        assert add(client, ann, sid, auth={**ann.proof, "session": session}).status == 200
    assert len(listed(client, ann)) == 1


@pytest.mark.parametrize(
    "case", ["not opened", "wrong secret", "unknown", "other purpose", "expired", "another person's"]
)
def test_what_is_not_proved_is_not_added(client, ann, case):
    what, token = (REGISTER, "") if case == "other purpose" else (ADD, ann.token)
    if case == "another person's":
        token = register(client, "bob").token
    sid = sid_of(client, what, opened=case != "not opened", token=token)
    more = {"wrong secret": {"client_secret": "wrong"}, "unknown": {"sid": "unknown"}}.get(case, {})
    travelled = timedelta(days=3) if case == "expired" else timedelta()
    with time_machine.travel(clock.now() + travelled, tick=False):
        assert error(add(client, ann, sid, **more)) == (400, "M_THREEPID_AUTH_FAILED")
    assert listed(client, ann) == []


def test_an_address_that_became_somebody_elses_meanwhile_is_not_added(client, ann):
    sid = sid_of(client, ADD, token=ann.token)
    register(client, "bob")
    emails.add_confirmed(users.get("bob"), ADDRESS)
    assert error(add(client, ann, sid)) == (400, "M_THREEPID_IN_USE")
    emails.remove(users.get("bob"), ADDRESS)
    assert add(client, ann, sid).status == 200  # the proof was not lost


def test_the_sid_of_a_session_cannot_be_exchanged(client, ann):
    sid = sid_of(client, ADD, token=ann.token)
    other = sid_of(client, ADD, token=ann.token, email="other@example.org")
    body = {"sid": sid, "client_secret": SECRET}
    session = client.post(f"{API}/account/3pid/add", data=body, token=ann.token).json()["session"]
    assert error(add(client, ann, other, auth={**ann.proof, "session": session})) == (403, "M_UNKNOWN")


def test_add_without_its_keys(client, ann):
    for body in ({}, {"sid": "x"}, {"client_secret": "x"}):
        answer = client.post(f"{API}/account/3pid/add", data={**body, "auth": ann.proof}, token=ann.token)
        assert error(answer) == (400, "M_MISSING_PARAM")
    assert error(add(client, ann, {})) == (400, "M_BAD_JSON")
    assert error(client.post(f"{API}/account/3pid/add", data={})) == (401, "M_MISSING_TOKEN")


@pytest.mark.parametrize("spelling", ["three_pid_creds", "threePidCreds"])
def test_the_deprecated_twin_asks_for_a_proof_too(client, ann, spelling):
    sid = sid_of(client, ADD)  # without a token, as old clients ask
    body = {spelling: {"sid": sid, "client_secret": SECRET, "id_server": "vector.im"}, "bind": False}
    first = client.post(f"{API}/account/3pid", data=body, token=ann.token)
    assert first.status == 401
    assert listed(client, ann) == []
    auth = {**ann.proof, "session": first.json()["session"]}
    assert client.post(f"{API}/account/3pid", data={**body, "auth": auth}, token=ann.token).status == 200
    assert len(listed(client, ann)) == 1


def test_the_deprecated_twin_without_credentials(client, ann):
    assert error(client.post(f"{API}/account/3pid", data={}, token=ann.token)) == (400, "M_MISSING_PARAM")
    body = {"three_pid_creds": "x"}
    assert error(client.post(f"{API}/account/3pid", data=body, token=ann.token)) == (400, "M_BAD_JSON")


def test_delete_takes_an_address_away_also_one_that_is_none(client, ann):
    emails.add_confirmed(users.get("ann"), ADDRESS)
    for body in (
        {"medium": "email", "address": "ANN@example.org"},
        {"medium": "email", "address": ADDRESS},
        {"medium": "email", "address": "no address", "id_server": "vector.im"},
        {"medium": "msisdn", "address": "447700900001"},
    ):
        answer = client.post(f"{API}/account/3pid/delete", data=body, token=ann.token)
        assert (answer.status, answer.json()) == (200, {"id_server_unbind_result": "no-support"})
        assert listed(client, ann) == []


def test_delete_leaves_other_peoples_addresses(client, ann):
    register(client, "bob")
    emails.add_confirmed(users.get("bob"), ADDRESS)
    body = {"medium": "email", "address": ADDRESS}
    assert client.post(f"{API}/account/3pid/delete", data=body, token=ann.token).status == 200
    assert emails.owner(ADDRESS).username == "bob"


def test_a_suspended_account_keeps_its_addresses(client, ann):
    emails.add_confirmed(users.get("ann"), ADDRESS)
    User.objects.update(suspended_at=clock.now())
    body = {"medium": "email", "address": ADDRESS}
    assert error(client.post(f"{API}/account/3pid/delete", data=body, token=ann.token)) == (403, "M_USER_SUSPENDED")
    assert len(listed(client, ann)) == 1


def test_no_identity_server_is_used(client, ann):
    body = {"client_secret": SECRET, "id_server": "vector.im", "id_access_token": "x", "sid": "1"}
    answer = client.post(f"{API}/account/3pid/bind", data=body, token=ann.token)
    assert error(answer) == (400, "M_SERVER_NOT_TRUSTED")
    answer = client.post(f"{API}/account/3pid/unbind", data={"medium": "email", "address": ADDRESS}, token=ann.token)
    assert (answer.status, answer.json()) == (200, {"id_server_unbind_result": "no-support"})


def test_every_verb_on_ones_addresses_needs_a_token(client):
    assert error(client.get(f"{API}/account/3pid")) == (401, "M_MISSING_TOKEN")
    for path in ("account/3pid", *(f"account/3pid/{verb}" for verb in ("add", "delete", "bind", "unbind"))):
        assert error(client.post(f"{API}/{path}", data={})) == (401, "M_MISSING_TOKEN")


def test_the_proof_of_a_stranger_does_not_pass(client, ann):
    bob = register(client, "bob")
    sid = sid_of(client, ADD, token=ann.token)
    assert error(add(client, ann, sid, auth=bob.proof)) == (403, "M_FORBIDDEN")
    wrong = add(client, ann, sid, auth=proof("ann", "a wrong password"))
    assert error(wrong) == (401, "M_FORBIDDEN")
    assert DUMMY["type"] not in str(wrong.json()["flows"])


def test_the_mail_of_a_further_address_names_the_account_if_one_is_known(client, ann):
    for token, words in ((ann.token, "to the account ann at"), ("", "to an account at")):
        sid_of(client, ADD, opened=False, token=token)
        assert words in " ".join(mails.last().text.split())

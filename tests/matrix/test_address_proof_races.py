"""The same proof asked for and used many times at one moment, on a real server (R15, R17)."""

import email
import time
from functools import partial

import pytest

from tests.live import running
from tests.live.parallel import at_once
from tests.matrix.browser import people

AT_ONCE = 8
BODY = {"client_secret": "secret", "email": "ann@example.org", "send_attempt": 1}


@pytest.fixture(scope="module")
def servers():
    with running(REGISTRATION_EMAIL="required") as installation:
        yield installation


def mails_of(installation):
    folder, deadline = installation.folder / "mail", time.monotonic() + 60
    while installation.database.query("SELECT 1 FROM accounts_queuedmail"):
        assert time.monotonic() < deadline, "the queue is never empty"
        time.sleep(0.05)
    return [email.message_from_bytes(file.read_bytes()) for file in sorted(folder.glob("*.log"))]


def test_of_many_requests_at_once_one_sends_a_mail_and_of_many_registrations_one_succeeds(servers):
    base_url = servers.server.base_url
    answers = at_once([partial(people.post, base_url, "register/email/requestToken", **BODY)] * AT_ONCE)
    assert {status for status, _ in answers} == {200}
    (sid,) = {body["sid"] for _, body in answers}
    (mail,) = mails_of(servers)
    text = mail.get_payload(decode=True).decode()
    link = next(word for word in text.split() if "submit_token?" in word)
    values = dict(pair.split("=", 1) for pair in link.partition("?")[2].split("&"))
    path = "registration/email/submit_token"
    opened = at_once([partial(people.post, base_url, path, version="unstable", **values)] * AT_ONCE)
    assert {status for status, _ in opened} == {200}
    auth = {"type": "m.login.email.identity", "threepid_creds": {"sid": sid, "client_secret": "secret"}}
    calls = [
        partial(people.post, base_url, "register", username=f"ann{number}", password=people.PASSWORD, auth=auth)
        for number in range(AT_ONCE)
    ]
    statuses = [status for status, _ in at_once(calls)]
    assert statuses.count(200) == 1, statuses
    assert set(statuses) <= {200, 400, 401}
    assert servers.database.query("SELECT count(*) FROM accounts_user WHERE username LIKE 'ann%'") == [(1,)]

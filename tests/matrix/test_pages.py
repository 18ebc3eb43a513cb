"""Pages of the Matrix door: login, registration, stages, links in mails (matrix.md §12, §14)."""

import re
from html import unescape
from urllib.parse import urlencode

import pytest

from accounts import emails, registration_tokens, users
from accounts.models import AcceptedDocument, Challenge
from tests.matrix import mails
from tests.matrix.people import API, DUMMY, PASSWORD, register

pytestmark = pytest.mark.django_db
LOGIN, REGISTER = "/_matrix/static/client/login/", "/_matrix/static/client/register/"
ADDRESS, SECRET = "ann@example.org", "a.client-secret"
TERMS = {
    "privacy_policy": {
        "version": "1.0",
        "en": {"name": "Privacy <policy>", "url": "https://example.org/privacy"},
        "de": {"name": "Datenschutz", "url": "https://example.org/datenschutz"},
    }
}
FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.fixture(autouse=True)
def wide_limits(settings):
    settings.RATE_LIMIT_SCALE = 1000


def is_page(answer, status=200):
    assert answer.status == status, answer.text
    assert answer.header("content-type") == "text/html; charset=utf-8"
    assert answer.header("x-frame-options") == "DENY"
    assert answer.header("referrer-policy") == "no-referrer"
    assert answer.header("x-content-type-options") == "nosniff"
    assert answer.header("cache-control") == "no-store"
    assert answer.header("access-control-allow-origin") == "*"
    assert answer.header("cross-origin-opener-policy") is None  # the page must reach window.opener
    assert answer.header("set-cookie") is None
    policy = answer.header("content-security-policy")
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"<script(?![^>]*\bsrc=)|\son\w+=|\sstyle=|<style", answer.text)
    assert not re.search(r"""(?:src|href)="(?:https?:)?//(?!example\.org)""", answer.text)
    return unescape(answer.text)


def stage_url(stage, session="", prefix="v3"):
    query = f"?{urlencode({'session': session})}" if session else ""
    return f"/_matrix/client/{prefix}/auth/{stage}/fallback/web{query}"


def press(client, url, **fields):
    return client.post(url, body=urlencode(fields).encode(), headers=FORM)


def new_session(client, name="ann", **more):
    answer = client.post(f"{API}/register", data={"username": name, "password": PASSWORD, **more})
    assert answer.status == 401, answer.text
    return answer.json()["session"]


def state(client, session, **more):
    return client.post(f"{API}/register", data={"auth": {"session": session, **more}})


@pytest.mark.parametrize("url", [LOGIN, LOGIN[:-1], REGISTER, REGISTER[:-1]])
def test_the_whole_login_and_registration_have_pages(client, url):
    text = is_page(client.get(url))
    assert "localhost" in text
    assert 'autocomplete="username"' in text
    for script in re.findall(r'<script src="([^"]+)"', text):
        assert client.get(script).status == 200
    assert client.request("HEAD", url).body == b""
    is_page(client.post(url, body=b"password=x", headers=FORM), 405)
    assert client.request("OPTIONS", url).status == 204


def test_a_page_says_when_its_way_in_is_closed(client, settings):
    settings.MATRIX_LEGACY_LOGIN, settings.REGISTRATION = False, "closed"
    assert "<form" not in is_page(client.get(LOGIN))
    assert "<form" not in is_page(client.get(REGISTER))


@pytest.mark.parametrize("prefix", ["r0", "v3", "unstable"])
def test_terms_are_accepted_on_a_page(client, settings, prefix):
    settings.TERMS = TERMS
    session = new_session(client)
    url = stage_url("m.login.terms", session, prefix)
    page = client.get(url)
    assert "Privacy <policy>" in is_page(page)
    assert "Privacy <policy>" not in page.text  # escaped
    assert "https://example.org/privacy" in page.text
    assert "Datenschutz" in client.get(url, headers={"accept-language": "de-AT,en;q=0.5"}).text
    assert state(client, session).json().get("completed") in (None, [])
    assert "done.js" in is_page(press(client, stage_url("m.login.terms", "", prefix), session=session))
    assert state(client, session).json()["completed"] == ["m.login.terms"]
    assert "done.js" in is_page(client.get(url))  # done stays done
    assert "done.js" in is_page(press(client, url, session=session))
    assert state(client, session, type="m.login.dummy").status == 200
    assert AcceptedDocument.objects.get(user=users.get("ann")).version == "1.0"


def test_a_registration_token_is_taken_on_a_page(client, settings):
    settings.REGISTRATION = "token"
    good = registration_tokens.issue(uses=1).token
    session = new_session(client)
    url = stage_url("m.login.registration_token", session)
    assert 'name="token"' in is_page(client.get(url))
    for wrong in ("", "unknown", "ü\0", "x" * 65):
        assert "not good" in is_page(press(client, url, session=session, token=wrong), 400)
    assert "done.js" in is_page(press(client, url, session=session, token=f" {good} "))
    other = new_session(client, "bob")
    assert "not good" in is_page(press(client, stage_url("m.login.registration_token"), session=other, token=good), 400)
    assert state(client, session, type="m.login.dummy").status == 200
    assert not registration_tokens.is_valid(good)


@pytest.mark.usefixtures("standing_clock")
def test_guesses_of_registration_tokens_are_limited(client, settings):
    settings.RATE_LIMIT_SCALE, settings.REGISTRATION = 1, "token"
    session = new_session(client)
    url = stage_url("m.login.registration_token", session)
    statuses = [press(client, url, session=session, token="guess").status for _ in range(6)]
    assert statuses == [400] * 5 + [429]
    answer = press(client, url, session=session, token="guess")
    is_page(answer, 429)
    assert int(answer.header("retry-after")) >= 1


def test_a_password_is_confirmed_on_a_page(client):
    ann = register(client, "ann")
    first = client.post(f"{API}/delete_devices", data={"devices": ["X"]}, token=ann.token)
    session = first.json()["session"]
    url = stage_url("m.login.password", session)
    assert "@ann:localhost" in is_page(client.get(url))
    assert "not the password" in is_page(press(client, url, session=session, password="wrong"), 400)
    assert "done.js" in is_page(press(client, url, session=session, password=PASSWORD))
    done = client.post(f"{API}/delete_devices", data={"auth": {"session": session}}, token=ann.token)
    assert done.status == 200


@pytest.mark.usefixtures("standing_clock")
def test_wrong_passwords_on_the_page_count_like_all_others(client, settings):
    settings.RATE_LIMIT_SCALE = 1
    ann = register(client, "ann")
    session = client.post(f"{API}/delete_devices", data={"devices": []}, token=ann.token).json()["session"]
    url = stage_url("m.login.password", session)
    assert [press(client, url, session=session, password="wrong").status for _ in range(6)] == [400] * 5 + [429]
    is_page(press(client, url, session=session, password=PASSWORD), 429)


def test_an_address_is_proved_on_a_page(client, settings):
    settings.REGISTRATION_EMAIL = "required"
    session = new_session(client)
    url = stage_url("m.login.email.identity", session)
    assert 'name="address"' in is_page(client.get(url))
    assert "not an e-mail address" in is_page(press(client, url, session=session, address="none"), 400)
    sent = is_page(press(client, url, session=session, address=ADDRESS))
    assert ADDRESS in sent
    hidden = dict(re.findall(r'name="(\w+)" value="([^"]*)"', sent))
    assert "not opened yet" in is_page(press(client, url, **hidden), 400)
    assert len(mails.queued()) == 1
    is_page(client.get(mails.last().link))
    assert "done.js" in is_page(press(client, url, **hidden))
    assert state(client, session).status == 200
    assert emails.owner(ADDRESS).username == "ann"


def test_a_reset_is_proved_on_a_page(client):
    register(client, "ann")
    emails.add_confirmed(users.get("ann"), ADDRESS)
    first = client.post(f"{API}/account/password", data={"new_password": "another good password"})
    session = first.json()["session"]
    url = stage_url("m.login.email.identity", session)
    hidden = dict(
        re.findall(r'name="(\w+)" value="([^"]*)"', press(client, url, session=session, address=ADDRESS).text)
    )
    press(client, mails.last().link, **mails.last().values)
    assert "done.js" in is_page(press(client, url, **hidden))
    assert client.post(f"{API}/account/password", data={"auth": {"session": session}}).status == 200


def test_errors_of_stage_pages_are_pages(client):
    session = new_session(client)
    is_page(client.get(stage_url("m.login.terms")), 400)
    is_page(press(client, stage_url("m.login.terms")), 400)
    for unknown in ("unknown", "ü", "a" * 300, "a\0b"):
        is_page(client.get(stage_url("m.login.terms", unknown)), 400)
    for stage in (
        "m.login.nonsense",
        "m.login.terms",
        "m.login.registration_token",
        "m.login.password",
        "m.login.dummy",
    ):
        is_page(client.get(stage_url(stage, session)), 404)
        is_page(press(client, stage_url(stage, session), session=session), 404)
    is_page(client.request("PUT", stage_url("m.login.terms", session)), 405)
    assert client.post(f"{API}/register", data={"auth": {**DUMMY, "session": session}}).status == 200


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"{", b"session=%00&token=%ff", b"a=1&" * 200, b"&" * 5000])
@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain", "a\xff"])
def test_no_form_is_our_fault(client, settings, body, kind):
    settings.REGISTRATION, settings.TERMS, settings.REGISTRATION_EMAIL = "token", TERMS, "required"
    session = new_session(client)
    for stage in ("m.login.registration_token", "m.login.email.identity"):
        answer = client.post(stage_url(stage, session), body=body, headers={"content-type": kind})
        is_page(answer, 400)
    for mail in ("registration", "add_threepid", "password_reset"):
        answer = client.post(
            f"/_matrix/client/unstable/{mail}/email/submit_token", body=body, headers={"content-type": kind}
        )
        assert answer.status == 400


def test_a_used_session_has_no_page(client, settings):
    settings.TERMS = TERMS
    session = new_session(client)
    press(client, stage_url("m.login.terms", session), session=session)
    assert state(client, session, type="m.login.dummy").status == 200
    is_page(client.get(stage_url("m.login.terms", session)), 400)


def link_of(client, purpose="register"):
    body = {"client_secret": SECRET, "email": ADDRESS, "send_attempt": 1}
    assert client.post(f"{API}/{purpose}/email/requestToken", data=body).status == 200
    return mails.last()


def test_a_link_confirms_by_opening_it(client):
    for purpose in ("register", "account/3pid"):
        mail = link_of(client, purpose)
        assert "Confirmed" in is_page(client.get(mail.link))
        assert "Confirmed" in is_page(client.get(mail.link))


def test_a_link_leads_on_where_the_client_said(client):
    body = {"client_secret": SECRET, "email": ADDRESS, "send_attempt": 1, "next_link": "https://localhost/app#x"}
    client.post(f"{API}/register/email/requestToken", data=body)
    answer = client.get(mails.last().link)
    assert (answer.status, answer.header("location")) == (302, "https://localhost/app#x")
    assert answer.header("referrer-policy") == "no-referrer"
    posted = client.post(mails.last().link.partition("?")[0], data=mails.last().values)
    assert (posted.status, posted.json()) == (200, {"success": True})  # next_link is for GET only


def test_a_link_that_is_no_good_gets_a_page(client):
    mail = link_of(client)
    path = mail.link.partition("?")[0]
    for wrong in ({"token": "x" * 32}, {"sid": "x"}, {"client_secret": "x"}):
        is_page(client.get(path, params={**mail.values, **wrong}), 400)
    for absent in mail.values:
        is_page(client.get(path, params={key: value for key, value in mail.values.items() if key != absent}), 400)
    is_page(client.get(path.replace("registration", "add_threepid"), params=mail.values), 400)
    is_page(client.get(path, params={**mail.values, "token": "ü\0"}), 400)
    assert Challenge.objects.get().answered_at is None


def test_a_reset_link_acts_only_when_its_button_is_pressed(client):
    register(client, "ann")
    emails.add_confirmed(users.get("ann"), ADDRESS)
    mail = link_of(client, "account/password")
    path = mail.link.partition("?")[0]
    text = is_page(client.get(mail.link))
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', text))
    assert fields == mail.values
    assert f'action="{path}"' in text
    proof = Challenge.objects.filter(purpose="email:reset-password")
    assert proof.get().answered_at is None
    is_page(press(client, path, **{**fields, "token": "x" * 32}), 400)
    assert proof.get().answered_at is None
    is_page(press(client, path, **fields))
    assert proof.get().answered_at is not None
    is_page(client.get(path, params={**mail.values, "sid": "x"}), 400)


@pytest.mark.parametrize("purpose", ["register", "account/3pid", "account/password"])
@pytest.mark.parametrize("kind", ["application/json", "text/plain", "application/x-www-form-urlencoded"])
def test_clients_may_post_the_values_as_json(client, purpose, kind):
    register(client, "ann")
    if purpose == "account/password":
        emails.add_confirmed(users.get("ann"), ADDRESS)
    mail = link_of(client, purpose)
    path = mail.link.partition("?")[0]
    wrong = client.post(path, data={**mail.values, "token": "x"}, headers={"content-type": kind})
    assert (wrong.status, wrong.json()["errcode"]) == (400, "M_THREEPID_AUTH_FAILED")
    right = client.post(path, data=mail.values, headers={"content-type": kind})
    assert (right.status, right.json()) == (200, {"success": True})
    assert right.header("access-control-allow-origin") == "*"


def test_json_that_is_no_good_is_answered_in_json(client):
    path = link_of(client).link.partition("?")[0]
    for body, status, errcode in (
        (b"", 400, "M_NOT_JSON"),
        (b"[]", 400, "M_BAD_JSON"),
        (b"{}", 400, "M_MISSING_PARAM"),
        (b'{"sid": 1, "client_secret": "x", "token": "x"}', 400, "M_BAD_JSON"),
    ):
        answer = client.post(path, body=body, headers={"content-type": "application/json"})
        assert (answer.status, answer.json()["errcode"]) == (status, errcode)


def test_long_names_are_cut(client, settings):
    settings.MATRIX_SERVER_NAME = "a" * 200 + ".example"
    assert "a" * 81 not in client.get(LOGIN).text
    assert "a" * 79 + "…" in client.get(LOGIN).text

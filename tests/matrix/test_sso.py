"""Login over the sign-in page, and the stage m.login.sso (matrix.md §5, §6 "SSO", §14; R53)."""

import re
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from accounts import rules, tokens, upstream_providers, users
from accounts.models import AuditEvent, Challenge, Token, UpstreamProvider, User
from tests.matrix.people import API
from tests.oauth.pages.reading import form_action, is_page
from tests.pages.visitor import PASSWORD, Visitor

pytestmark = pytest.mark.django_db
REDIRECT, PAGE = f"{API}/login/sso/redirect", "/account/sso/"
APP = "https://app.example.com/?a=1&b=%20#/welcome"


@pytest.fixture
def visitor(client, db):
    return Visitor(client)


@pytest.fixture
def ann(db):
    return users.create("ann", password=PASSWORD)


@pytest.fixture
def signed_in(visitor, ann):
    visitor.sign_in("ann")
    return visitor


@pytest.fixture
def provider(db):
    row = UpstreamProvider(provider_id="forge", name="Forge <b>", client_id="x")
    upstream_providers.save(row, server_url="https://forge.example", secret="s", trusts_addresses=False, actor=None)
    return row


def page(url=APP, **more):
    return f"{PAGE}?{urlencode({'redirectUrl': url, **more})}"


def redirect(client, url=APP, path=REDIRECT, **more):
    return client.get(path, params={"redirectUrl": url, **more})


def go_on(visitor, url=APP):
    visitor.get(page(url))
    return visitor.post(page(url))


def login_token(location):
    return parse_qs(urlsplit(location).query)["loginToken"][-1]


def log_in(client, token):
    return client.post(f"{API}/login", data={"type": "m.login.token", "token": token})


# --- the way there ---


@pytest.mark.parametrize("prefix", ["v3", "r0", "unstable", "api/v1"])
def test_a_client_is_led_to_the_page_on_this_site(client, prefix):
    answer = redirect(client, path=f"/_matrix/client/{prefix}/login/sso/redirect")
    assert answer.status == 302
    parts = urlsplit(answer.header("location"))
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == f"http://localhost:8000{PAGE}"
    assert parse_qs(parts.query) == {"redirectUrl": [APP]}
    assert answer.header("access-control-allow-origin") == "*"


def test_a_target_must_be_named(client):
    answer = client.get(REDIRECT)
    assert (answer.status, answer.json()["errcode"]) == (400, "M_MISSING_PARAM")


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "JavaScript:alert(1)",
        " javascript:alert(1)",
        "java\tscript:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "file:///etc/passwd",
        "blob:https://x.org/1",
        "//evil.example/",
        "/account/",
        "app",
        "",
        "https:/evil.example",
        "https:evil.example",
        "https:///evil.example",
        "https://good.example@evil.example/",
        "https://evil.example\\@good.example/",
        "https://evil.example\n.good.example/",
        "https://ünsafe.example/",
        "https://[::1/",
        "https://x.org:99999/",
        'https://x.org/"><script>',
        "https://x.org/" + "a" * 3000,
        "https://x.org/\0",
    ],
)
def test_no_browser_is_sent_to_such_a_target(client, signed_in, url):
    answer = redirect(client, url)
    assert answer.status == 400
    assert answer.json()["errcode"] == "M_INVALID_PARAM"
    is_page(signed_in.get(page(url)), 400)
    assert signed_in.post(page(url), token=signed_in.cookies["csrf"]).status in {400, 403}
    assert not Challenge.objects.exists()


def test_apps_with_a_scheme_of_their_own_are_led_back_to(signed_in, client):
    for url in ("element://connect", "im.app:/cb", "app://x?y=1#z", "http://localhost:8080/cb", "http://[::1]:3/cb"):
        assert redirect(client, url).status == 302
        go_on(signed_in, url)
        assert signed_in.page.status == 303
        scheme = url.partition("?")[0].partition("#")[0]
        assert signed_in.leads.startswith(scheme)
        assert log_in(client, login_token(signed_in.leads)).status == 200


def test_an_unknown_provider_is_an_error_page(client, provider):
    answer = redirect(client, path=f"{REDIRECT}/unknown")
    assert answer.status == 404
    assert answer.header("content-type") == "text/html; charset=utf-8"
    assert redirect(client, path=f"{REDIRECT}/own").status == 302
    assert "provider=forge" in (redirect(client, path=f"{REDIRECT}/forge").header("location") or "")


def test_a_provider_is_offered_first_where_the_client_chose_it(visitor, provider):
    text = is_page(visitor.get(page(provider="forge")))
    assert 'action="/account/upstream/forge/start/"' in text
    assert "Continue with Forge <b>" in visitor.text
    assert "Forge <b>" not in text
    assert visitor.get(page(provider="unknown")).status == 404


def test_what_is_offered_is_announced(client, provider, settings):
    flow = client.get(f"{API}/login").json()["flows"][2]
    assert flow["identity_providers"] == [{"id": "own", "name": "localhost"}, {"id": "forge", "name": "Forge <b>"}]
    settings.OAUTH = False
    assert set(client.get(f"{API}/login").json()["flows"][2]) == {"type", "identity_providers"}
    settings.MATRIX_SSO = False
    assert len(client.get(f"{API}/login").json()["flows"]) == 2
    assert (redirect(client).status, redirect(client).json()["errcode"]) == (404, "M_UNRECOGNIZED")


def test_there_is_no_page_while_it_is_off(signed_in, settings):
    settings.MATRIX_SSO = False
    assert signed_in.get(page()).status == 404
    assert signed_in.get(f"{PAGE}stage/?session=x").status == 404
    settings.MATRIX_SSO, settings.MATRIX_LEGACY_LOGIN = True, False
    assert signed_in.get(page()).status == 404


# --- the page ---


def test_a_stranger_signs_in_and_comes_back(visitor, ann):
    visitor.get(page())
    assert visitor.leads.startswith("/account/login/?next=%2Faccount%2Fsso%2F")
    visitor.fill(visitor.leads, name="ann", password=PASSWORD)
    assert visitor.leads == page()
    is_page(visitor.follow())
    assert "app.example.com wants to sign you in" in visitor.text
    assert "@ann:localhost" in visitor.text


def test_a_registration_is_offered_first_where_the_client_wants_it(visitor, settings):
    settings.REGISTRATION = "open"
    visitor.get(page(action="register"))
    assert visitor.leads.startswith("/account/signup/?next=")
    settings.REGISTRATION = "closed"
    visitor.get(page(action="register"))
    assert visitor.leads.startswith("/account/login/?next=")


def test_nothing_goes_anywhere_before_the_person_says_so(signed_in):
    answer = signed_in.get(page())
    assert answer.header("location") is None
    assert "mlt_" not in is_page(answer)
    assert form_action(answer) == "'self' https://app.example.com"
    assert not Challenge.objects.exists()


def test_the_token_is_added_to_the_query_and_logs_in_once(signed_in, client):
    answer = go_on(signed_in)
    assert answer.status == 303
    assert answer.header("cache-control") == "no-store"
    match = re.fullmatch(r"https://app\.example\.com/\?a=1&b=%20&loginToken=(mlt_\w+)#/welcome", signed_in.leads)
    assert match
    body = log_in(client, match[1])
    assert (body.status, body.json()["user_id"]) == (200, "@ann:localhost")
    assert log_in(client, match[1]).status == 403
    event = AuditEvent.objects.get(event="login-token")
    assert (event.subject, event.facts["to"]) == ("ann", "app.example.com")
    assert match[1] not in str(event.facts)


def test_a_planted_token_is_taken_out(signed_in):
    go_on(signed_in, "https://app.example.com/?loginToken=planted&login%54oken=2&x=1")
    assert parse_qs(urlsplit(signed_in.leads).query)["x"] == ["1"]
    assert signed_in.leads.lower().count("token=") == 1
    assert "planted" not in signed_in.leads


def test_without_the_token_of_the_form_nothing_is_issued(signed_in):
    assert signed_in.post(page(), token="").status == 403
    assert not Challenge.objects.exists()


def test_a_token_is_dead_when_the_browser_signed_out(signed_in, client):
    go_on(signed_in)
    token = login_token(signed_in.leads)
    signed_in.get("/account/")
    signed_in.send("/account/logout/")
    assert log_in(client, token).status == 403


def test_a_host_that_the_operator_trusts_is_gone_to_without_asking(visitor, ann, client, settings):
    settings.MATRIX_SSO_HOSTS = ["app.example.com"]
    visitor.get(page())
    visitor.fill(visitor.leads, name="ann", password=PASSWORD)
    assert visitor.get(page()).header("location") is None  # a form's redirect to elsewhere would be stopped
    text = visitor.page.text
    found = re.search(r'<meta http-equiv="refresh" content="0; url=([^"]+)">', text)
    assert found
    assert log_in(client, login_token(found[1].replace("&amp;", "&"))).status == 200
    for other in ("http://app.example.com/", "https://app.example.com.evil.example/", "app.example.com://x/"):
        assert "http-equiv" not in is_page(visitor.get(page(other)))
    assert Challenge.objects.count() == 1


def test_tokens_of_one_person_are_limited(signed_in, settings, standing_clock):
    settings.RATE_LIMIT_SCALE = 1
    signed_in.get(page())
    token = signed_in.csrf()
    statuses = [signed_in.post(page(), token=token).status for _ in range(31)]
    assert statuses == [303] * 30 + [429]
    is_page(signed_in.page, 429)
    assert int(signed_in.page.header("retry-after") or 0) >= 1


def test_a_browser_that_was_ended_gets_no_token(signed_in, ann):
    signed_in.get(page())
    tokens.revoke(Token.objects.filter(user=ann), reason="all ended")
    signed_in.post(page())
    assert signed_in.leads.startswith("/account/login/")
    assert not Challenge.objects.exists()


def test_whom_the_lists_keep_out_of_this_door_gets_no_token(signed_in):
    rules.add("deny", "username", "ann", flow="matrix")
    signed_in.get(page())
    is_page(signed_in.post(page()), 403)
    assert not Challenge.objects.exists()


# --- the stage ---


@pytest.fixture
def keyless(signed_in, client, ann):
    """A session of a Matrix app of an account that has lost its password; the browser stays signed in."""
    answer = client.post(f"{API}/login", data={"type": "m.login.password", "user": "ann", "password": PASSWORD})
    User.objects.filter(pk=ann.pk).update(password="!")
    return answer.json()["access_token"]


def ask(client, token, **auth):
    body = {"devices": ["X"]} | ({"auth": auth} if auth else {})
    return client.post(f"{API}/delete_devices", data=body, token=token)


def fallback(session, stage="m.login.sso"):
    return f"{API}/auth/{stage}/fallback/web?{urlencode({'session': session})}"


def test_an_account_without_a_password_confirms_on_its_page(client, signed_in, keyless):
    asked = ask(client, keyless).json()
    session = asked["session"]
    assert asked["flows"] == [{"stages": ["m.login.sso"]}, {"stages": ["m.login.token"]}]
    assert ask(client, keyless, type="m.login.sso", session=session).json()["errcode"] == "M_UNAUTHORIZED"
    first = client.get(fallback(session))
    assert first.status == 200
    assert first.header("cross-origin-opener-policy") is None
    assert first.header("set-cookie") is None
    assert f'href="http://localhost:8000/account/sso/stage/?session={session}"' in first.text
    assert "sign out devices" in first.text
    pressed = client.post(
        fallback(session),
        body=urlencode({"session": session}).encode(),
        headers={"content-type": "application/x-www-form-urlencoded"},
    )
    assert (pressed.status, "Not confirmed yet" in pressed.text) == (400, True)
    is_page(signed_in.get(f"{PAGE}stage/?session={session}"))
    assert "to sign out devices of yours" in signed_in.text
    text = is_page(signed_in.post(f"{PAGE}stage/?session={session}"))
    assert fallback(session).replace("&", "&amp;") in text
    assert "done.js" in client.get(fallback(session)).text
    assert ask(client, keyless, session=session).json() == {}
    assert AuditEvent.objects.get(event="stage-confirmed").facts == {"call": "POST delete_devices"}


def test_nobody_confirms_for_somebody_else(client, signed_in, keyless, visitor):
    session = ask(client, keyless).json()["session"]
    users.create("bob", password=PASSWORD)
    other = Visitor(client)
    other.sign_in("bob")
    is_page(other.get(f"{PAGE}stage/?session={session}"), 404)
    other.get("/account/")
    is_page(other.post(f"{PAGE}stage/?session={session}"), 404)
    assert ask(client, keyless, session=session).status == 401


def test_a_session_that_does_not_offer_it_is_not_confirmed(client, signed_in, ann):
    answer = client.post(f"{API}/login", data={"type": "m.login.password", "user": "ann", "password": PASSWORD})
    session = ask(client, answer.json()["access_token"]).json()["session"]
    is_page(signed_in.get(f"{PAGE}stage/?session={session}"), 404)
    assert client.get(fallback(session)).status == 404
    is_page(signed_in.get(f"{PAGE}stage/?session=unknown"), 404)
    is_page(signed_in.get(f"{PAGE}stage/"), 404)


def test_confirming_needs_the_token_of_its_form_and_a_recent_sign_in(client, signed_in, keyless, settings):
    session = ask(client, keyless).json()["session"]
    signed_in.get(f"{PAGE}stage/?session={session}")
    assert signed_in.post(f"{PAGE}stage/?session={session}", token="").status == 403
    settings.RECENT_SIGN_IN = 0
    signed_in.get(f"{PAGE}stage/?session={session}")
    assert signed_in.leads.startswith("/account/reauthenticate/?next=%2Faccount%2Fsso%2Fstage%2F")
    assert ask(client, keyless, session=session).status == 401


def test_a_login_token_can_be_had_without_a_password(client, signed_in, keyless):
    path = "/_matrix/client/v1/login/get_token"
    session = client.post(path, data={}, token=keyless).json()["session"]
    signed_in.get(f"{PAGE}stage/?session={session}")
    signed_in.post(f"{PAGE}stage/?session={session}")
    answer = client.post(path, data={"auth": {"session": session}}, token=keyless)
    assert answer.status == 200
    assert log_in(client, answer.json()["login_token"]).status == 200

"""/authorize: faults, signing in on the way, the question, the answer (matrix-oauth.md §4; R21–R23, R52, R53)."""

import re
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest

from accounts import rules, tokens, users
from accounts.models import AuditEvent, Challenge, Device, Token
from devicelogin.oauth import clients
from tests.oauth import people
from tests.oauth.pages.reading import asked, carried, decided, form_action, here, is_page
from tests.oauth.people import CALLBACK

pytestmark = pytest.mark.django_db
NATIVE = "com.example.app:/cb"


# --- faults ---


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"client_id": "unknown"}, "is not known here"),
        ({"redirect_uri": "https://evil.example/cb"}, "did not register"),
        ({"redirect_uri": None}, "did not register"),
        ({"state": "\0"}, "damaged"),
    ],
)
def test_without_safe_ground_a_page_says_so_and_nobody_is_sent_away(visitor, link, change, words):
    client_id = change.pop("client_id", "")
    answer = visitor.get(link(client_id, **change))
    assert words in is_page(answer, 400)
    assert answer.header("location") is None
    assert not Challenge.objects.exists()


def test_a_request_without_a_program_gets_a_page(visitor, program):
    assert "which program" in is_page(visitor.get("/authorize"), 400)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "everything"}, "invalid_scope"),
        ({"prompt": "none login"}, "invalid_request"),
    ],
)
def test_other_faults_go_back_to_the_program(visitor, link, change, error):
    answer = visitor.get(link(**change))
    assert answer.status == 302
    assert answer.header("cache-control") == "no-store"
    assert visitor.leads.startswith(f"{CALLBACK}?")
    found = carried(visitor.leads)
    assert (found["error"], found["state"], found["iss"]) == (error, "xyz", "http://localhost:8000/")


def test_a_repeated_parameter_is_seen_across_query_and_form(visitor, link):
    visitor.get(f"{link()}&scope=openid")
    assert carried(visitor.leads)["error"] == "invalid_request"
    visitor.post(link(), {"scope": "openid"})
    assert carried(visitor.leads)["error"] == "invalid_request"


def test_a_fault_goes_back_in_the_mode_that_was_asked_for(visitor, link):
    visitor.get(link(scope="everything", response_mode="fragment"))
    assert visitor.leads.startswith(f"{CALLBACK}#error=invalid_scope")
    is_page(visitor.get(link(scope="everything", response_mode="form_post")))
    assert visitor.hidden()["error"] == "invalid_scope"


def test_requests_of_one_address_are_limited(visitor, link, settings, standing_clock):
    settings.OAUTH_AUTHORIZE_RATE = type(settings.OAUTH_AUTHORIZE_RATE)(2, 60)
    settings.RATE_LIMIT_SCALE = 1
    assert [visitor.get(link()).status for _ in range(3)] == [303, 303, 429]
    is_page(visitor.page, 429)
    assert int(visitor.page.header("retry-after") or 0) >= 1


def test_there_is_no_page_while_oauth_is_off(signed_in, link, settings):
    path = here(signed_in, link())
    settings.OAUTH = False
    assert {signed_in.get(one).status for one in (link(), path, "/link", "/link/decide", "/link/scan")} == {404}


def test_a_blocked_program_cannot_go_on(signed_in, link):
    path = here(signed_in, link())
    clients.block("example.com")
    is_page(signed_in.get(path), 400)
    is_page(decided(signed_in, path, "allow"), 400)
    assert not Challenge.objects.filter(purpose="authorization-code").exists()


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_other_methods_are_refused(client, link, method):
    assert client.request(method, link(), headers={"host": "localhost"}).status == 405


# --- signing in on the way ---


def test_a_stranger_signs_in_and_comes_back_to_the_question(visitor, ann, link):
    asked(visitor, link(login_hint="mxid:@ann:localhost"))
    assert 'value="ann"' in visitor.page.text
    visitor.send("/account/login/", name="ann", password=people.PASSWORD)
    assert visitor.leads.startswith("/authorize/")
    assert "Element" in is_page(visitor.follow())


def test_the_request_survives_a_long_state_and_arrives_unchanged(visitor, ann, link):
    state = "ü&=#%2F " * 200
    asked(visitor, link(state=state, nonce="n" * 2000))
    visitor.send("/account/login/", name="ann", password=people.PASSWORD)
    path = visitor.leads
    visitor.follow()
    decided(visitor, path, "allow")
    assert parse_qs(urlsplit(visitor.leads).query)["state"] == [state]


def test_a_form_of_another_site_may_ask_too(visitor, ann, link, program):
    """It arrives without cookies (SameSite=Lax), so it only leads to the page that asks."""
    fields = {name: values[0] for name, values in people.parameters(program).items()}
    answer = visitor.post("/authorize", {**fields, "csrfmiddlewaretoken": None})
    assert (answer.status, visitor.leads[:11]) == (303, "/authorize/")


def test_prompt_create_shows_registration_first(visitor, link, settings):
    settings.REGISTRATION = "open"
    visitor.get(link(prompt="create"))
    visitor.follow()
    assert visitor.leads.startswith("/account/signup/?next=%2Fauthorize%2F")
    settings.REGISTRATION = "closed"
    visitor.get(link(prompt="create"))
    visitor.follow()
    assert visitor.leads.startswith("/account/login/?next=")


def test_prompt_none_is_answered_without_a_page(visitor, ann, link):
    visitor.get(link(prompt="none"))
    visitor.follow()
    assert carried(visitor.leads)["error"] == "login_required"
    visitor.sign_in("ann")
    visitor.get(link(prompt="none"))
    answer = visitor.follow()
    assert (answer.status, carried(visitor.leads)["error"]) == (302, "consent_required")


def test_prompt_none_with_a_proof_too_old_needs_a_login(signed_in, link):
    signed_in.get(link(prompt="none", max_age="0"))
    signed_in.follow()
    assert carried(signed_in.leads)["error"] == "login_required"


@pytest.mark.parametrize("more", [{"prompt": "login"}, {"max_age": "0"}])
def test_the_password_is_asked_again_where_the_program_wants_it(signed_in, link, more):
    signed_in.get(link(**more))
    path = signed_in.leads
    signed_in.follow()
    assert signed_in.leads.startswith("/account/reauthenticate/?next=%2Fauthorize%2F")
    decided(signed_in, path, "allow")  # past the page: no way
    assert signed_in.leads.startswith("/account/reauthenticate/")
    signed_in.fill(signed_in.leads, password=people.PASSWORD)
    assert signed_in.leads == path
    is_page(signed_in.follow())
    decided(signed_in, path, "allow")
    assert "code" in carried(signed_in.leads)


def test_a_recent_proof_is_good_for_its_max_age(signed_in, link):
    is_page(asked(signed_in, link(max_age="3600")))


def test_who_has_to_choose_a_password_does_that_first(signed_in, ann, link):
    ann.must_change_password = True
    ann.save()
    signed_in.get(link())
    signed_in.follow()
    assert signed_in.leads.startswith("/account/password/?next=%2Fauthorize%2F")


def test_the_wanted_language_goes_before_the_browsers(signed_in, link):
    signed_in.get(link(ui_locales="tlh de-AT en"))
    assert signed_in.cookies["django_language"] == "de"
    assert signed_in.follow().header("content-language") == "de"
    other = signed_in.get(link(ui_locales="x" * 50))
    assert "django_language" not in str(other.headers)


# --- the question ---


def test_the_question_says_who_asks_what_for_and_where_it_leads(signed_in, link):
    here(signed_in, link(scope=f"{people.device_scope()} openid email"))
    is_page(signed_in.page)
    for words in (
        "Element of example.com",
        "@ann:localhost",
        "app.example.com",
        "AAABBBCCCDDD",
        "Firefox on Linux",
        "read and send messages",
        "name of your account",
        "See your e-mail address",
        "Not you?",
        "Allow",
        "Deny",
    ):
        assert words in signed_in.text
    assert "urn:" not in signed_in.text


def test_asking_again_without_an_answer_asks(signed_in, link):
    path = here(signed_in, link())
    assert "Allow" in is_page(signed_in.get(path))  # a reload
    assert "Allow" in is_page(signed_in.post(path, {"decision": "perhaps"}))
    assert not Challenge.objects.filter(purpose="authorization-code").exists()


@pytest.mark.parametrize(
    ("uris", "uri", "source"),
    [
        ([CALLBACK], CALLBACK, "https://app.example.com"),
        (["https://app.example.com:8443/cb"], "https://app.example.com:8443/cb", "https://app.example.com:8443"),
        ([NATIVE], NATIVE, "com.example.app:"),
        (["http://127.0.0.1/cb"], "http://127.0.0.1:51234/cb", "http://127.0.0.1:51234"),
        (["http://localhost/cb"], "http://localhost/cb", "http://localhost"),
        (["http://[::1]/cb"], "http://[::1]:5/cb", "http:"),
    ],
)
def test_the_form_may_end_at_the_programs_target_and_nowhere_else(client, signed_in, link, uris, uri, source):
    native = people.register(client, application_type="native", redirect_uris=uris)["client_id"]
    path = here(signed_in, link(native, redirect_uri=uri))
    assert form_action(signed_in.page) == f"'self' {source}"
    decided(signed_in, path, "allow")
    assert (signed_in.page.status, signed_in.leads.startswith(f"{uri}?code=idp_ac_")) == (303, True)


def test_names_are_escaped_isolated_and_cut(client, signed_in, link):
    name = '<script>alert("x")</script>' + "n" * 200
    program = people.register(client, client_name=name)["client_id"]
    here(signed_in, link(program))
    text = is_page(signed_in.page)
    assert "<script>alert" not in text
    shown = re.search(r"<bdi>(&lt;script[^<]*)</bdi>", text)
    assert shown
    assert len(unescape(shown[1])) == 80


@pytest.mark.parametrize("device_id", ["'+alert(1)+'AAAA", "a&lt=AAAAAAA"])
def test_a_device_id_is_escaped(signed_in, link, device_id):
    here(signed_in, link(scope=people.device_scope(device_id)))
    assert device_id not in is_page(signed_in.page)
    assert device_id[:9] in signed_in.text


def test_another_account_comes_back_to_the_same_request(signed_in, link):
    people.person("bob")
    path = here(signed_in, link())
    signed_in.send("/account/logout/", next=path)
    assert signed_in.leads == path
    signed_in.follow()
    assert signed_in.leads.startswith("/account/login/")
    signed_in.follow()
    signed_in.send("/account/login/", name="bob", password=people.PASSWORD)
    assert "@bob:localhost" in is_page(signed_in.follow())


# --- the answer ---


def test_an_allowed_request_opens_a_session_on_the_wanted_device(signed_in, client, link, program):
    path = here(signed_in, link())
    answer = decided(signed_in, path, "allow")
    assert answer.status == 303
    found = carried(signed_in.leads)
    assert (found["state"], found["iss"]) == ("xyz", "http://localhost:8000/")
    tokens_given = people.redeem(client, found["code"], program)
    assert tokens_given.status == 200
    assert people.who_am_i(client, tokens_given.json()["access_token"]).json()["device_id"] == "AAABBBCCCDDD"
    assert Device.objects.get(device_id="AAABBBCCCDDD").display_name == "Element on Firefox/Linux"


def test_a_no_goes_back_as_access_denied(signed_in, link):
    path = here(signed_in, link())
    assert decided(signed_in, path, "deny").status == 303
    assert carried(signed_in.leads)["error"] == "access_denied"
    event = AuditEvent.objects.get(event="consent-refused")
    assert (event.subject, event.ip) == ("ann", "203.0.113.7")


@pytest.mark.parametrize("first", ["allow", "deny"])
def test_one_decision_counts(signed_in, link, first):
    path = here(signed_in, link())
    decided(signed_in, path, first)
    codes = Challenge.objects.filter(purpose="authorization-code").count()
    for again in ("allow", "deny"):
        is_page(decided(signed_in, path, again), 400)
    assert "decided already" in is_page(signed_in.get(path), 400)
    assert Challenge.objects.filter(purpose="authorization-code").count() == codes == int(first == "allow")


def test_a_request_nobody_decided_is_forgotten_after_an_hour(signed_in, link):
    path = here(signed_in, link())
    Challenge.objects.filter(purpose="authorization-request").update(expires_at="2020-01-01T00:00:00Z")
    is_page(signed_in.get(path), 400)


def test_a_handle_that_nobody_was_given_opens_nothing(signed_in):
    is_page(signed_in.get("/authorize/unknown"), 400)
    assert signed_in.get("/authorize/a/b").status == 404


def test_a_decision_without_its_form_token_counts_for_nothing(signed_in, link):
    path = here(signed_in, link())
    assert signed_in.post(path, {"decision": "allow"}, token="").status == 403
    assert signed_in.post(path, {"decision": "allow"}, token="x" * 64).status == 403
    assert not Challenge.objects.filter(purpose="authorization-code").exists()


def test_a_page_shown_to_one_person_cannot_be_answered_as_another(signed_in, link):
    people.person("bob")
    path = here(signed_in, link())
    old = signed_in.csrf()
    signed_in.post("/account/logout/")
    signed_in.sign_in("bob")
    assert signed_in.post(path, {"decision": "allow"}, token=old).status == 403


def test_the_answer_is_fragment_or_a_form_where_the_program_wants_that(signed_in, link):
    path = here(signed_in, link(response_mode="fragment"))
    decided(signed_in, path, "allow")
    assert signed_in.leads.startswith(f"{CALLBACK}#code=idp_ac_")
    path = here(signed_in, link(response_mode="form_post", state='"><script>x</script>'))
    page = decided(signed_in, path, "allow")
    is_page(page)
    assert form_action(page) == "'self' https://app.example.com"
    assert f'action="{CALLBACK}"' in page.text
    assert "/static/oauth/form_post.js" in page.text
    assert "<button" in page.text.partition('id="answer"')[2]  # without JavaScript
    found = signed_in.hidden()
    assert found["code"].startswith("idp_ac_")
    assert found["state"] == '"><script>x</script>'
    assert "<script>x" not in page.text


def test_a_browser_that_was_ended_decides_nothing(signed_in, ann, link):
    path = here(signed_in, link())
    tokens.revoke(Token.objects.filter(user=ann), reason="all ended")
    decided(signed_in, path, "allow")
    assert signed_in.leads.startswith("/account/login/")
    assert not Challenge.objects.filter(purpose="authorization-code").exists()


def test_a_locked_account_decides_nothing(signed_in, ann, link):
    path = here(signed_in, link())
    users.lock(ann)
    decided(signed_in, path, "allow")
    assert signed_in.leads.startswith("/account/login/")


@pytest.mark.parametrize(("field", "value"), [("username", "ann"), ("ip", "203.0.113.0/24")])
def test_whom_the_lists_refuse_decides_nothing(signed_in, link, field, value):
    path = here(signed_in, link())
    rules.add("deny", field, value)
    decided(signed_in, path, "allow")
    assert signed_in.leads.startswith("/account/login/")
    assert not Challenge.objects.filter(purpose="authorization-code").exists()


def test_scopes_of_administrators_go_back_refused_for_others(signed_in, link):
    path = here(signed_in, link(scope=f"{people.device_scope()} urn:synapse:admin:*"))
    assert "Administer the homeserver" in signed_in.text
    decided(signed_in, path, "allow")
    assert carried(signed_in.leads)["error"] == "access_denied"


@pytest.mark.parametrize("name", ["consent.js", "form_post.js", "pages.css"])
def test_scripts_and_style_are_files(client, name):
    assert client.get(f"/static/oauth/{name}").status == 200

"""Reading an authorization request, and where the browser goes back to (matrix-oauth.md §4; R21, R22)."""

from urllib.parse import parse_qs, urlsplit

import pytest

from accounts import rules, users
from accounts.models import AuditEvent, Challenge
from devicelogin.oauth import authorizing, clients
from devicelogin.oauth.authorizing import PageError, RedirectError
from tests.oauth import people
from tests.oauth.people import CALLBACK, parameters

pytestmark = pytest.mark.django_db


def refused(fields):
    with pytest.raises(RedirectError) as caught:
        authorizing.read(fields)
    return caught.value


def query(redirect):
    return {name: values[0] for name, values in parse_qs(urlsplit(redirect.uri).query).items()}


def test_a_good_request_says_all_that_a_page_shows(program):
    more = {"login_hint": "mxid:@ann:localhost", "prompt": "login", "max_age": "60", "nonce": "n"}
    request = authorizing.read(parameters(program, **more))
    assert (request.client_id, request.client_name, request.client_host) == (program, "Element", "example.com")
    assert (request.redirect_host, request.device_id) == ("app.example.com", "AAABBBCCCDDD")
    assert request.scopes == tuple(people.device_scope().split())
    assert (request.prompt, request.max_age, request.hinted_name) == (("login",), 60, "ann")
    assert authorizing.from_facts(request.as_facts()) == request


@pytest.mark.parametrize(("hint", "name"), [("ann", "ann"), ("ann@x.org", "ann@x.org"), ("mxid:@ann:other.org", "")])
def test_a_hint_names_somebody_of_here(program, hint, name):
    assert authorizing.read(parameters(program, login_hint=hint)).hinted_name == name


@pytest.mark.parametrize(
    "change",
    [
        {"client_id": "unknown"},
        {"client_id": ""},
        {"redirect_uri": ""},
        {"redirect_uri": "https://app.example.com/cb/"},
        {"redirect_uri": "https://app.example.com/cb?x=1"},
        {"redirect_uri": "https://APP.example.com/cb"},
        {"redirect_uri": "https://other.org/cb"},
        {"redirect_uri": CALLBACK + "\0"},
    ],
)
def test_without_safe_ground_there_is_a_page_and_no_redirect(program, change):
    with pytest.raises(PageError):
        authorizing.read(parameters(program, **change))


@pytest.mark.parametrize("name", ["client_id", "redirect_uri"])
def test_a_program_or_target_named_twice_is_no_safe_ground(program, name):
    fields = parameters(program)
    with pytest.raises(PageError):
        authorizing.read({**fields, name: fields[name] * 2})


def test_a_blocked_program_gets_a_page(program):
    clients.block("example.com")
    with pytest.raises(PageError):
        authorizing.read(parameters(program))


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"code_challenge": ""}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": ""}, "invalid_request"),
        ({"response_type": ""}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"response_mode": "web_message"}, "invalid_request"),
        ({"scope": ""}, "invalid_scope"),
        ({"scope": "everything"}, "invalid_scope"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"prompt": "whatever"}, "invalid_request"),
        ({"max_age": "soon"}, "invalid_request"),
        ({"request": "eyJ"}, "request_not_supported"),
        ({"request_uri": "https://example.com/r"}, "request_uri_not_supported"),
        ({"nonce": "n" * 3000}, "invalid_request"),
    ],
)
def test_every_other_fault_goes_back_to_the_program(program, change, error):
    fault = refused(parameters(program, **change))
    answer = query(fault.redirect)
    assert fault.redirect.uri.startswith(CALLBACK + "?")
    assert (fault.error, answer["error"]) == (error, error)
    assert answer["state"] == "xyz"
    assert answer["iss"] == "http://localhost:8000/"
    assert answer["error_description"]


def test_a_repeated_parameter_goes_back_without_a_doubtful_state(program):
    fields = parameters(program)
    assert refused({**fields, "scope": fields["scope"] * 2}).error == "invalid_request"
    twice = refused({**fields, "state": ["a", "b"]})
    assert "state" not in query(twice.redirect)


def test_a_program_that_did_not_register_the_grant_is_unauthorized(client):
    grants = [people.DEVICE_GRANT]
    device_only = people.register(client, grant_types=grants, response_types=[])
    assert refused(parameters(device_only["client_id"])).error == "unauthorized_client"


@pytest.mark.parametrize("port", ["", ":1", ":65535"])
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
def test_the_port_of_a_loopback_target_does_not_count(client, host, port):
    uris = [f"http://{host}/cb"]
    native = people.register(client, application_type="native", redirect_uris=uris)["client_id"]
    request = authorizing.read(parameters(native, redirect_uri=f"http://{host}{port}/cb"))
    assert request.redirect_uri == f"http://{host}{port}/cb"
    with pytest.raises(PageError):
        authorizing.read(parameters(native, redirect_uri=f"http://{host}{port}/other"))


@pytest.mark.parametrize("mode", ["query", "fragment", "form_post"])
def test_each_response_mode_carries_code_state_and_issuer(ann, program, mode):
    request = authorizing.read(parameters(program, response_mode=mode))
    browser = people.browser_of(ann)
    redirect = authorizing.approve(request, user=ann, browser=browser, ip="203.0.113.9", user_agent="x")
    assert redirect.mode == mode
    if mode == "form_post":
        assert redirect.uri == CALLBACK
        fields = redirect.fields
    else:
        parts = urlsplit(redirect.uri)
        text = parts.query if mode == "query" else parts.fragment
        fields = {name: values[0] for name, values in parse_qs(text).items()}
        assert (parts.query == "") is (mode == "fragment")
    assert fields["code"].startswith("idp_ac_")
    assert (fields["state"], fields["iss"]) == ("xyz", "http://localhost:8000/")


def test_a_query_in_the_registered_target_stays(client, ann):
    target = f"{CALLBACK}?tenant=1"
    program = people.register(client, redirect_uris=[target])["client_id"]
    request = authorizing.read(parameters(program, redirect_uri=target))
    redirect = authorizing.approve(request, user=ann, browser=people.browser_of(ann), ip="", user_agent="")
    assert query(redirect)["tenant"] == "1"
    assert "code" in query(redirect)


def test_a_no_goes_back_and_stands_in_the_log(ann, program):
    request = authorizing.read(parameters(program))
    assert query(authorizing.deny(request, user=ann, ip="203.0.113.9"))["error"] == "access_denied"
    assert AuditEvent.objects.get(event="consent-refused").subject == "ann"
    assert not Challenge.objects.exists()


def test_pages_can_refuse_what_prompt_none_forbids(program):
    request = authorizing.read(parameters(program, prompt="none"))
    assert query(authorizing.refuse(request, "login_required"))["error"] == "login_required"


def test_whom_the_lists_refuse_cannot_consent(ann, program):
    request = authorizing.read(parameters(program))
    browser = people.browser_of(ann)
    rules.add("deny", "username", "ann")
    redirect = authorizing.approve(request, user=ann, browser=browser, ip="", user_agent="")
    assert query(redirect)["error"] == "access_denied"


def test_a_locked_account_cannot_consent(ann, program):
    request = authorizing.read(parameters(program))
    browser = people.browser_of(ann)
    users.lock(ann)
    assert query(authorizing.approve(request, user=ann, browser=browser, ip="", user_agent=""))["error"]


@pytest.mark.parametrize("scope", ["urn:synapse:admin:*", "urn:idp:admin"])
def test_scopes_of_administrators_are_theirs_alone(program, ann, scope):
    request = authorizing.read(parameters(program, scope=f"{people.device_scope()} {scope}"))
    refusal = authorizing.approve(request, user=ann, browser=people.browser_of(ann), ip="", user_agent="")
    assert query(refusal)["error"] == "access_denied"
    ada = people.person("ada", administrator=True)
    granted = authorizing.approve(request, user=ada, browser=people.browser_of(ada), ip="", user_agent="")
    assert "code" in query(granted)


def test_consent_is_logged_without_the_code(ann, program):
    code = people.approved(ann, program)
    event = AuditEvent.objects.get(event="consent-given")
    assert event.facts["client"] == program
    assert code not in str(event.facts)

"""/link: a code is typed, a person decides (qr-login.md §7.6; R20, R37, R49, R52)."""

import re

import pytest
import time_machine

from accounts import clock, devices, rules, switches, tokens, users
from accounts.models import AuditEvent, Challenge, Device, Token
from devicelogin.oauth import clients, device_grants
from tests.oauth import people
from tests.oauth.pages.reading import is_page

pytestmark = pytest.mark.django_db
NOT_GOOD = "This code is not good"


def typed(visitor, code):
    """As far as the question."""
    visitor.fill("/link", code=code)
    assert visitor.leads == "/link/decide", visitor.text
    return visitor.follow()


def decide(visitor, grant, decision="allow", **fields):
    sent = {"code": grant["user_code"], "decision": decision} | ({"confirmed": "yes"} if decision == "allow" else {})
    return visitor.post("/link/decide", {key: value for key, value in (sent | fields).items() if value is not None})


def polled(client, grant, program):
    answer = people.poll(client, grant["device_code"], program)
    return answer.status, answer.json().get("error", "")


# --- the code ---


def test_the_page_has_one_field(signed_in):
    text = is_page(signed_in.get("/link"))
    assert len(re.findall(r'<input[^>]*type="text"', text)) == 1
    assert is_page(signed_in.get("/link/"))
    assert "autofocus" not in text


@pytest.mark.parametrize("shape", ["{}", " {} ", "{} "])
@pytest.mark.parametrize(
    "change", [str, str.lower, lambda code: code.replace("-", ""), lambda code: code.replace("-", " ")]
)
def test_a_code_may_be_typed_as_people_type(signed_in, grant, shape, change):
    is_page(typed(signed_in, shape.format(change(grant["user_code"]))))


@pytest.mark.parametrize("code", ["", "  ", "BBBB-BBBB", "<script>alert(1)</script>", "ü" * 500, "\0"])
def test_a_code_that_is_none_shows_the_form_again(signed_in, code):
    signed_in.fill("/link", code=code)
    text = is_page(signed_in.page, 404 if code.strip() else 400)
    assert 'id="code"' in text
    assert 'role="alert"' in text
    assert "<script>alert" not in text


def test_used_expired_and_unknown_codes_are_told_the_same(signed_in, client, grant, program):
    seen = []
    for spoil in ("unknown", "denied", "expired"):
        fresh = people.ask_device(client, program).json()
        if spoil == "denied":
            people.allow(fresh["user_code"], users.get("ann"))
        elif spoil == "expired":
            Challenge.objects.filter(purpose="device-grant").update(expires_at=clock.after(-1))
        signed_in.fill("/link", code="BBBB-BBBB" if spoil == "unknown" else fresh["user_code"])
        seen.append(re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", is_page(signed_in.page, 404)))
    assert NOT_GOOD in seen[0]
    assert seen[0] == seen[1] == seen[2]


def test_a_stranger_signs_in_and_comes_back_to_the_same_grant(visitor, ann, grant):
    visitor.get(f"/link?code={grant['user_code']}")
    assert visitor.leads.startswith("/account/login/?next=")
    visitor.fill(visitor.leads, name="ann", password=people.PASSWORD)
    assert visitor.leads == f"/link?code={grant['user_code']}"
    assert grant["user_code"] in is_page(visitor.follow())


@pytest.mark.parametrize("name", ["code", "user_code"])
def test_a_link_with_the_code_spares_the_typing_and_asks_to_compare(signed_in, client, grant, program, name):
    text = is_page(signed_in.get(f"/link?{name}={grant['user_code'].lower()}"))
    assert "must show exactly this code" in signed_in.text
    assert f"<code>{grant['user_code']}</code>" in text
    assert polled(client, grant, program) == (400, "authorization_pending")


@pytest.mark.parametrize("turned", [False, True])
def test_a_link_with_the_code_does_nothing_where_none_is_wanted_and_says_so(signed_in, grant, settings, turned):
    if turned:
        switches.turn(device_grants.LINKS.name, "off", actor=None)
    else:
        settings.DEVICE_CODE_LINK = False
    text = is_page(signed_in.get(f"/link?code={grant['user_code']}"))
    assert grant["user_code"] not in text
    assert 'id="code"' in text
    assert "takes no codes out of links" in signed_in.text
    signed_in.get("/link")
    assert "takes no codes out of links" not in signed_in.text
    is_page(typed(signed_in, grant["user_code"]))


def test_a_typed_code_is_not_shown_for_comparing(signed_in, grant):
    typed(signed_in, grant["user_code"])
    assert "Compare the code" not in signed_in.text


def test_the_page_is_gone_while_device_login_is_off(signed_in, settings):
    settings.OAUTH_DEVICE_GRANT = False
    assert signed_in.get("/link").status == 404
    assert signed_in.get("/link/decide").status == 404


# --- limits ---


def test_ten_wrong_codes_of_an_account_are_enough(signed_in, visit, grant, standing_clock):
    for number in range(10):
        signed_in.fill("/link", code=f"BBBBBBB{'BCDFGHJKLM'[number]}")
        assert signed_in.page.status == 404
    signed_in.fill("/link", code="CCCCCCCC")
    is_page(signed_in.page, 429)
    assert int(signed_in.page.header("retry-after") or 0) >= 1
    assert "tried too often" in signed_in.text
    signed_in.fill("/link", code=grant["user_code"])  # a right one is not looked at either
    assert signed_in.page.status == 429
    elsewhere = visit("198.51.100.1")
    elsewhere.sign_in("ann")
    elsewhere.fill("/link", code=grant["user_code"])
    assert elsewhere.page.status == 429
    assert decide(elsewhere, grant).status == 429


def test_twenty_wrong_codes_of_an_address_are_enough(visit, ann, grant, settings, standing_clock):
    settings.USER_CODE_RATE = type(settings.USER_CODE_RATE)(1000, 600)
    first, second = visit(), visit()
    people.person("bob")
    first.sign_in("ann")
    second.sign_in("bob")
    for number in range(20):
        who = (first, second)[number % 2]
        who.get(f"/link?code=BBBBBB{'BCDFGHJKLM'[number // 2]}B")
        assert who.page.status == 404
    second.get("/link?code=CCCCCCCC")
    is_page(second.page, 429)


def test_a_right_code_never_counts_as_wrong(signed_in, grant, standing_clock):
    for _ in range(12):
        is_page(signed_in.get(f"/link?code={grant['user_code']}"))


# --- the question ---


def test_the_question_shows_all_a_person_should_know(signed_in, client, program):
    client.address = "198.51.100.77"
    scope = f"{people.device_scope()} openid"
    answer = people.ask_device(client, program, scope, user_agent=people.FIREFOX)
    text = is_page(typed(signed_in, answer.json()["user_code"]))
    for words in (
        "Another device , not the one you are holding",
        "@ann:localhost",
        "Use another account",
        "Element of example.com",
        "198.51.100.77",
        "another network than yours",
        "read and send messages",
        "name of your account",
        "No administrator, and nobody from support, will ever ask you",
        "The other device is mine",
    ):
        assert words in signed_in.text, words
    assert re.search(r'<time datetime="[^"]+">\d\d:\d\d UTC</time>', text)
    box = re.search(r'<input type="checkbox"[^>]*>', text)
    assert box
    assert "required" in box[0]
    assert "checked" not in box[0]
    assert "autofocus" not in text
    assert text.count('method="post" action="/link/decide"') == 2


def test_the_device_that_asks_is_told_by_its_program(signed_in, client, program):
    sent = {"User-Agent": people.FIREFOX}
    answer = people.form(client, "/oauth2/device", {"client_id": program, "scope": people.device_scope()}, **sent)
    typed(signed_in, answer.json()["user_code"])
    assert "Firefox on Linux" in signed_in.text
    sent = {"User-Agent": '<img src=x onerror=alert(1)>"' + "A" * 200}
    answer = people.form(client, "/oauth2/device", {"client_id": program, "scope": people.device_scope()}, **sent)
    assert "<img src=x" not in is_page(typed(signed_in, answer.json()["user_code"]))
    assert "A" * 81 not in signed_in.text


def test_near_addresses_give_no_warning(signed_in, grant):
    typed(signed_in, grant["user_code"])
    assert "the same connection as yours" in signed_in.text
    assert "comes from another network" not in signed_in.text


def test_names_of_programs_are_escaped_and_cut(signed_in, client):
    name = "<b onclick=x>" + "n" * 200
    program = people.register(client, client_name=name)["client_id"]
    grant = people.ask_device(client, program).json()
    assert "<b onclick" not in is_page(typed(signed_in, grant["user_code"]))
    assert "n" * 81 not in signed_in.text


def test_another_account_comes_back_to_the_question(signed_in, grant):
    people.person("bob")
    is_page(signed_in.get(f"/link?code={grant['user_code']}"))
    assert f'name="next" value="/link?code={grant["user_code"]}"' in signed_in.page.text
    typed(signed_in, grant["user_code"])
    assert 'name="next" value="/link"' in signed_in.page.text


def test_an_old_sign_in_proves_itself_again_and_comes_back(signed_in, grant, settings):
    with time_machine.travel(clock.now().timestamp() + settings.RECENT_SIGN_IN + 5):
        signed_in.fill("/link", code=grant["user_code"])
        signed_in.follow()
        assert signed_in.leads == "/account/reauthenticate/?next=%2Flink%2Fdecide"
        signed_in.fill(signed_in.leads, password=people.PASSWORD)
        assert signed_in.leads == "/link/decide"
        assert "Allow" in is_page(signed_in.follow())


def test_an_old_sign_in_decides_nothing(signed_in, client, grant, program, settings):
    is_page(signed_in.get(f"/link?code={grant['user_code']}"))
    with time_machine.travel(clock.now().timestamp() + settings.RECENT_SIGN_IN + 5):
        decide(signed_in, grant)
        back = f"%2Flink%3Fcode%3D{grant['user_code']}"
        assert signed_in.leads == f"/account/reauthenticate/?next={back}"
        signed_in.get(f"/link?code={grant['user_code']}")
        assert signed_in.leads == f"/account/reauthenticate/?next={back}"
        assert polled(client, grant, program) == (400, "authorization_pending")


# --- the answer ---


def test_an_allowed_device_gets_its_tokens(signed_in, client, grant, program):
    typed(signed_in, grant["user_code"])
    assert polled(client, grant, program)[1] == "authorization_pending"
    answer = decide(signed_in, grant)
    assert "You can close this page" in is_page(answer)
    assert answer.header("location") is None
    assert people.poll(client, grant["device_code"], program).status == 200
    event = AuditEvent.objects.get(event="device-grant-approved")
    assert (event.subject, event.ip, event.facts["from"]) == ("ann", "203.0.113.7", "203.0.113.7")


def test_a_denied_device_is_told_so(signed_in, client, grant, program):
    typed(signed_in, grant["user_code"])
    assert "was told no" in is_page(decide(signed_in, grant, "deny"))
    assert polled(client, grant, program) == (400, "access_denied")


@pytest.mark.parametrize("first", ["allow", "deny"])
def test_one_decision_counts(signed_in, client, grant, program, first):
    typed(signed_in, grant["user_code"])
    decide(signed_in, grant, first)
    for again in ("allow", "deny"):
        assert NOT_GOOD in is_page(decide(signed_in, grant, again), 404)
    expected = (200, "") if first == "allow" else (400, "access_denied")
    assert polled(client, grant, program) == expected


def test_allowing_needs_the_tick_and_denying_does_not(signed_in, client, grant, program):
    is_page(signed_in.get(f"/link?code={grant['user_code']}"))
    text = is_page(decide(signed_in, grant, confirmed=None), 400)
    assert "Please tick" in text
    assert grant["user_code"] in text  # still to compare
    assert polled(client, grant, program)[1] == "authorization_pending"
    is_page(decide(signed_in, grant, "perhaps"), 400)
    is_page(decide(signed_in, grant, "deny"))


def test_only_the_code_that_was_shown_is_decided(signed_in, client, program, grant):
    """Another grant that was opened in this browser meanwhile is not approved by an older page."""
    typed(signed_in, grant["user_code"])
    other = people.ask_device(client, program, people.device_scope("OTHEROTHER")).json()
    token = signed_in.csrf()
    signed_in.get(f"/link?code={other['user_code']}")
    typed(signed_in, other["user_code"])
    signed_in.post("/link/decide", {"code": grant["user_code"], "decision": "allow", "confirmed": "y"}, token=token)
    is_page(signed_in.page)
    assert polled(client, other, program)[1] == "authorization_pending"
    assert people.poll(client, grant["device_code"], program).status == 200


def test_a_decision_without_its_form_token_counts_for_nothing(signed_in, client, grant, program):
    typed(signed_in, grant["user_code"])
    fields = {"code": grant["user_code"], "decision": "allow", "confirmed": "yes"}
    assert signed_in.post("/link/decide", fields, token="").status == 403
    assert signed_in.post("/link", {"code": grant["user_code"]}, token="").status == 403
    assert polled(client, grant, program)[1] == "authorization_pending"


def test_the_question_without_a_code_leads_to_the_form(signed_in):
    assert signed_in.get("/link/decide").status == 302
    assert signed_in.leads == "/link"
    signed_in.follow()
    signed_in.post("/link/decide", {"decision": "allow"})
    assert signed_in.leads == "/link"


def test_a_device_id_of_the_account_is_not_given_away(signed_in, ann, client, grant, program):
    devices.open(ann, kind=Device.Kind.MATRIX, device_id="AAABBBCCCDDD")
    typed(signed_in, grant["user_code"])
    assert "has a device of this name already" in is_page(decide(signed_in, grant))
    assert polled(client, grant, program) == (400, "access_denied")


def test_scopes_of_administrators_are_refused_with_the_question(signed_in, client, program):
    grant = people.ask_device(client, program, f"{people.device_scope()} urn:synapse:admin:*").json()
    typed(signed_in, grant["user_code"])
    text = is_page(decide(signed_in, grant), 403)
    assert "Only administrators" in text
    assert "Administer the homeserver" in text
    is_page(decide(signed_in, grant, "deny"))


def test_a_browser_that_was_ended_decides_nothing(signed_in, ann, client, grant, program):
    typed(signed_in, grant["user_code"])
    tokens.revoke(Token.objects.filter(user=ann), reason="all ended")
    decide(signed_in, grant)
    assert signed_in.leads.startswith("/account/login/")
    assert polled(client, grant, program)[1] == "authorization_pending"


@pytest.mark.parametrize("spoil", ["lock", "name", "address"])
def test_whom_the_server_refuses_decides_nothing(signed_in, ann, client, grant, program, spoil):
    typed(signed_in, grant["user_code"])
    if spoil == "lock":
        users.lock(ann)
    else:
        rules.add("deny", *(("username", "ann") if spoil == "name" else ("ip", "203.0.113.7")))
    decide(signed_in, grant)
    assert signed_in.leads.startswith("/account/login/")
    assert Challenge.objects.get(purpose="device-grant").answered_at is None


def test_a_program_blocked_meanwhile_is_an_unknown_code(signed_in, grant):
    typed(signed_in, grant["user_code"])
    clients.block("example.com")
    assert NOT_GOOD in is_page(decide(signed_in, grant), 404)

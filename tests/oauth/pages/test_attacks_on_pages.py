"""What an attack on the pages of OAuth tried, and what must not come of it."""

from urllib.parse import quote, urlencode

import pytest

from tests.oauth import people
from tests.oauth.people import API
from tests.pages.visitor import PASSWORD

pytestmark = pytest.mark.django_db
EVIL = "evil.example.org"
LOOPBACK = "http://localhost/cb"
# What browsers take for another host, or programs for the registered URI; each once through the parser of URLs.
BENT = [
    "http://localhost:80\t80/cb",
    "http://localhost:80\r\n80/cb",
    " http://localhost:80/cb",
    "\nhttp://localhost/cb",
    "http://localhost:80/cb?",
    "http://localhost:80/cb#",
    "http://localhost:/cb",
]
NEXTS = [
    f"//{EVIL}/",
    f"/\\{EVIL}/",
    f"\\\\{EVIL}/",
    f"https://{EVIL}/",
    f"https:{EVIL}",
    f"/\t/{EVIL}/",
    f"/\n/{EVIL}/",
    f" //{EVIL}/",
    f"///{EVIL}/",
    f"////{EVIL}/",
    f"https://localhost@{EVIL}/",
    "javascript:alert(1)",
    "/\u2044/evil",
    f"http:///{EVIL}/",
]


def link_of(client_id: str, **more: str) -> str:
    sent = people.parameters(client_id, **more)
    return f"/authorize?{urlencode([(name, value) for name, values in sent.items() for value in values])}"


# --- Redirects ----------------------------------------------------------------------------------


@pytest.mark.parametrize("uri", BENT)
@pytest.mark.parametrize("more", [{}, {"response_type": "token"}, {"response_mode": "form_post", "scope": "x"}])
def test_what_the_parser_of_urls_drops_is_no_part_of_a_redirect(client, visitor, uri, more):
    client_id = people.register(client, application_type="native", redirect_uris=[LOOPBACK])["client_id"]
    answer = visitor.get(link_of(client_id, redirect_uri=uri, **more))
    assert (answer.status, answer.header("location")) == (400, None)


@pytest.mark.parametrize("path", ["/account/login/", "/account/signup/", "/account/reauthenticate/"])
@pytest.mark.parametrize("wanted", NEXTS)
def test_no_page_leads_to_another_site(signed_in, path, wanted):
    signed_in.get(f"{path}?next={quote(wanted)}")
    assert EVIL not in signed_in.leads
    signed_in.post(path, {"next": wanted, "password": PASSWORD, "name": "ann"})
    assert EVIL not in signed_in.leads
    assert not signed_in.leads or signed_in.leads.startswith("/account/")


@pytest.mark.parametrize("wanted", NEXTS)
def test_signing_out_leads_to_no_other_site(signed_in, wanted):
    signed_in.get("/account/")
    signed_in.post("/account/logout/", {"next": wanted})
    assert signed_in.leads == "/account/login/"


@pytest.mark.parametrize("host", [EVIL, f"localhost.{EVIL}", f"localhost:80@{EVIL}", "", "localhost/../x"])
def test_a_forged_host_changes_no_address_that_is_told(client, visitor, ann, host):
    told = client.get("/.well-known/openid-configuration", headers={"Host": host})
    assert EVIL not in told.text
    for path in ("/account/login/", "/authorize", "/link"):
        page = visitor.get(path, host=host)
        assert page.status < 500
        assert EVIL not in (page.header("location") or "")
        assert EVIL not in page.text


# --- CSRF, clickjacking, scripts ----------------------------------------------------------------


def test_the_open_end_of_the_authorization_decides_nothing(signed_in, program):
    """/authorize takes forms of other sites: whatever they say, a person is asked first."""
    fields = {name: values[0] for name, values in people.parameters(program).items()}
    answer = signed_in.post("/authorize", {**fields, "decision": "allow", "confirmed": "yes"}, token="")
    assert answer.status == 303
    assert signed_in.leads.startswith("/authorize/")
    assert "code=" not in signed_in.leads
    signed_in.get(f"{signed_in.leads}?decision=allow")
    assert signed_in.page.status == 200


@pytest.mark.parametrize(
    "path", ["/link", "/link/decide", "/account/new-device/", "/account/login/", "/account/logout/"]
)
def test_a_form_without_its_token_does_nothing(signed_in, path):
    answer = signed_in.post(path, {"decision": "allow", "confirmed": "yes", "code": "BBBB-BBBB"}, token="")
    assert answer.status == 403
    assert signed_in.is_signed_in()


def test_a_cookie_opens_no_api(signed_in):
    cookie = "; ".join(f"{name}={value}" for name, value in signed_in.cookies.items())
    for path in ("/oauth2/userinfo", "/api/me", "/_matrix/client/v3/account/whoami"):
        assert signed_in.client.get(path, headers={"Cookie": cookie}).status == 401


@pytest.mark.parametrize("mode", ["query", "form_post"])
def test_what_strangers_write_is_text_on_every_page(client, signed_in, mode):
    attack = "\"><script>alert(1)</script><img src=x onerror=alert(1)>'{{7*7}}"
    client_id = people.register(client, client_name=attack)["client_id"]
    texts = [signed_in.get(link_of(client_id, state=attack, nonce=attack, response_mode=mode, scope="x")).text]
    signed_in.get(link_of(client_id, state=attack, login_hint=attack, ui_locales=attack, response_mode=mode))
    texts.append(signed_in.follow().text)
    path = people.form(client, "/oauth2/device", {"client_id": client_id, "scope": API}).json()
    texts.append(signed_in.get(f"/link?code={path['user_code']}").text)
    texts.append(signed_in.get(f"/link?code={quote(attack)}").text)
    texts.append(signed_in.get(f"/account/login/?login_hint={quote(attack)}&next={quote('/' + attack)}").text)
    for text in texts:
        assert "<script>alert" not in text
        assert "<img src=x" not in text


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"--x\r\nbroken", "multipart/form-data; boundary=x"),
        (b"&".join(b"a%d=b" % number for number in range(500)), "application/x-www-form-urlencoded"),
        (b"client_id=%ff%fe&state=%ed%a0%80", "application/x-www-form-urlencoded"),
        (b"\xff\xfe\x00", "application/x-www-form-urlencoded"),
        (b"{}", "application/json"),
        (b"x", "multipart/form-data"),
    ],
)
def test_no_form_makes_a_page_fail(visitor, body, content_type):
    for path in ("/authorize", "/link", "/link/decide", "/account/new-device/", "/account/login/"):
        answer = visitor._send("POST", path, body, {"content-type": content_type})
        assert 400 <= answer.status < 500 or answer.status in {302, 303}

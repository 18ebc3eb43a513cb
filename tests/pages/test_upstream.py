"""Other sites as a way in: OpenID Connect with a provider that answers in this process."""

import json
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from django.test import Client as AdminClient
from django.test import override_settings

from accounts import upstream_providers, users
from accounts.models import AuditEvent, Token, UpstreamProvider, User
from accounts.pages import upstream_adapter
from tests.pages.visitor import PASSWORD

pytest.importorskip("requests", reason="needs requests: django-allauth[socialaccount] (requirements.txt)")

ISSUER = "https://login.example.org"
START, CALLBACK = "/account/upstream/example/start/", "/account/upstream/example/callback/"


class Answer:
    def __init__(self, body, status=200):
        self.body, self.status_code, self.headers = body, status, {"content-type": "application/json"}
        self.content, self.text = json.dumps(body).encode(), json.dumps(body)

    def json(self):
        return self.body

    def raise_for_status(self):
        if self.status_code >= 400:
            import requests

            raise requests.HTTPError("refused")


class Provider:
    """What the other site would answer; `asked` are the token requests."""

    def __init__(self):
        self.claims = {"sub": "4711", "email": "bob@example.org", "email_verified": True, "preferred_username": "bob"}
        self.userinfo = None
        self.asked = []
        self.down = False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def get(self, url, **_):
        if self.down:
            import requests

            raise requests.ConnectionError("down")
        if url.endswith("openid-configuration"):
            names = ("authorization", "token", "userinfo")
            return Answer(
                {"issuer": ISSUER, "jwks_uri": f"{ISSUER}/keys", **{f"{n}_endpoint": f"{ISSUER}/{n}" for n in names}}
            )
        return Answer(self.userinfo or self.claims)

    def request(self, method, url, **more):
        if method.upper() == "GET":
            return self.get(url)
        self.asked.append(more)
        claims = {"iss": ISSUER, "aud": "our-id", "exp": 4_000_000_000, "iat": 1, **self.claims}
        return Answer({"access_token": "t", "token_type": "Bearer", "id_token": jwt.encode(claims, "k" * 32, "HS256")})


@pytest.fixture
def provider(monkeypatch, db):
    made = Provider()
    monkeypatch.setattr(upstream_adapter.UpstreamAdapter, "get_requests_session", lambda self: made)
    row = UpstreamProvider(name="Example", provider_id="example", client_id="our-id")
    upstream_providers.save(row, server_url=ISSUER, secret="our secret", trusts_addresses=True, actor="test")
    return made


def go(visitor, **fields):
    """To the other site and back; what it was asked."""
    visitor.get("/account/login/")
    assert visitor.post(START, fields).status == 200
    url = visitor.page.text.split('content="0; url=')[1].split('"')[0].replace("&amp;", "&")
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def come_back(visitor, asked, **more):
    visitor.get(f"{CALLBACK}?code=c&state={asked['state']}")
    return visitor.page


def choose_name(visitor, name="bob", **fields):
    return visitor.fill("/account/upstream/new/", username=name, **fields)


def test_the_first_visit_chooses_a_name_the_next_one_signs_in(visitor, visit, provider):
    asked = go(visitor)
    assert asked["client_id"] == "our-id"
    assert asked["code_challenge_method"] == "S256"
    assert asked["redirect_uri"].endswith(CALLBACK)
    assert come_back(visitor, asked).header("location") == "/account/upstream/new/"
    assert 'value="bob"' in visitor.follow().text
    assert not User.objects.exists()
    assert choose_name(visitor).status == 302
    assert visitor.is_signed_in()
    assert "bob@example.org" in visitor.text
    again = visit()
    assert come_back(again, go(again)).status == 302
    assert again.is_signed_in()
    assert Token.objects.filter(user__username="bob", amr="fed").count() == 2


def test_one_comes_back_to_where_one_began(visitor, visit, provider):
    come_back(visitor, go(visitor))
    choose_name(visitor)
    other = visit()
    come_back(other, go(other, next="/link"))
    assert other.leads == "/link"
    third = visit()
    come_back(third, go(third, next="//evil.example"))
    assert third.leads == "/account/"


def test_an_answer_is_good_once_and_in_the_browser_that_asked(visitor, visit, provider):
    asked = go(visitor)
    other = visit()
    assert come_back(other, asked).header("location") == "/account/login/"
    come_back(visitor, asked)
    assert come_back(visitor, asked).header("location") == "/account/login/"
    assert not User.objects.exists()


def test_the_other_site_down_or_cancelled_is_told_in_words(visitor, provider):
    asked = go(visitor)
    visitor.get(f"{CALLBACK}?error=access_denied&state={asked['state']}")
    assert visitor.leads == "/account/login/"
    visitor.follow()
    provider.down = True
    visitor.get("/account/login/")
    visitor.post(START)
    visitor.follow()
    assert "The other site does not answer." in visitor.text


def test_userinfo_of_somebody_else_is_refused(visitor, provider):
    provider.userinfo = {"sub": "somebody else"}
    come_back(visitor, go(visitor))
    assert visitor.leads == "/account/login/"


def test_an_address_counts_only_if_it_is_vouched_for_and_free(visitor, provider, ann):
    provider.claims |= {"email": "ann@example.org"}
    come_back(visitor, go(visitor))
    choose_name(visitor)
    visitor.get("/account/")
    assert "ann@example.org" not in visitor.text
    assert Token.objects.get().user.username == "bob"


def test_registration_and_the_lists_are_obeyed(visitor, provider):
    from accounts import rules

    with override_settings(REGISTRATION="closed"):
        come_back(visitor, go(visitor))
        assert visitor.leads == "/account/login/"
    with override_settings(REGISTRATION="token"):
        come_back(visitor, go(visitor))
        assert choose_name(visitor, token="wrong").status == 400
    rules.add("deny", "domain", "example.org")
    come_back(visitor, go(visitor))
    assert choose_name(visitor).status == 403
    assert not User.objects.exists()


def test_a_signed_in_person_connects_and_disconnects(signed_in, visit, provider, ann):
    come_back(signed_in, go(signed_in, process="connect"))
    assert signed_in.leads == "/account/upstream/"
    signed_in.follow()
    assert "Example" in signed_in.text
    other = visit()
    come_back(other, go(other))
    assert other.is_signed_in()
    users.create("carl", password=PASSWORD)
    carl = visit()
    carl.sign_in("carl")
    come_back(carl, go(carl, process="connect"))
    carl.follow()
    assert "This sign-in belongs to another account here." in carl.text
    signed_in.get("/account/upstream/")
    assert signed_in.send("/account/upstream/").status == 302
    signed_in.follow()
    assert "Nothing is connected yet." in signed_in.text


def test_the_last_way_in_is_not_disconnected(visitor, provider):
    come_back(visitor, go(visitor))
    choose_name(visitor)
    visitor.get("/account/upstream/")
    visitor.send("/account/upstream/")
    visitor.follow()
    assert "Nothing else opens your account." in visitor.text
    assert "Disconnect" in visitor.text


def test_an_unknown_provider_is_no_page(visitor, provider):
    visitor.get("/account/login/")
    assert visitor.post("/account/upstream/other/start/").status == 404
    assert visitor.get("/account/upstream/other/callback/?code=x&state=y").status == 404


def test_the_client_secret_is_sealed_and_never_shown(provider):
    row = UpstreamProvider.objects.get()
    assert "our secret" not in str(UpstreamProvider.objects.values())
    assert upstream_providers.with_secrets([row])[0].secret == "our secret"
    ada = users.create("ada", password=PASSWORD, administrator=True, by_administrator=True)
    client = AdminClient()
    client.force_login(ada)
    page = f"/admin/accounts/upstreamprovider/{row.pk}/change/"
    shown = client.get(page).content.decode()
    assert "our secret" not in shown
    assert row.settings["sealed_secret"] not in shown
    facts = {"name": "Other", "server_url": ISSUER, "client_id": "new-id", "client_secret": ""}
    assert client.post(page, facts).status_code == 302
    changed = UpstreamProvider.objects.get()
    assert (changed.name, changed.provider_id) == ("Other", "example")
    assert upstream_providers.with_secrets([changed])[0].secret == "our secret"
    assert "our secret" not in str(list(AuditEvent.objects.values()))


def test_an_administrator_adds_and_removes_a_provider(db):
    ada = users.create("ada", password=PASSWORD, administrator=True, by_administrator=True)
    client = AdminClient()
    client.force_login(ada)
    facts = {"name": "Example", "provider_id": "example", "server_url": ISSUER, "client_id": "x", "client_secret": "s"}
    for bad in ({"server_url": "http://login.example.org"}, {"provider_id": "New"}, {"provider_id": "new"}):
        assert client.post("/admin/accounts/upstreamprovider/add/", facts | bad).status_code == 200
    assert client.post("/admin/accounts/upstreamprovider/add/", facts).status_code == 302
    row = UpstreamProvider.objects.get()
    assert client.get("/admin/accounts/upstreamprovider/").status_code == 200
    assert client.post(f"/admin/accounts/upstreamprovider/{row.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not UpstreamProvider.objects.exists()
    assert set(AuditEvent.objects.values_list("event", flat=True)) >= {"upstream-added", "upstream-removed"}

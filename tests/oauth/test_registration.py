"""Dynamic registration, row by row (RFC 7591; matrix-oauth.md §2, qr-login.md §7.2)."""

import json

import pytest
from django.test import override_settings

from accounts import clock, retention
from accounts.models import AuditEvent
from devicelogin.oauth import clients, hosts
from devicelogin.oauth.models import Client
from devicelogin.oauth.protocol import DEVICE_GRANT
from tests.oauth import people
from tests.oauth.people import METADATA, error, register

pytestmark = pytest.mark.django_db
NATIVE = {"application_type": "native"}


def ask(client, **more):
    fields = {name: value for name, value in (METADATA | more).items() if value != "absent"}
    return client.post("/oauth2/registration", data=fields)


def test_a_registration_answers_with_what_was_kept(client):
    answer = ask(client, unknown_member=1, grant_types=[*people.GRANTS, "implicit"], response_types=["code", "token"])
    body = answer.json()
    assert answer.status == 201
    assert answer.header("access-control-allow-origin") == "*"
    assert answer.header("cache-control") == "no-store"
    assert sorted(body["grant_types"]) == sorted(people.GRANTS)
    assert body["response_types"] == ["code"]
    assert body["token_endpoint_auth_method"] == "none"
    assert body["application_type"] == "web"
    assert body["redirect_uris"] == [people.CALLBACK]
    assert isinstance(body["client_id_issued_at"], int)
    assert {"client_secret", "client_secret_expires_at", "unknown_member"}.isdisjoint(body)


def test_what_is_absent_has_the_defaults_of_the_rfc(client):
    names = ("grant_types", "response_types", "token_endpoint_auth_method", "application_type")
    body = ask(client, **dict.fromkeys(names, "absent")).json()
    assert body["grant_types"] == ["authorization_code"]
    assert body["response_types"] == ["code"]
    assert body["token_endpoint_auth_method"] == "client_secret_basic"
    assert body["application_type"] == "web"
    assert body["client_secret"].startswith("idp_cs_")
    assert body["client_secret_expires_at"] == 0


def test_a_client_of_the_device_grant_alone_needs_no_redirect(client):
    body = ask(client, grant_types=[DEVICE_GRANT, "refresh_token"], response_types=[], redirect_uris="absent").json()
    assert body["response_types"] == []
    assert "redirect_uris" not in body


def test_null_counts_as_absent(client):
    assert ask(client, logo_uri=None, contacts=None).status == 201


def test_identical_metadata_of_public_clients_has_one_id(client):
    first = register(client)
    assert register(client, redirect_uris=[people.CALLBACK])["client_id"] == first["client_id"]
    assert register(client, grant_types=people.GRANTS[::-1])["client_id"] == first["client_id"]
    assert register(client, client_name="Another")["client_id"] != first["client_id"]
    assert Client.objects.count() == 2
    assert AuditEvent.objects.filter(event="client-registered").count() == 2


def test_confidential_clients_are_never_one(client):
    made = [register(client, token_endpoint_auth_method="client_secret_post") for _ in range(2)]
    assert made[0]["client_id"] != made[1]["client_id"]
    assert made[0]["client_secret"] != made[1]["client_secret"]


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"a":1,"a":2}', b'{"client_uri": NaN}'])
def test_a_body_that_is_no_json_is_an_invalid_request(client, body):
    answer = client.post("/oauth2/registration", body=body, headers={"Content-Type": "application/json"})
    assert error(answer) == (400, "invalid_request")


def test_another_media_type_is_an_invalid_request(client):
    answer = client.post("/oauth2/registration", body=json.dumps(METADATA).encode(), headers={"Content-Type": "text/x"})
    assert error(answer) == (400, "invalid_request")


@pytest.mark.parametrize("body", ["[]", '"x"', "1"])
def test_json_that_is_no_object_is_invalid_metadata(client, body):
    answer = client.post("/oauth2/registration", body=body.encode(), headers={"Content-Type": "application/json"})
    assert error(answer) == (400, "invalid_client_metadata")


@pytest.mark.parametrize(
    "more",
    [
        {"client_uri": "absent"},
        {"client_uri": 5},
        {"client_uri": ""},
        {"client_uri": "http://example.com/"},
        {"client_uri": "https://ann@example.com/"},
        {"client_uri": "https://ann:secret@example.com/"},
        {"client_uri": "https://localhost/"},
        {"client_uri": "https://127.0.0.1/"},
        {"client_uri": "https://[::1]/"},
        {"client_uri": "https://0.0.0.0/"},
        {"client_uri": "https://app.localhost/"},
        {"client_uri": "https://co.uk/"},
        {"client_uri": "https://github.io/"},
        {"client_uri": "https://com/"},
        {"client_uri": "https://exa mple.com/"},
        {"client_uri": "https://example.com:x/"},
        {"client_uri": "https:///x"},
        {"client_uri": "javascript:alert(1)"},
        {"client_uri": "https://example.com/" + "x" * 2100},
        {"logo_uri": "https://other.org/logo.png"},
        {"logo_uri": "http://example.com/logo.png"},
        {"logo_uri": 7},
        {"tos_uri": "https://evil-example.com/"},
        {"policy_uri": "https://com/"},
        {"policy_uri#de": "https://other.org/"},
        {"client_name": ["x"]},
        {"client_name": "a\nb"},
        {"client_name": "a\u0000b"[:1] + "\u0007"},
        {"client_name": "x" * 300},
        {"contacts": "ann@example.com"},
        {"contacts": [1]},
        {"grant_types": "authorization_code"},
        {"grant_types": [None]},
        {"response_types": {}},
        {"redirect_uris": "https://example.com/cb"},
        {"application_type": "desktop"},
        {"token_endpoint_auth_method": "private_key_jwt"},
    ],
)
def test_metadata_that_breaks_a_rule_is_refused(client, more):
    assert error(ask(client, **more)) == (400, "invalid_client_metadata")
    assert not Client.objects.exists()


@pytest.mark.parametrize(
    "uris",
    [
        "absent",
        [],
        ["https://example.com/cb#here"],
        ["http://example.com/cb"],
        ["https://ann@example.com/cb"],
        ["https://other.org/cb"],
        ["https://evil-example.com/cb"],
        ["http://localhost/cb"],
        ["com.example:/cb"],
        ["javascript:alert(1)"],
        ["data:text/html,x"],
        ["https:///cb"],
        ["https://example.com:99999/cb"],
        ["/cb"],
        ["https://example.com/ä"],
        [people.CALLBACK, "https://other.org/cb"],
        [f"https://example.com/{number}" for number in range(21)],
    ],
)
def test_a_redirect_of_a_web_client_that_breaks_a_rule_is_refused(client, uris):
    assert error(ask(client, redirect_uris=uris)) == (400, "invalid_redirect_uri")


@pytest.mark.parametrize(
    "uri", ["https://example.com:8443/a?b=c", "https://a.b.example.com/", "https://EXAMPLE.com/cb"]
)
def test_a_web_client_may_have_any_port_path_and_query_on_its_own_hosts(client, uri):
    assert ask(client, redirect_uris=[uri]).status == 201


@pytest.mark.parametrize(
    "uri",
    [
        "com.example.app:/cb",
        "com.example:cb",
        "com.example:/",
        "http://localhost/cb",
        "http://127.0.0.1/",
        "http://[::1]/cb",
        "https://app.example.com/cb",
    ],
)
def test_a_native_client_may_use_its_own_scheme_loopback_and_its_site(client, uri):
    assert ask(client, redirect_uris=[uri], **NATIVE).json()["redirect_uris"] == [uri]


@pytest.mark.parametrize(
    "uri",
    [
        "com.example.app://cb",
        "example:/",
        "com.examples:/cb",
        "org.example:/cb",
        "http://localhost:8080/cb",
        "http://127.0.0.1:1/cb",
        "http://ann@localhost/cb",
        "http://192.0.2.1/cb",
        "https://other.org/cb",
        "file:///etc/passwd",
        "com.example:/cb#x",
    ],
)
def test_other_redirects_of_a_native_client_are_refused(client, uri):
    assert error(ask(client, redirect_uris=[uri], **NATIVE)) == (400, "invalid_redirect_uri")


def test_localised_members_are_kept(client):
    more = {"client_name#de": "Elemente", "tos_uri#de-CH": "https://www.example.com/agb", "client_name#": "x"}
    body = ask(client, **more).json()
    assert body["client_name#de"] == "Elemente"
    assert "tos_uri#de-CH" in body
    assert "client_name#" not in body


@override_settings(OAUTH_DEVICE_GRANT=False)
def test_grants_that_are_off_are_dropped(client):
    assert register(client)["grant_types"] == ["authorization_code", "refresh_token"]


def test_an_address_may_register_ten_at_once(client, standing_clock):
    for number in range(10):
        assert ask(client, client_name=f"Client {number}").status == 201
    answer = ask(client)
    assert error(answer) == (429, "temporarily_unavailable")
    assert int(answer.header("retry-after")) >= 1


def test_a_body_over_64_kib_is_too_large(client):
    assert error(ask(client, client_name="x" * 70_000)) == (413, "invalid_request")


def test_a_blocked_host_cannot_register_nor_be_sent_to(client):
    clients.block("example.com")
    assert error(ask(client)) == (400, "invalid_client_metadata")
    clients.unblock("example.com")
    clients.block("app.example.com")
    assert error(ask(client)) == (400, "invalid_redirect_uri")


@override_settings(OAUTH_CLIENT_HOSTS=["example.org"])
def test_with_a_list_of_hosts_no_other_registers(client):
    assert error(ask(client)) == (400, "invalid_client_metadata")
    more = {"client_uri": "https://app.example.org/", "redirect_uris": ["https://app.example.org/cb"]}
    assert ask(client, **more).status == 201


def test_unused_registrations_go_after_a_month_but_not_with_a_live_session(client, ann, program, time_machine):
    unused = register(client, client_name="Unused")["client_id"]
    people.signed_in(client, ann, program)
    time_machine.move_to(clock.after(29 * 86_400))
    retention.purge_all()
    assert Client.objects.count() == 2
    time_machine.move_to(clock.after(2 * 86_400))
    assert retention.purge_all()["OAuth clients"] == 1
    assert not Client.objects.filter(client_id=unused).exists()
    assert clients.find(program) is not None


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("co.uk", True),
        ("github.io", True),
        ("example.ck", True),  # *.ck
        ("www.ck", False),  # !www.ck
        ("com", True),
        ("intranet", True),
        ("example.co.uk", False),
        ("ann.github.io", False),
        ("192.0.2.1", False),
    ],
)
def test_public_suffixes_are_known(host, expected):
    assert hosts.is_public_suffix(host) is expected


def test_hosts_are_compared_by_whole_labels():
    assert hosts.is_below("a.example.com", "example.com")
    assert hosts.is_below("example.com", "example.com")
    assert not hosts.is_below("evil-example.com", "example.com")
    assert not hosts.is_below("example.com", "a.example.com")
    assert hosts.of("https://BÜCHER.example./x") == "xn--bcher-kva.example"

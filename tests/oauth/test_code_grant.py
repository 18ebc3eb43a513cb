"""The authorization code at the token endpoint, row by row (matrix-oauth.md §4; R16, R21–R23)."""

import pytest
from django.test import override_settings
from joserfc import jwt
from joserfc.jwk import KeySet

from accounts import clock, devices, ledger, rules, tokens, users
from accounts.models import AuditEvent, Device, Token
from devicelogin.oauth import clients
from tests.matrix.people import logged_in
from tests.oauth import people
from tests.oauth.people import approved, basic, error, form, redeem, signed_in, who_am_i

pytestmark = pytest.mark.django_db


def test_a_code_gives_tokens_of_a_device_named_after_program_and_platform(client, ann, program):
    answer = redeem(client, approved(ann, program), program)
    body = answer.json()
    assert answer.status == 200
    assert answer.header("cache-control") == "no-store"
    assert answer.header("access-control-allow-origin") == "*"
    assert body["access_token"].startswith("mat_")
    assert body["refresh_token"].startswith("mar_")
    assert (body["token_type"], body["expires_in"], body["scope"]) == ("Bearer", 300, people.device_scope())
    assert "id_token" not in body
    device = Device.objects.get(user=ann, kind=Device.Kind.MATRIX)
    assert (device.device_id, device.display_name) == ("AAABBBCCCDDD", "Element on Firefox/Linux")
    token = Token.objects.get(digest=tokens.digest(body["access_token"]))
    assert (token.client, token.flow, token.amr) == (program, "devicelogin", "pwd")
    assert AuditEvent.objects.filter(event="login", flow="devicelogin", subject="ann").exists()


def test_the_device_id_of_the_unstable_scope_is_the_device(client, ann, program):
    unstable = "urn:matrix:org.matrix.msc2967.client:"
    scope = f"{unstable}api:* {unstable}device:ZZZYYYXXXWWW"
    issued = signed_in(client, ann, program, scope=scope)
    assert issued.body["scope"] == scope
    assert who_am_i(client, issued.access).json()["device_id"] == "ZZZYYYXXXWWW"


def test_openid_brings_an_id_token_that_the_published_keys_verify(client, ann, program):
    issued = signed_in(client, ann, program, scope=f"openid {people.device_scope()}", nonce="n-0S6")
    keys = KeySet.import_key_set(client.get("/oauth2/keys.json").json())
    token = jwt.decode(issued.body["id_token"], keys, algorithms=["RS256"])
    assert token.header["alg"] == "RS256"
    claims = token.claims
    assert (claims["iss"], claims["aud"], claims["nonce"]) == ("http://localhost:8000/", program, "n-0S6")
    assert claims["sub"] == ann.sub
    assert claims["exp"] - claims["iat"] == 3600
    assert claims["auth_time"] <= claims["iat"]
    assert len(claims["at_hash"]) == 22
    metadata = client.get("/.well-known/openid-configuration").json()
    assert metadata["issuer"] == claims["iss"]


def test_openid_alone_makes_no_device(client, ann, program):
    issued = signed_in(client, ann, program, scope="openid")
    assert not Device.objects.filter(user=ann, kind=Device.Kind.MATRIX).exists()
    assert client.get("/oauth2/userinfo", token=issued.access).status == 200
    assert who_am_i(client, issued.access).json()["errcode"] == "M_UNKNOWN_TOKEN"


def test_a_program_without_the_refresh_grant_gets_no_refresh_token(client, ann):
    program = people.register(client, grant_types=["authorization_code"])["client_id"]
    assert signed_in(client, ann, program).refresh == ""


@pytest.mark.parametrize("name", ["grant_type", "code", "redirect_uri", "client_id", "code_verifier"])
def test_a_missing_parameter_is_an_invalid_request(client, ann, program, name):
    answer = redeem(client, approved(ann, program), program, **{name: None})
    assert error(answer) == (400, "invalid_request")


@pytest.mark.parametrize("name", ["grant_type", "code", "redirect_uri", "client_id", "code_verifier", "other"])
def test_a_repeated_parameter_is_an_invalid_request(client, ann, program, name):
    fields = {"grant_type": "authorization_code", "code": approved(ann, program), "redirect_uri": people.CALLBACK}
    pairs = [*fields.items(), ("client_id", program), ("code_verifier", people.VERIFIER), ("other", "x")]
    again = next(value for key, value in pairs if key == name)
    assert error(form(client, "/oauth2/token", [*pairs, (name, again)])) == (400, "invalid_request")


def test_another_media_type_is_an_invalid_request(client):
    answer = client.post("/oauth2/token", data={"grant_type": "authorization_code"})
    assert error(answer) == (400, "invalid_request")


@pytest.mark.parametrize(
    "change",
    [
        {"code": "idp_ac_unknown"},
        {"code": "ü"},
        {"redirect_uri": "https://app.example.com/other"},
        {"code_verifier": "w" * 64},
    ],
)
def test_what_does_not_fit_the_code_is_an_invalid_grant(client, ann, program, change):
    code = approved(ann, program)
    assert error(redeem(client, code, program, **change)) == (400, "invalid_grant")
    assert redeem(client, code, program).status == 200


def test_a_malformed_verifier_is_an_invalid_request(client, ann, program):
    assert error(redeem(client, approved(ann, program), program, code_verifier="short")) == (400, "invalid_request")


def test_an_expired_code_is_an_invalid_grant(client, ann, program, time_machine):
    code = approved(ann, program)
    time_machine.move_to(clock.after(61))
    assert error(redeem(client, code, program)) == (400, "invalid_grant")


def test_a_code_of_one_program_is_useless_to_another(client, ann, program):
    other = people.register(client, client_name="Other")["client_id"]
    code = approved(ann, program)
    assert error(redeem(client, code, other)) == (400, "invalid_grant")
    assert redeem(client, code, program).status == 200
    assert error(redeem(client, code, other)) == (400, "invalid_grant")


def test_a_code_that_comes_again_at_once_is_refused_and_ends_nothing(client, ann, program):
    code = approved(ann, program)
    first = people.issued(redeem(client, code, program))
    assert error(redeem(client, code, program)) == (400, "invalid_grant")
    assert who_am_i(client, first.access).status == 200


def test_a_code_that_comes_again_later_ends_the_session(client, ann, program, time_machine, mailoutbox):
    ann.emailaddress_set.create(email="ann@example.org", verified=True, primary=True)
    code = approved(ann, program)
    first = people.issued(redeem(client, code, program))
    time_machine.move_to(clock.after(21))
    other = people.register(client, client_name="Other")["client_id"]
    assert error(redeem(client, code, other)) == (400, "invalid_grant")
    assert who_am_i(client, first.access).status == 200  # whoever holds it is not its program
    assert error(redeem(client, code, program)) == (400, "invalid_grant")
    assert who_am_i(client, first.access).status == 401
    assert error(people.refresh(client, first.refresh, program)) == (400, "invalid_grant")
    assert AuditEvent.objects.filter(event="authorization-code-replayed").count() == 1


@pytest.mark.parametrize("client_id", ["unknown", "ü", "x\0y", "x" * 500])
def test_an_unknown_program_is_an_invalid_client(client, ann, program, client_id):
    answer = redeem(client, approved(ann, program), client_id)
    assert error(answer) in {(401, "invalid_client"), (400, "invalid_request")}
    assert (error(answer)[0] == 400) is ("\0" in client_id)


def test_a_confidential_program_has_to_show_its_secret(client, ann, keeper):
    client_id, secret = keeper["client_id"], keeper["client_secret"]
    code = approved(ann, client_id)
    assert error(redeem(client, code, client_id)) == (401, "invalid_client")
    assert error(redeem(client, code, client_id, client_secret="wrong")) == (401, "invalid_client")
    fields = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": people.CALLBACK,
        "code_verifier": people.VERIFIER,
    }
    wrong = form(client, "/oauth2/token", fields, Authorization=basic(client_id, "wrong"))
    assert error(wrong) == (401, "invalid_client")
    assert wrong.header("www-authenticate").startswith("Basic")
    good = basic(client_id, secret)
    assert error(form(client, "/oauth2/token", fields | {"client_id": "x"}, Authorization=good))[0] == 401
    encoded = basic(client_id, secret.replace("_", "%5F"))  # as RFC 6749 §2.3.1 says, and oauth4webapi does
    assert form(client, "/oauth2/token", fields, Authorization=encoded).status == 200


def test_a_secret_in_the_form_works_too(client, ann, keeper):
    code = approved(ann, keeper["client_id"])
    answer = redeem(client, code, keeper["client_id"], client_secret=keeper["client_secret"])
    assert answer.status == 200


@pytest.mark.parametrize(
    "header", ["Basic", "Basic !!!", "Basic AAAA", "Basic /w==", "Bearer x", "Digest y", "Basic Og=="]
)
def test_a_damaged_authorization_header_is_an_invalid_client(client, header):
    fields = {"grant_type": "authorization_code", "code": "x", "redirect_uri": "y"}
    assert error(form(client, "/oauth2/token", fields, Authorization=header)) == (401, "invalid_client")


def test_an_unknown_grant_type_is_unsupported(client, program):
    for kind in ("password", "client_credentials", "implicit", "ü", "urn:x"):
        answer = form(client, "/oauth2/token", {"grant_type": kind, "client_id": program})
        assert error(answer) == (400, "unsupported_grant_type")


def test_a_grant_type_that_was_not_registered_is_not_for_the_client(client):
    program = people.register(client, grant_types=["refresh_token", people.DEVICE_GRANT])["client_id"]
    assert error(redeem(client, "x", program)) == (400, "unauthorized_client")


def test_what_happened_to_the_account_since_counts(client, ann, program):
    code = approved(ann, program)
    users.lock(ann)
    assert error(redeem(client, code, program)) == (400, "invalid_grant")
    users.unlock(ann)
    rules.add("deny", "username", "ann", flow="devicelogin")
    assert error(redeem(client, code, program)) == (400, "invalid_grant")
    users.deactivate(ann)
    assert error(redeem(client, code, program)) == (400, "invalid_grant")
    assert not Token.objects.filter(client=program).exists()


def test_a_deny_of_the_address_refuses(client, ann, program):
    code = approved(ann, program)
    rules.add("deny", "ip", "203.0.113.0/24")
    assert error(redeem(client, code, program)) == (400, "invalid_grant")


def test_a_code_dies_with_the_browser_that_gave_it(client, ann, program):
    browser = people.browser_of(ann)
    code = approved(ann, program, browser)
    tokens.revoke(Token.objects.filter(pk=browser.token_id), reason="signed out")
    assert error(redeem(client, code, program)) == (400, "invalid_grant")


@pytest.mark.parametrize("end", [users.end_all_sessions, lambda user: users.set_password(user, "another long one 9")])
def test_ending_all_sessions_or_a_new_password_ends_codes(client, ann, program, end):
    code = approved(ann, program)
    end(ann)
    assert error(redeem(client, code, program)) == (400, "invalid_grant")


def test_a_program_blocked_meanwhile_is_unknown(client, ann, program):
    code = approved(ann, program)
    clients.block("example.com")
    assert error(redeem(client, code, program)) == (401, "invalid_client")


def test_an_administrators_scope_needs_an_administrator_at_redemption_too(client, program):
    ada = people.person("ada", administrator=True)
    code = approved(ada, program, scope=f"{people.device_scope()} urn:synapse:admin:*")
    type(ada).objects.filter(pk=ada.pk).update(is_staff=False)
    assert error(redeem(client, code, program)) == (400, "invalid_grant")


def test_a_known_device_loses_its_older_session(client, ann, program):
    old = logged_in(client, "ann", device_id="AAABBBCCCDDD", initial_device_display_name="Mine")
    issued = signed_in(client, ann, program)
    assert who_am_i(client, old.token).status == 401
    assert who_am_i(client, issued.access).status == 200
    assert Device.objects.filter(user=ann, kind=Device.Kind.MATRIX).count() == 1
    again = signed_in(client, ann, program)
    assert who_am_i(client, issued.access).status == 401
    assert who_am_i(client, again.access).status == 200


@override_settings(MATRIX_DEVICE_LIMIT=1)
def test_the_limit_of_devices_holds(client, ann, program):
    signed_in(client, ann, program)
    code = approved(ann, program, scope=people.device_scope("DDDEEEFFFGGG"))
    assert error(redeem(client, code, program)) == (403, "invalid_scope")
    devices.end(Device.objects.filter(kind=Device.Kind.MATRIX), reason="room")
    assert redeem(client, code, program).status == 200


def test_failures_alone_use_up_the_allowance_of_an_address(client, ann, program, standing_clock):
    issued = signed_in(client, ann, program)
    for _ in range(60):
        assert error(redeem(client, "idp_ac_x", program)) == (400, "invalid_grant")
    answer = redeem(client, "idp_ac_x", program)
    assert error(answer) == (429, "temporarily_unavailable")
    answer = people.refresh(client, issued.refresh, program)
    assert error(answer) == (503, "temporarily_unavailable")
    assert int(answer.header("retry-after")) >= 1


def test_successes_use_up_nothing(client, ann, program, standing_clock):
    issued = signed_in(client, ann, program)
    for _ in range(70):
        issued = people.issued(people.refresh(client, issued.refresh, program))


def test_nothing_issued_stands_in_the_database(client, ann, program, keeper):
    code = approved(ann, program)
    issued = people.issued(redeem(client, code, program))
    device = people.ask_device(client, program, people.device_scope("DEVICECODE1")).json()
    secrets = [code, issued.access, issued.refresh, device["device_code"], keeper["client_secret"]]
    secrets += [secret.split("_")[2] for secret in (issued.access, issued.refresh)] + [device["user_code"]]
    kept = " ".join(str(row) for row in _everything())
    for secret in [*secrets, device["user_code"].replace("-", "")]:
        assert secret not in kept
    assert ledger.GRANTS


def _everything():
    from django.apps import apps

    for model in apps.get_models():
        for row in model._base_manager.all().values():
            yield {key: bytes(value) if isinstance(value, memoryview) else value for key, value in row.items()}

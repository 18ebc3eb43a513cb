"""Wrong secrets count at whichever door they are given, right ones that are refused do not (R38, R49)."""

import pytest
from django.test import Client as DjangoClient

from accounts import audit, failures, guessers, policy, rules, users
from accounts.errors import Reason, Refusal
from accounts.models import AccessRule, AuditEvent, Guesser
from devicelogin.oauth import device_grants
from tests.openpgp import door as openpgp
from tests.otp import door as otp
from tests.pages.visitor import PASSWORD, Visitor
from tests.session_client import SessionIdentity
from tests.watching.conftest import GUESSER, networks

pytestmark = pytest.mark.django_db
MATRIX = "/_matrix/client/v3/login"


@pytest.fixture
def guesser(client):
    client.address = GUESSER
    return client


def password_login(client, name="alice", password="wrong"):
    proof = {"type": "m.login.password", "identifier": {"type": "m.id.user", "user": name}, "password": password}
    return client.request("POST", MATRIX, data=proof)


def matrix_password(client, user):
    assert password_login(client).status == 403


def matrix_login_token(client, user):
    assert client.request("POST", MATRIX, data={"type": "m.login.token", "token": "syl_wrong"}).status == 403


def session(client, user):
    assert SessionIdentity().submit(client, "d3Jvbmc=").status == 401


def laverna(client, user):
    person, other = openpgp.registered(client, "bob"), openpgp.Person("bob")
    signature = other.answer(openpgp.session_token(client, person))
    assert openpgp.auth(client, person, signature).json()["success"] is False


def mail_code_password(client, user):
    otp.request(ip=GUESSER, password="wrong")


def mail_code(client, user):
    otp.confirm(otp.token(ip=GUESSER), otp.wrong(), ip=GUESSER)


def page_password(client, user):
    assert Visitor(client, GUESSER).sign_in("alice", "wrong").status in {400, 403}


def page_passkey(client, user):
    visitor = Visitor(client, GUESSER)
    visitor.get("/account/login/")
    visitor.post("/account/login/passkey/options/")
    visitor.get("/account/login/")
    assert visitor.post("/account/login/passkey/", {"answer": '{"id": 1}'}).status == 403


def page_code(client, user):
    visitor = Visitor(client, GUESSER)
    visitor.fill("/account/login/code/", email="nobody@example.org")
    assert visitor.fill("/account/login/code/enter/", code="000000").status in {400, 403}


def typed_device_code(client, user):
    with pytest.raises(Refusal):
        device_grants.find(user_code="BBBB-BBBB", user_id=user.pk, ip=GUESSER)


def administration(client, user):
    DjangoClient(REMOTE_ADDR=GUESSER).post("/admin/login/", {"username": "alice", "password": "wrong"})


@pytest.mark.parametrize(
    ("give_a_wrong_secret", "door"),
    [
        (matrix_password, "matrix"),
        (matrix_login_token, "matrix"),
        (session, "session"),
        (laverna, "openpgp"),
        (mail_code_password, "otp"),
        (mail_code, "otp"),
        (page_password, "devicelogin"),
        (page_passkey, "devicelogin"),
        (page_code, "devicelogin"),
        (typed_device_code, "devicelogin"),
        (administration, "admin"),
    ],
)
def test_a_wrong_secret_counts_at_every_door(guesser, alice, give_a_wrong_secret, door):
    give_a_wrong_secret(guesser, alice)
    assert guessers.take_up() == 1
    assert Guesser.objects.get(network=GUESSER).doors == {door: 1}


def test_a_right_password_that_the_lists_refuse_is_no_guess(guesser, alice):
    rules.add("deny", "username", "alice")
    refused = password_login(guesser, password="correct horse battery")
    assert (refused.status, refused.json()["errcode"]) == (403, "M_FORBIDDEN")
    assert refused.body == password_login(guesser).body
    guessers.take_up()
    assert Guesser.objects.get(network=GUESSER).count == 1
    reasons = AuditEvent.objects.filter(event="login").order_by("pk").values_list("reason", flat=True)
    assert list(reasons) == ["not-admitted", "credential-wrong"]


def test_a_right_password_of_a_locked_account_is_no_guess(guesser, alice):
    users.lock(alice)
    otp.request(ip=GUESSER, email="alice@example.org", password="correct horse battery")
    assert AuditEvent.objects.get(event="login").reason == "account-locked"
    assert failures.take() == []


def test_good_logins_are_no_guesses(guesser, alice):
    assert password_login(guesser, password="correct horse battery").status == 200
    SessionIdentity().log_in(guesser)
    assert failures.take() == []


def test_a_client_over_its_limit_is_no_guesser(guesser, alice, settings):
    settings.MATRIX_LOGIN_RATE = settings.MATRIX_LOGIN_RATE.__class__(2, 3600)
    answers = [password_login(guesser).status for _ in range(20)]
    assert answers == [403] * 2 + [429] * 18
    assert guessers.take_up() == 2


def test_a_blocked_guesser_gets_in_nowhere_and_others_do(guesser, alice, settings):
    settings.MATRIX_LOGIN_RATE = settings.MATRIX_LOGIN_RATE.__class__(100, 60)
    for _ in range(5):
        audit.record("login", outcome=audit.REFUSED, reason="credential-wrong", flow="matrix", ip=GUESSER)
    guessers.take_up()
    assert password_login(guesser, password="correct horse battery").status == 403
    assert SessionIdentity().submit(guesser, "d3Jvbmc=").status == 401
    assert (
        guesser.request("GET", "/loki/v1/get_challenge", params={"pubKey": SessionIdentity().public_key}).status == 401
    )
    guesser.address = "203.0.113.50"
    assert password_login(guesser, password="correct horse battery").status == 200


def test_a_client_cannot_have_another_address_blocked(guesser, alice, settings):
    """R39: what a stranger writes into the header counts for nothing, and a proxy passes only what it saw."""
    settings.MATRIX_LOGIN_RATE = settings.MATRIX_LOGIN_RATE.__class__(1000, 60)
    settings.PASSWORD_FAILURE_RATE = settings.PASSWORD_FAILURE_RATE.__class__(1000, 60)
    proof = {"type": "m.login.password", "identifier": {"type": "m.id.user", "user": "alice"}, "password": "wrong"}
    for _ in range(5):
        guesser.request("POST", MATRIX, data=proof, headers={"X-Forwarded-For": "192.0.2.1", "X-Real-IP": "192.0.2.1"})
    settings.TRUSTED_PROXIES = networks("10.0.0.0/8")
    guesser.address = "10.0.0.1"
    for _ in range(5):
        guesser.request("POST", MATRIX, data=proof, headers={"X-Forwarded-For": "192.0.2.1, 198.51.100.8"})
    guessers.take_up()
    assert set(AccessRule.objects.values_list("pattern", flat=True)) == {GUESSER, "198.51.100.8"}
    assert not Guesser.objects.filter(network="192.0.2.1").exists()


class TestTheAdministration:
    def sign_in(self, client, password=PASSWORD):
        return client.post("/admin/login/?next=/admin/", {"username": "ada", "password": password})

    @pytest.fixture
    def ada(self):
        return users.create("ada", password=PASSWORD, administrator=True, by_administrator=True)

    def test_refuses_a_denied_address_like_a_wrong_password(self, ada):
        rules.add("deny", "ip", GUESSER)
        browser = DjangoClient(REMOTE_ADDR=GUESSER)
        assert self.sign_in(browser).status_code == 200
        assert browser.get("/admin/").status_code == 302
        assert AuditEvent.objects.get(event="admin-login").reason == Reason.NOT_ADMITTED
        assert guessers.take_up() == 0

    def test_knows_the_browser_of_an_administrator_and_lets_it_in(self, ada):
        browser = DjangoClient(REMOTE_ADDR=GUESSER)
        self.sign_in(browser)
        browser.get("/admin/")
        browser.post("/admin/logout/")
        rules.add("deny", "ip", GUESSER)
        assert self.sign_in(browser)["Location"] == "/admin/"

    def test_is_not_refused_by_a_deny_of_one_door(self, ada):
        rules.add("deny", "ip", GUESSER, flow="matrix")
        assert self.sign_in(DjangoClient(REMOTE_ADDR=GUESSER))["Location"] == "/admin/"

    def test_is_open_to_administrators_while_doors_admit_only_the_whitelisted(self, ada):
        rules.set_mode("devicelogin", whitelist=True)
        assert self.sign_in(DjangoClient(REMOTE_ADDR=GUESSER))["Location"] == "/admin/"
        assert policy.decide("devicelogin", policy.Subject(ip=GUESSER)).admitted is False

    def test_does_not_fill_the_audit_log_for_a_denied_address(self, ada):
        rules.add("deny", "ip", GUESSER)
        for _ in range(40):
            self.sign_in(DjangoClient(REMOTE_ADDR=GUESSER), "wrong")
        assert AuditEvent.objects.filter(event="admin-login").count() == 6

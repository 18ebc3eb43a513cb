"""The try-it page and the whitelist switches."""

import pytest

from accounts import rules, whitelists
from accounts.models import AccessMode, AuditEvent, Device, Token
from tests.accounts.admin.conftest import KEY

TRY, SWITCHES = "/admin/accounts/accessrule/try/", "/admin/accounts/accessmode/"


def ask(staff, **facts):
    return staff.post(TRY, {"flow": "matrix", "complete": "on"} | facts)


@pytest.mark.parametrize(
    ("rule", "facts"),
    [
        (("username", "bo*"), {"username": "Bob"}),
        (("pubkey", KEY), {"pubkey": KEY}),
        (("fingerprint", "ab" * 20), {"fingerprint": "AB " * 20}),
        (("email", "bob@example.org"), {"email": "Bob@Example.org"}),
        (("domain", "example.org"), {"email": "bob@mail.example.org"}),
        (("ip", "192.0.2.0/24"), {"ip": "::ffff:192.0.2.9"}),
    ],
)
def test_it_names_the_rule_that_refuses(staff, said, rule, facts):
    made = rules.add("deny", *rule)
    response = ask(staff, **facts)
    assert not response.context["answers"][0].decision.admitted
    assert f"/admin/accounts/accessrule/{made.pk}/change/" in response.content.decode()
    assert "refused" in said(response)


def test_who_matches_no_rule_is_admitted(staff, said):
    response = ask(staff, username="bob")
    assert response.context["answers"][0].decision.admitted
    assert "no rule matches" in said(response)
    assert "No account has this" in said(response)


def test_it_says_when_whitelist_mode_refuses(staff, said):
    rules.set_mode("matrix", whitelist=True)
    text = said(ask(staff, username="bob"))
    assert "not on the whitelist" in text
    assert "whitelist mode on" in text


def test_every_door_is_asked_at_once(staff):
    rules.set_mode("otp", whitelist=True)
    answers = ask(staff, flow="all", username="bob").context["answers"]
    assert [answer.decision.admitted for answer in answers] == [True, True, False, True, True]


@pytest.mark.parametrize("facts", [{"username": "bob"}, {"pubkey": KEY}, {"email": "bob@example.org"}])
def test_what_belongs_to_an_account_is_completed_and_said(staff, account, said, facts):
    from accounts.models import X25519Key

    bob = account("bob", email="bob@example.org")
    X25519Key.objects.create(user=bob, public_key=KEY)
    rules.add("deny", "domain", "example.org")
    rules.add("deny", "username", "bob", flow="session")
    response = ask(staff, **facts)
    assert "This is the account bob ." in said(response)
    assert not response.context["answers"][0].decision.admitted
    assert response.context["subject"].emails == ("bob@example.org",)
    assert response.context["subject"].username == "bob"


def test_completing_can_be_left_out(staff, account):
    account("bob", email="bob@example.org")
    rules.add("deny", "domain", "example.org")
    response = staff.post(TRY, {"flow": "matrix", "username": "bob"})
    assert response.context["answers"][0].decision.admitted


def test_facts_that_cannot_be_read_are_told_at_their_fields(staff):
    form = ask(staff, pubkey="05", email="x", ip="192.0.2.0/24", fingerprint="1").context["form"]
    assert set(form.errors) == {"pubkey", "email", "ip", "fingerprint"}


def test_trying_changes_and_logs_nothing(staff):
    before = AuditEvent.objects.count()
    ask(staff, username="bob")
    assert AuditEvent.objects.count() == before


def test_all_five_switches_are_on_one_page(staff, said):
    rules.add("allow", "username", "bob", flow="otp")
    text = said(staff.get(SWITCHES))
    for door in ("Session", "Matrix", "E-mail code", "Laverna", "Sign-in pages, OAuth, QR"):
        assert door in text
    assert "1 allow rule ," in text


def test_switching_on_with_an_empty_whitelist_warns_that_it_admits_nobody(staff, said):
    text = said(staff.get(f"{SWITCHES}matrix/switch/"))
    assert "it admits nobody" in text
    assert not AccessMode.objects.filter(whitelist=True).exists()


def test_switching_on_says_how_many_tokens_would_be_refused(staff, account, token, said):
    for name in ("bob", "carol", "dave"):
        token(account(name))
    rules.add("allow", "username", "bob", flow="matrix")
    text = said(staff.get(f"{SWITCHES}matrix/switch/"))
    assert "2 of 3 live tokens would be refused" in text
    assert "admits nobody" not in text


def test_a_switch_is_turned_by_the_verb(staff):
    staff.post(f"{SWITCHES}matrix/switch/", {"_confirmed": "1", "whitelist": "on"})
    assert AccessMode.objects.get(flow="matrix").whitelist
    event = AuditEvent.objects.get(event="mode-changed")
    assert (event.actor, event.subject, event.facts) == (
        "ada",
        "matrix",
        {"whitelist": True, "old": {"whitelist": False}},
    )
    staff.post(f"{SWITCHES}matrix/switch/", {"_confirmed": "1", "whitelist": "off"})
    assert not AccessMode.objects.get(flow="matrix").whitelist


def test_a_door_that_does_not_exist_has_no_switch(staff):
    assert staff.get(f"{SWITCHES}cellar/switch/").status_code == 404


@pytest.mark.parametrize(
    ("field", "pattern"),
    [
        ("pubkey", KEY),
        ("username", "b?b"),
        ("email", "bob@example.org"),
        ("domain", "org"),
        ("ip", "192.0.2.0/24"),
    ],
)
def test_whitelists_count_tokens_as_the_doors_decide(account, token, field, pattern):
    bob, carol = account("bob", email="bob@example.org"), account("carol", email="carol@example.com")
    named, other = token(bob, "matrix", KEY), token(carol)
    device = Device.objects.create(user=bob, kind="matrix", device_id="D", last_seen_ip="192.0.2.7")
    Token.objects.filter(pk=named.pk).update(device=device)
    assert other.pk
    assert whitelists.refused("matrix") == 2
    rules.add("allow", field, pattern, flow="otp")
    assert whitelists.refused("matrix") == 2
    rules.add("allow", field, pattern, flow="matrix")
    assert whitelists.refused("matrix") == 1

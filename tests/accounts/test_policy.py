"""Whitelists and blacklists: R48, R49, architecture.md §4."""

from datetime import timedelta

import pytest
import time_machine
from allauth.account.models import EmailAddress
from django.utils import timezone

from accounts import names, policy, rules, subjects, tokens, users
from accounts.errors import Reason, Refusal
from accounts.models import AccessRule, AuditEvent, Flow, Notice
from tests.session_client import SessionIdentity

pytestmark = pytest.mark.django_db
ALICE = policy.Subject(
    username="alice",
    pubkey="05" + "ab" * 31 + "2b",
    fingerprint="cd" * 20,
    ip="192.0.2.77",
    emails=("alice@mail.corp.example",),
)


def admitted(subject=ALICE, flow="matrix"):
    return policy.decide(flow, subject).admitted


@pytest.mark.parametrize(
    ("field", "pattern"),
    [
        ("pubkey", ALICE.pubkey.upper().replace("05AB", "05ab", 1)),
        ("username", "alice"),
        ("username", "Alice"),
        ("username", "al*"),
        ("username", "*ce"),
        ("username", "a?ice"),
        ("username", "?lice"),
        ("username", "*lic*"),
        ("username", "*"),
        ("email", "ALICE@Mail.Corp.Example"),
        ("domain", "mail.corp.example"),
        ("domain", "corp.example"),
        ("domain", "@Corp.Example."),
        ("fingerprint", " ".join(["CDCD"] * 10)),
        ("ip", "192.0.2.77"),
        ("ip", "192.0.2.0/24"),
        ("ip", "::ffff:192.0.2.77"),
        ("ip", "0.0.0.0/0"),
    ],
)
def test_a_deny_matches_every_spelling_of_what_it_names(field, pattern):
    rules.add("deny", field, pattern)
    assert not admitted()
    bob = policy.Subject(username="bob", ip="198.51.100.1", emails=("bob@other.example",))
    matches_everybody = pattern in {"*", "0.0.0.0/0"}
    assert admitted(bob) is not matches_everybody


@pytest.mark.parametrize(
    ("field", "pattern"),
    [
        ("username", "alic"),
        ("username", "al?"),
        ("username", "*x"),
        ("email", "alice@corp.example"),
        ("domain", "orp.example"),
        ("domain", "evil-corp.example"),
        ("ip", "192.0.3.0/24"),
        ("ip", "2001:db8::/32"),
    ],
)
def test_a_deny_matches_nothing_else(field, pattern):
    rules.add("deny", field, pattern)
    assert admitted()


@pytest.mark.parametrize(
    ("field", "pattern"),
    [
        ("pubkey", "05"),
        ("pubkey", "05" + "0" * 64),
        ("username", "al ice"),
        ("username", "[a]"),
        ("email", "nobody"),
        ("email", "a b@c.example"),
        ("domain", "exa mple"),
        ("domain", ""),
        ("fingerprint", "cd"),
        ("ip", "300.1.1.1"),
        ("ip", "192.0.2.0/33"),
        ("colour", "red"),
    ],
)
def test_a_pattern_that_means_nothing_is_refused(field, pattern):
    with pytest.raises(Refusal) as refusal:
        rules.add("deny", field, pattern)
    assert refusal.value.reason is Reason.FIELD_INVALID


def test_a_deny_of_one_door_leaves_the_others_open():
    rules.add("deny", "username", "alice", flow="session")
    assert not admitted(flow="session")
    assert admitted(flow="matrix")


@pytest.mark.parametrize("flow", Flow.values)
def test_a_deny_of_all_doors_closes_each(flow):
    rules.add("deny", "username", "alice")
    assert not admitted(flow=flow)


def test_an_expired_or_disabled_rule_counts_no_more():
    rules.add("deny", "username", "alice", expires_at=timezone.now() + timedelta(hours=1))
    assert not admitted()
    with time_machine.travel(timezone.now() + timedelta(hours=2)):
        assert admitted()
    rules.add("deny", "ip", "192.0.2.0/24")
    rules.enable(AccessRule.objects.filter(field="ip"), enabled=False)
    rules.remove(AccessRule.objects.filter(field="username"))
    assert admitted()


def test_in_whitelist_mode_only_the_listed_are_admitted():
    rules.set_mode("matrix", whitelist=True)
    assert not admitted()
    assert admitted(flow="session")
    rules.add("allow", "domain", "corp.example", flow="matrix")
    assert admitted()
    assert not admitted(policy.Subject(username="bob"))


def test_the_blacklist_wins_over_the_whitelist():
    rules.set_mode("matrix", whitelist=True)
    rules.add("allow", "username", "alice")
    rules.add("deny", "ip", "192.0.2.0/24")
    decision = policy.decide("matrix", ALICE)
    assert not decision.admitted
    assert "deny ip 192.0.2.0/24" in decision.cause


def test_an_empty_whitelist_admits_nobody():
    rules.set_mode("session", whitelist=True)
    decision = policy.decide("session", ALICE)
    assert (decision.admitted, decision.cause) == (False, "not on the whitelist")


def test_without_rules_a_decision_costs_no_query(django_assert_num_queries):
    admitted()
    with django_assert_num_queries(0):
        assert admitted()


def test_with_any_number_of_rules_a_decision_is_one_query(django_assert_num_queries):
    rules.add("deny", "ip", "198.51.100.0/24")
    AccessRule.objects.bulk_create(
        AccessRule(effect="deny", field="pubkey", pattern=str(n), lookup=f"pubkey={n}", shape="pubkey", flow="all")
        for n in range(500)
    )
    policy.forget()
    admitted()
    with django_assert_num_queries(1):
        assert admitted()


def test_the_same_entry_twice_is_one_entry():
    rules.add("deny", "username", "Alice", note="first")
    rules.add("deny", "username", "alice", note="second")
    assert AccessRule.objects.get().note == "second"


def test_a_deny_revokes_what_it_matches_in_its_doors_and_tells_the_sockets():
    user = users.create("alice", email="alice@corp.example")
    bystander = users.create("bob")
    for owner, flow in ((user, "matrix"), (user, "otp"), (bystander, "matrix")):
        tokens.issue(tokens.Minted(f"{owner} {flow}"), user=owner, flow=flow)
    rules.add("deny", "domain", "corp.example", flow="matrix")
    assert tokens.check("alice matrix", flow="matrix") is None
    assert tokens.check("alice otp", flow="otp")
    assert tokens.check("bob matrix", flow="matrix")
    assert Notice.objects.filter(group="everyone", event="recheck").exists()


def test_a_deny_by_address_ends_nothing_for_good():
    user = users.create("alice")
    tokens.issue(tokens.Minted("secret"), user=user, flow="matrix")
    rules.add("deny", "ip", "192.0.2.0/24")
    assert tokens.check("secret", flow="matrix")


def test_an_unconfirmed_address_is_no_reason():
    user = users.create("alice")
    EmailAddress.objects.create(user=user, email="alice@corp.example", verified=False)
    rules.add("deny", "domain", "corp.example")
    assert subjects.of_account(user).emails == ()
    assert admitted(subjects.of_account(user))


def test_every_change_of_a_list_is_audited_with_old_and_new():
    admin = users.create("root")
    rule = rules.add("deny", "username", "eve", author=admin)
    rule.note = "spam"
    rules.change(rule, author=admin)
    rules.enable(AccessRule.objects.all(), enabled=False, author=admin)
    rules.remove(AccessRule.objects.all(), author=admin)
    rules.set_mode("matrix", whitelist=True, author=admin)
    events = list(AuditEvent.objects.filter(actor="root").order_by("pk").values_list("event", "actor"))
    assert events == [
        (event, "root") for event in ("rule-added", "rule-changed", "rule-disabled", "rule-removed", "mode-changed")
    ]
    changed = AuditEvent.objects.get(event="rule-changed")
    assert changed.facts["old"]["note"] == ""
    assert changed.facts["note"] == "spam"


def test_names_of_deny_rules_are_reserved_for_registration():
    rules.add("deny", "username", "admin*", flow="otp")
    with pytest.raises(Refusal) as refusal:
        names.check_new("administrator")
    assert refusal.value.reason is Reason.NAME_RESERVED
    names.check_new("administrator", by_administrator=True)


def test_a_change_made_by_another_process_is_seen_within_a_second(monkeypatch):
    assert admitted()
    rules.add("deny", "username", "alice")
    policy._known.shapes = frozenset()  # as a process that has not heard of the rule yet
    policy._known.revision = 0
    policy._known.checked_at = policy.time.monotonic()
    assert admitted()
    policy._known.checked_at -= 0.6
    assert not admitted()


def test_a_ban_by_name_reaches_a_linked_key(client):
    identity = SessionIdentity()
    identity.log_in(client)
    users.rename(users.get(identity.public_key), "eve")
    rules.add("deny", "username", "eve")
    assert identity.challenge(client).status == 401

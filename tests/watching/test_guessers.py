"""Who keeps giving wrong secrets is kept out for a while: R37, R38, R39, R48."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import OperationalError, connection
from django.utils.timezone import now

from accounts import audit, exemptions, failures, guessers, policy, rules, tokens, users
from accounts.models import AccessRule, AttackedAccount, AuditEvent, ExemptNetwork, Flow, Guesser, Happening
from tests.watching.conftest import GUESSER, networks

pytestmark = pytest.mark.django_db
MINUTE = 60


def is_denied(ip=GUESSER, flow="matrix"):
    return not policy.decide(flow, policy.Subject(ip=ip)).admitted


def test_five_wrong_secrets_are_a_deny_for_a_while_at_every_door(fail, clock):
    fail(times=4)
    assert not AccessRule.objects.exists()
    fail()
    rule = AccessRule.objects.get()
    assert (rule.effect, rule.field, rule.pattern, rule.flow) == ("deny", "ip", GUESSER, "all")
    assert (rule.author, rule.author_name) == (None, "latchkey")
    assert rule.note == "5 wrong secrets within 1 second; block 1"
    assert rule.expires_at == now() + timedelta(minutes=15)
    assert all(is_denied(flow=flow) for flow in Flow.values)
    clock.shift(timedelta(minutes=15, seconds=1))
    assert not is_denied()


@pytest.mark.parametrize(
    ("event", "reason", "outcome"),
    [
        ("login", "rate-limited", "refused"),
        ("login", "not-admitted", "refused"),
        ("login", "account-locked", "refused"),
        ("login", "overloaded", "refused"),
        ("login", "field-missing", "refused"),
        ("signaling", "token-unknown", "refused"),  # a client that slept longer than its token lives
        ("registration", "credential-taken", "refused"),
        ("refresh-token-replayed", "", "refused"),
        ("login", "", "success"),
    ],
)
def test_what_is_no_wrong_secret_is_not_counted(fail, event, reason, outcome):
    for _ in range(30):
        audit.record(event, outcome=outcome, reason=reason, flow="matrix", subject="alice", ip=GUESSER)
    assert guessers.take_up() == 0
    assert not Guesser.objects.exists()


def test_failures_at_several_doors_count_together(fail):
    fail(flow="matrix")
    fail(flow="session", reason="challenge-invalid", account="05" + "ab" * 32)
    fail(event="login-code", flow="otp")
    fail(event="second-factor", flow="devicelogin")
    fail(flow="openpgp", account="bob")
    row = Guesser.objects.get(network=GUESSER)
    assert row.doors == {"matrix": 1, "session": 1, "otp": 1, "devicelogin": 1, "openpgp": 1}
    assert row.accounts == {"alice": 3, "05" + "ab" * 32: 1, "bob": 1}
    assert is_denied()


def test_one_at_the_administration_counts_as_five(fail):
    fail(event="admin-login")
    assert is_denied()
    assert Guesser.objects.get(network=GUESSER).count == 1


def test_a_large_office_has_a_larger_allowance(fail, settings):
    settings.RATE_LIMIT_SCALE = 3
    fail(times=14)
    assert not is_denied()
    fail()
    assert is_denied()


def test_ipv6_is_counted_and_kept_out_by_its_64(fail):
    for number in range(5):
        fail(f"2001:db8:1:2::{number + 1:x}")
    assert AccessRule.objects.get().pattern == "2001:db8:1:2::/64"
    assert is_denied("2001:db8:1:2:ffff::9")
    assert not is_denied("2001:db8:1:3::1")


def test_each_further_block_is_twice_as_long_up_to_the_longest(fail, clock, settings):
    settings.GUESSER_LONGEST_BLOCK = 3000
    lengths = []
    for _ in range(4):
        fail(times=5)
        until = AccessRule.objects.get().expires_at
        lengths.append((until - now()).total_seconds())
        clock.move_to(until + timedelta(seconds=1))
    assert lengths == [900, 1800, 3000, 3000]
    assert Guesser.objects.get(network=GUESSER).blocks == 4
    assert AuditEvent.objects.filter(event="guesser-blocked").count() == 4


def test_who_goes_on_while_blocked_is_blocked_again_at_once(fail, clock):
    fail(times=5)
    fail(times=5)
    assert Guesser.objects.get(network=GUESSER).blocks == 1
    clock.shift(timedelta(minutes=15, seconds=1))
    assert not is_denied()
    fail()
    assert is_denied()
    assert Guesser.objects.get(network=GUESSER).blocks == 2


def test_failures_far_apart_are_no_guessing(fail, clock):
    for _ in range(20):
        fail()
        clock.shift(timedelta(minutes=16))
    assert not AccessRule.objects.exists()
    row = Guesser.objects.get(network=GUESSER)
    assert row.total == 20
    assert row.count < 5


def test_a_clock_that_steps_back_blocks_nobody_for_ever(fail, clock):
    fail(times=4)
    clock.shift(timedelta(hours=-3))
    fail(times=4)
    assert not is_denied()
    assert Guesser.objects.get(network=GUESSER).window_at == now()


@pytest.mark.parametrize(
    "ip", ["127.0.0.1", "127.8.9.10", "::1", "10.1.2.3", "192.0.2.20", "2001:db8:5::7", "203.0.113.9"]
)
def test_exempt_networks_are_counted_but_never_blocked(fail, settings, ip):
    settings.TRUSTED_PROXIES = networks("10.0.0.0/8")
    settings.ADMIN_NETWORKS = networks("192.0.2.0/24")
    settings.GUESSER_EXEMPT = networks("2001:db8:5::/48")
    exemptions.add("203.0.113.9", note="the office")
    fail(ip, times=60)
    assert not AccessRule.objects.exists()
    assert Guesser.objects.filter(kind="address").get().count == 60


def test_the_command_lists_the_rule_with_its_author_and_removes_it(fail, capsys):
    fail(times=5)
    call_command("rules", "list")
    assert f"deny  ip  {GUESSER}  all  until " in (listed := capsys.readouterr().out)
    assert "by latchkey  (5 wrong secrets within 1 second; block 1)" in listed
    call_command("rules", "list", "--json")
    (rule,) = json.loads(capsys.readouterr().out)
    assert (rule["author"], rule["pattern"]) == ("latchkey", GUESSER)
    call_command("rules", "remove", "deny", "ip", GUESSER)
    assert not is_denied()


def test_nothing_is_blocked_when_that_is_switched_off(fail, settings):
    settings.GUESSER_BLOCKING = False
    fail(times=60)
    assert not AccessRule.objects.exists()
    assert Guesser.objects.get(network=GUESSER).count == 60


def test_a_network_is_blocked_when_several_of_its_addresses_fail(fail, settings):
    for number in range(5):
        fail(f"198.51.100.{number}", times=4)
    assert [rule.pattern for rule in AccessRule.objects.all()] == ["198.51.100.0/24"]
    assert is_denied("198.51.100.200")
    assert AuditEvent.objects.get(event="guesser-blocked").facts["addresses"] == 5


def test_an_ipv6_network_is_a_48(fail):
    for number in range(5):
        fail(f"2001:db8:7:{number}::1", times=4)
    assert [rule.pattern for rule in AccessRule.objects.all()] == ["2001:db8:7::/48"]


def test_one_address_alone_blocks_no_network(fail):
    fail(times=60)
    assert [rule.pattern for rule in AccessRule.objects.all()] == [GUESSER]


def test_a_network_with_an_exempt_address_in_it_is_not_blocked(fail):
    exemptions.add("198.51.100.99")
    for number in range(6):
        fail(f"198.51.100.{number}", times=4)
    assert not AccessRule.objects.exists()


def test_an_administrators_rule_is_neither_shortened_nor_taken_over(fail, alice):
    rules.add("deny", "ip", GUESSER, note="mine", author=alice)
    fail(times=5)
    rule = AccessRule.objects.get()
    assert (rule.expires_at, rule.note, rule.author, rule.author_name) == (None, "mine", alice, "")
    assert Guesser.objects.get(network=GUESSER).rule == rule
    assert not AuditEvent.objects.filter(event="guesser-blocked").exists()


def test_a_rule_that_was_switched_off_by_hand_stays_off(fail):
    fail(times=5)
    rules.enable(AccessRule.objects.all(), enabled=False)
    fail(times=20)
    assert not AccessRule.objects.get().enabled
    assert not is_denied()


def test_an_old_rule_of_an_administrator_becomes_a_block(fail, alice):
    rules.add("deny", "ip", GUESSER, note="last year", author=alice, expires_at=now() - timedelta(days=300))
    fail(times=5)
    rule = AccessRule.objects.get()
    assert (rule.author, rule.author_name) == (None, "latchkey")
    assert is_denied()


def test_a_block_ends_no_session_but_refuses_it_from_there(fail, alice):
    token = tokens.issue(tokens.Minted("s3cret", 3600), user=alice, flow="matrix")
    fail(times=5)
    token.refresh_from_db()
    assert token.revoked_at is None
    assert is_denied()
    assert not is_denied("203.0.113.1")


def test_many_addresses_against_one_account_raise_an_alert_and_lock_nobody(fail, alice):
    for number in range(4):
        assert not AuditEvent.objects.filter(event="account-attacked").exists()
        fail(f"203.0.{number}.1", account="ALICE")
    event = AuditEvent.objects.get(event="account-attacked")
    assert (event.actor, event.subject, event.facts["addresses"]) == ("latchkey", "alice", 4)
    assert Happening.objects.get(kind="account-attacked").severity == "critical"
    alice.refresh_from_db()
    assert alice.locked_at is None
    assert not AccessRule.objects.exists()
    for number in range(4, 40):
        fail(f"203.0.{number}.1")
    assert AuditEvent.objects.filter(event="account-attacked").count() == 1
    assert AttackedAccount.objects.get().address_count == 40


def test_an_attack_that_goes_on_for_a_day_is_told_again(fail, alice, clock):
    for day in range(2):
        for number in range(4):
            fail(f"203.0.{number}.1")
        assert AuditEvent.objects.filter(event="account-attacked").count() == day + 1
        clock.shift(timedelta(days=1, minutes=1))


def test_names_of_nobody_raise_no_alert(fail, alice):
    for number in range(10):
        fail(f"203.0.{number}.1", account="root")
    assert not AuditEvent.objects.filter(event="account-attacked").exists()


def test_an_account_is_found_by_its_mail_address_too(fail, alice):
    for number in range(4):
        fail(f"203.0.{number}.1", account="alice@example.org", flow="otp")
    assert AuditEvent.objects.get(event="account-attacked").subject == "alice"


def test_a_good_login_costs_no_statement_more(django_assert_num_queries):
    with django_assert_num_queries(0):
        guessers.take_up()
    with django_assert_num_queries(1):
        AuditEvent.objects.count()
    audit.record("login", flow="matrix", subject="alice", ip=GUESSER)
    assert failures.take() == []


@pytest.mark.parametrize("name", ["a\0b", "\ud800", "x" * 5000, "<script>", "\u202eevil", ""])
def test_whatever_strangers_type_as_a_name_is_counted(fail, name):
    clean = name.replace("\0", "").encode("utf-8", "ignore").decode()[:320]  # the audit log itself takes no other
    audit.record("login", outcome=audit.REFUSED, reason="credential-wrong", flow="matrix", subject=clean, ip=GUESSER)
    found = failures.take()
    failures.put_back([(failures.Failure(one.ip, one.door, name), tally) for one, tally in found])
    assert guessers.take_up() == 1
    assert Guesser.objects.get(network=GUESSER).count == 1


def test_a_database_that_is_away_loses_no_count(fail, monkeypatch):
    def away(*_):
        raise OperationalError("gone")

    with monkeypatch.context() as broken:
        broken.setattr(guessers.guesser_rows, "count", away)
        for _ in range(2):
            with pytest.raises(OperationalError):
                fail(times=2)
    assert fail() == 5
    assert is_denied()


def test_memory_and_rows_are_bounded_however_many_names_are_tried(fail):
    moment = now()
    failures.put_back(
        (failures.Failure(GUESSER, "matrix", f"name{number}"), failures.Tally(1, moment, moment))
        for number in range(30_000)
    )
    found = failures.take()
    assert len(found) < 10_002
    assert sum(tally.count for _, tally in found) == 30_000
    failures.put_back(found[:600])
    guessers.take_up()
    row = Guesser.objects.get(network=GUESSER)
    assert len(row.accounts) == 21
    assert sum(row.accounts.values()) == row.count


def test_lifting_opens_the_doors_and_forgets(fail, alice):
    fail(times=5)
    fail(times=3)
    assert guessers.lift(Guesser.objects.filter(network=GUESSER), author=alice) == 1
    assert not is_denied()
    assert AuditEvent.objects.get(event="rule-removed").actor == "alice"
    fail(times=4)
    assert not is_denied()
    fail()
    assert is_denied()
    assert AccessRule.objects.get().note.endswith("block 1")


def test_deleting_the_rule_lifts_the_block_too(fail):
    fail(times=5)
    rules.remove(rules.find("deny", "ip", GUESSER))
    assert not guessers.is_blocked(Guesser.objects.get(network=GUESSER))
    fail(times=4)
    assert not is_denied()
    fail()
    assert is_denied()


def test_exempting_lifts_and_lasts(fail, alice):
    fail(times=5)
    assert guessers.exempt(Guesser.objects.filter(network=GUESSER), author=alice) == 1
    fail(times=50)
    assert not is_denied()
    assert ExemptNetwork.objects.get().author == alice
    exemptions.remove(ExemptNetwork.objects.all(), author=alice)
    fail(times=5)
    assert is_denied()
    events = AuditEvent.objects.filter(event__startswith="exemption").values_list("event", "subject")
    assert list(events) == [("exemption-added", GUESSER), ("exemption-removed", GUESSER)]


def test_lifting_leaves_an_administrators_rule(fail, alice):
    rules.add("deny", "ip", GUESSER, author=alice)
    fail(times=5)
    assert guessers.lift(Guesser.objects.all(), author=alice) == 0
    assert is_denied()


def test_what_is_over_is_purged(fail, clock):
    fail("203.0.113.1")
    fail(times=5)
    assert guessers.purge() == 0
    clock.shift(timedelta(hours=2))
    guessers.purge()
    assert set(Guesser.objects.values_list("network", flat=True)) == {GUESSER}
    assert not AttackedAccount.objects.exists()
    clock.shift(timedelta(days=2))
    guessers.purge()
    assert not AccessRule.objects.exists()
    assert Guesser.objects.get().rule is None
    clock.shift(timedelta(days=31))
    guessers.purge()
    assert not Guesser.objects.exists()


def test_the_purge_leaves_rules_of_administrators(alice, clock):
    rules.add("deny", "ip", GUESSER, author=alice, expires_at=now() + timedelta(hours=1))
    clock.shift(timedelta(days=400))
    guessers.purge()
    assert AccessRule.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_of_processes_that_count_at_once_each_failure_counts_and_one_blocks(monkeypatch, settings):
    """Six processes, each with its own failures of the same address, network and account."""
    users.create("alice")
    racers = 6
    own = threading.local()
    monkeypatch.setattr(failures, "take", lambda: getattr(own, "batch", []))
    together = threading.Barrier(racers)

    def process(number):
        moment = now()
        own.batch = [
            (failures.Failure(f"198.51.100.{address}", "matrix", "alice"), failures.Tally(2, moment, moment))
            for address in ([1, 2, 3, 4] if number % 2 else [4, 3, 2, 1])
        ]
        together.wait(60)
        try:
            return guessers.take_up()
        finally:
            connection.close()

    with ThreadPoolExecutor(racers) as pool:
        assert list(pool.map(process, range(racers))) == [8] * racers
    counts = dict(Guesser.objects.values_list("network", "count"))
    assert counts == {"198.51.100.0/24": 48, **{f"198.51.100.{number}": 12 for number in (1, 2, 3, 4)}}
    assert AttackedAccount.objects.get().count == 48
    blocked = list(AuditEvent.objects.filter(event="guesser-blocked").values_list("subject", flat=True))
    assert sorted(blocked) == sorted(set(blocked)) == sorted(AccessRule.objects.values_list("pattern", flat=True))
    assert len(blocked) == 5
    assert AuditEvent.objects.filter(event="account-attacked").count() == 1

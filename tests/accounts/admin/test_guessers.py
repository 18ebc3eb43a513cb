"""Guessers, attacked accounts and exempt networks in the administration."""

from datetime import UTC, datetime

import pytest

from accounts import audit, exemptions, failures, guessers, policy, rules
from accounts.models import AccessRule, AuditEvent, ExemptNetwork, Guesser
from idp.environment import Rate

LIST, ATTACKED = "/admin/accounts/guesser/", "/admin/accounts/attackedaccount/"
EXEMPT = "/admin/accounts/exemptnetwork/"
GUESSER = "198.51.100.7"


@pytest.fixture
def said(said):
    """Without the blanks that stand for marks before signs."""
    return lambda response: said(response).replace(" :", ":").replace(" ,", ",")


@pytest.fixture(autouse=True)
def small(settings, db):
    settings.GUESSER_RATE, settings.GUESSER_NETWORK_RATE = Rate(5, 3600), Rate(20, 3600)
    settings.GUESSER_NETWORK_ADDRESSES, settings.ATTACKED_ACCOUNT_ADDRESSES = 3, 4
    settings.TRUSTED_PROXIES = settings.ADMIN_NETWORKS = settings.GUESSER_EXEMPT = []
    failures.take()
    yield
    failures.take()


def fail(ip=GUESSER, times=5, account="bob", flow="matrix"):
    for _ in range(times):
        audit.record("login", outcome="refused", reason="credential-wrong", flow=flow, subject=account, ip=ip)
    guessers.take_up()
    return Guesser.objects.get(network=ip)


def bulk(action, *rows, **more):
    return {"action": action, "_selected_action": [r.pk for r in rows], "select_across": "0", "index": "0", **more}


def is_denied(ip=GUESSER):
    return not policy.decide("matrix", policy.Subject(ip=ip)).admitted


def test_the_list_says_who_how_often_where_whom_and_until_when(staff, said):
    fail(times=3)
    fail(times=4, account="alice", flow="session")
    until = AccessRule.objects.get().expires_at
    text = said(staff.get(LIST))
    for shown in (GUESSER, "blocked", "7", "Session 4, Matrix 3", "alice, bob", until.strftime("%Y-%m-%d %H:%M")):
        assert shown in text
    assert "5 wrong secrets within 1 hour" in text
    assert "15 minutes; each further time for twice as long, up to 7 days" in text


def test_a_single_typing_error_is_not_listed_unless_asked_for(staff, said):
    fail(times=1)
    assert GUESSER not in said(staff.get(LIST))
    assert GUESSER in said(staff.get(LIST, {"state": "all"}))
    fail(times=2)
    assert GUESSER in said(staff.get(LIST))


def test_the_filter_knows_who_is_blocked_now_and_who_was(staff):
    blocked, before = fail(), fail("203.0.113.9")
    rules.remove(rules.find("deny", "ip", "203.0.113.9"))
    found = {
        state: [
            row.network for row in staff.get(LIST, {"state": state}).context["cl"].queryset if row.kind == "address"
        ]
        for state in ("blocked", "before")
    }
    assert found == {"blocked": [blocked.network], "before": [before.network]}


def test_the_page_of_one_names_doors_accounts_and_addresses(staff, said):
    for number in range(5):
        fail(f"198.51.100.{number}", times=4, account=f"person{number}")
    row = Guesser.objects.get(kind="network")
    text = said(staff.get(f"{LIST}{row.pk}/change/"))
    for shown in ("198.51.100.0/24", "Matrix: 20", "person3: 4", "198.51.100.3: 4", "deny ip 198.51.100.0/24 (all)"):
        assert shown in text
    assert "by network" in said(staff.get(LIST))
    assert "events with 198.51.100" in text


def test_a_block_is_lifted_after_a_question(staff, said):
    row = fail()
    path = f"{LIST}{row.pk}/lift/"
    assert "what led to the block is forgotten" in said(staff.get(path))
    assert is_denied()
    assert "1 block lifted." in said(staff.post(path, {"_confirmed": "1"}, follow=True))
    assert not is_denied()
    assert AuditEvent.objects.get(event="rule-removed").actor == "ada"
    assert "lift" not in str(staff.get(f"{LIST}{row.pk}/change/").context["actions_detail"])


def test_several_blocks_are_lifted_after_a_question(staff, said):
    rows = [fail(), fail("203.0.113.9"), fail("192.0.2.9")]
    assert "Lift: 2 guessers" in said(staff.post(LIST, bulk("lift_chosen", *rows[:2])))
    assert is_denied()
    staff.post(LIST, bulk("lift_chosen", *rows[:2], _confirmed="1"))
    assert [is_denied(row.network) for row in rows] == [False, False, True]


def test_exempting_lifts_and_is_listed(staff, said):
    row = fail()
    assert "never blocked by themselves" in said(staff.get(f"{LIST}{row.pk}/exempt/"))
    assert "1 network exempted." in said(staff.post(f"{LIST}{row.pk}/exempt/", {"_confirmed": "1"}, follow=True))
    assert not is_denied()
    fail(times=50)
    assert not is_denied()
    assert "exempt" in said(staff.get(LIST))
    text = said(staff.get(EXEMPT))
    assert GUESSER in text
    assert "127.0.0.0/8" in text


def test_an_administrators_own_rule_is_not_lifted_here(staff, ada, said):
    rules.add("deny", "ip", GUESSER, author=ada)
    row = fail()
    assert "denied" in said(staff.get(LIST))
    text = said(staff.post(f"{LIST}{row.pk}/lift/", {"_confirmed": "1"}, follow=True))
    assert "stays denied by a rule that an administrator made" in text
    assert is_denied()


def test_a_row_that_is_gone_is_told(staff, said):
    assert "It is no longer listed." in said(staff.post(f"{LIST}999/lift/", {"_confirmed": "1"}, follow=True))
    assert staff.get(f"{LIST}abc/lift/").status_code == 302


def test_nothing_is_edited_by_hand(staff):
    row = fail()
    assert staff.get(f"{LIST}add/").status_code == 403
    assert staff.post(f"{LIST}{row.pk}/change/", {"network": "x"}).status_code == 403
    assert staff.get(f"{ATTACKED}add/").status_code == 403


def test_names_of_strangers_are_escaped(staff):
    row = fail(account="<script>alert(1)</script>")
    for path in (LIST, f"{LIST}{row.pk}/change/", f"{ATTACKED}?addresses=all"):
        page = staff.get(path).content.decode()
        assert "<script>alert" not in page
        assert "&lt;script&gt;" in page


def test_the_list_says_when_blocking_is_switched_off(staff, said, settings):
    settings.GUESSER_BLOCKING = False
    assert "Nobody is blocked" in said(staff.get(LIST))


def test_an_attacked_account_is_listed_with_its_addresses_and_owner(staff, account, said):
    bob = account("bob")
    for number in range(4):
        fail(f"203.0.{number}.1", times=2)
    text = said(staff.get(ATTACKED))
    for shown in ("bob", "alert raised", "4", "8"):
        assert shown in text
    row = staff.get(ATTACKED).context["cl"].queryset.get()
    page = staff.get(f"{ATTACKED}{row.pk}/change/")
    assert f"/admin/accounts/user/{bob.pk}/change/" in page.content.decode()
    assert "203.0.2.1: 2" in said(page)


def test_an_account_that_one_address_fails_with_is_not_listed_unless_asked_for(staff, said):
    fail(account="carol")
    assert "carol" not in said(staff.get(ATTACKED))
    assert "carol" in said(staff.get(ATTACKED, {"addresses": "all"}))


def test_networks_are_exempted_in_their_canonical_spelling(staff, ada, said):
    staff.post(f"{EXEMPT}add/", {"network": "192.0.2.77/24", "note": "the office", "_save": "1"})
    row = ExemptNetwork.objects.get()
    assert (row.network, row.note, row.author) == ("192.0.2.0/24", "the office", ada)
    fail("192.0.2.9", times=20)
    assert not is_denied("192.0.2.9")
    assert AuditEvent.objects.get(event="exemption-added").actor == "ada"


def test_what_is_no_network_is_refused_in_words(staff):
    answer = staff.post(f"{EXEMPT}add/", {"network": "the office", "note": "", "_save": "1"})
    assert "An address or network looks like" in str(answer.context["adminform"].form.errors)
    assert not ExemptNetwork.objects.exists()


def test_an_exemption_is_taken_away_and_that_is_audited(staff):
    row = exemptions.add(GUESSER)
    staff.post(f"{EXEMPT}{row.pk}/delete/", {"post": "yes"})
    assert not ExemptNetwork.objects.exists()
    assert AuditEvent.objects.get(event="exemption-removed").actor == "ada"


def test_the_list_of_rules_names_latchkey_as_the_author(staff, said):
    fail()
    text = said(staff.get("/admin/accounts/accessrule/"))
    assert "latchkey" in text.partition("198.51.100.7")[2]
    assert "5 wrong secrets" in text


def test_the_pages_cost_no_more_statements_with_many_rows(staff, django_assert_max_num_queries):
    moment = datetime.now(UTC)
    Guesser.objects.bulk_create(
        Guesser(network=f"10.0.0.{n}", kind="address", count=99, blocked_at=moment) for n in range(49)
    )
    staff.get(LIST)
    with django_assert_max_num_queries(20):
        assert staff.get(LIST).status_code == 200

"""Access rules in the administration: who is affected, then saved by the verb."""

import html
import re

import pytest

from accounts import policy, rules
from accounts.models import AccessRule, AuditEvent, Token
from tests.accounts.admin.conftest import KEY

LIST, ADD = "/admin/accounts/accessrule/", "/admin/accounts/accessrule/add/"
DENY = {
    "effect": "deny",
    "field": "username",
    "pattern": "bob",
    "flow": "all",
    "enabled": "on",
    "note": "",
    "_save": "1",
}


def confirmed(post: dict) -> dict:
    return post | {"_confirmed": "1"}


def test_nothing_is_saved_before_the_preview_says_who_is_affected(staff, account, token, said):
    bob = account("bob")
    token(bob), token(bob, "otp")
    response = staff.post(ADD, DENY)
    text = said(response)
    assert "1 account affected." in text
    assert "2 live tokens will end." in text
    assert "bob" in text
    assert not AccessRule.objects.exists()
    assert tokens_alive(bob) == 2


def test_the_preview_posts_the_form_again_without_script(staff, account, token):
    bob = account("bob")
    token(bob)
    page = staff.post(ADD, DENY).content.decode()
    fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page))
    response = staff.post(ADD, {name: html.unescape(value) for name, value in fields.items()})
    assert response.status_code == 302
    assert AccessRule.objects.get().pattern == "bob"
    assert tokens_alive(bob) == 0


def test_back_from_the_preview_leads_to_the_filled_form(staff):
    page = staff.post(ADD, DENY | {"pattern": "eve", "note": "why & how"}).content.decode()
    back = html.unescape(re.search(r'href="(/admin/accounts/accessrule/add/\?[^"]+)"', page)[1])
    assert "_save" not in back
    assert "csrf" not in back
    form = staff.get(back).context["adminform"].form
    assert form["pattern"].value() == "eve"
    assert form["note"].value() == "why & how"


def test_the_preview_names_fifty_and_counts_the_rest(staff, account, said):
    for number in range(53):
        account(f"spam-{number}")
    text = said(staff.post(ADD, DENY | {"pattern": "spam-*"}))
    assert "53 accounts affected." in text
    assert "… and 3 more." in text


def test_saving_a_deny_for_a_key_revokes_what_the_key_opened(staff, account, token):
    bob = account("bob")
    opened, other = token(bob, "session", KEY), token(bob)
    staff.post(ADD, confirmed(DENY | {"field": "pubkey", "pattern": KEY.upper().replace("05", "05", 1)}))
    assert AccessRule.objects.get().pattern == KEY
    assert Token.objects.get(pk=opened.pk).revoked_at
    assert Token.objects.get(pk=other.pk).revoked_at is None
    event = AuditEvent.objects.get(event="rule-added")
    assert (event.actor, event.subject) == ("ada", KEY)
    assert AccessRule.objects.get().author.username == "ada"


def test_an_allow_says_whom_it_names_and_that_the_mode_is_off(staff, account, said):
    account("bob")
    text = said(staff.post(ADD, DENY | {"effect": "allow"}))
    assert "It names 1 account." in text
    assert "Whitelist mode is off there" in text


def test_an_allow_names_the_doors_that_are_in_whitelist_mode(staff, account, said):
    rules.set_mode("matrix", whitelist=True)
    assert "Whitelist mode is on at Matrix" in said(staff.post(ADD, DENY | {"effect": "allow"}))


def test_a_deny_of_an_address_says_that_it_ends_nothing(staff, said):
    assert "No token ends" in said(staff.post(ADD, DENY | {"field": "ip", "pattern": "192.0.2.0/24"}))


def test_a_deny_of_ones_own_account_warns(staff, said):
    assert "Your own account is among those affected" in said(staff.post(ADD, DENY | {"pattern": "ada"}))


@pytest.mark.parametrize(
    ("field", "pattern", "words"),
    [
        ("pubkey", "05zz", "05 and 64 hex digits"),
        ("username", "no spaces", "A name holds letters"),
        ("email", "nobody", "ann@example.org"),
        ("domain", "not a domain", "A domain looks like"),
        ("fingerprint", "abc", "40 or 64 hex digits"),
        ("ip", "10.0.0.0/99", "An address or network looks like"),
    ],
)
def test_a_pattern_that_cannot_be_read_says_what_it_must_look_like(staff, field, pattern, words):
    response = staff.post(ADD, DENY | {"field": field, "pattern": pattern})
    assert any(words in error for error in response.context["adminform"].form.errors["pattern"])
    assert not AccessRule.objects.exists()


def test_a_second_rule_of_the_same_meaning_is_refused_at_its_field(staff):
    rules.add("deny", "domain", "example.org")
    response = staff.post(ADD, confirmed(DENY | {"field": "domain", "pattern": "@EXAMPLE.org."}))
    errors = response.context["adminform"].form.errors
    assert list(errors) == ["pattern"]
    assert "There is a rule that says the same" in errors["pattern"][0]
    assert AccessRule.objects.count() == 1


def test_an_end_that_has_passed_is_refused(staff):
    response = staff.post(ADD, DENY | {"expires_at": "2020-01-01T00:00"})
    assert "expires_at" in response.context["adminform"].form.errors


def test_only_the_note_of_a_rule_changes_without_a_preview(staff):
    rule = rules.add("deny", "username", "bob")
    assert staff.post(f"{LIST}{rule.pk}/change/", DENY | {"note": "spring"}).status_code == 302
    rule.refresh_from_db()
    assert rule.note == "spring"
    assert AuditEvent.objects.get(event="rule-changed").facts["old"]["note"] == ""


def test_changing_what_a_rule_says_asks_first(staff, account, token, said):
    bob = account("bob")
    token(bob)
    rule = rules.add("deny", "username", "eve")
    assert "1 live token will end." in said(staff.post(f"{LIST}{rule.pk}/change/", DENY))
    rule.refresh_from_db()
    assert rule.pattern == "eve"
    staff.post(f"{LIST}{rule.pk}/change/", confirmed(DENY))
    assert tokens_alive(bob) == 0


def test_switching_denies_on_in_bulk_asks_and_ends_tokens(staff, account, token, said):
    bob = account("bob")
    rule = rules.add("deny", "username", "bob")
    rules.enable(AccessRule.objects.all(), enabled=False)
    token(bob)
    post = {"action": "enable_chosen", "_selected_action": [rule.pk], "index": "0", "select_across": "0"}
    assert "1 live token will end." in said(staff.post(LIST, post))
    assert tokens_alive(bob) == 1
    staff.post(LIST, confirmed(post))
    assert tokens_alive(bob) == 0
    assert AuditEvent.objects.get(event="rule-enabled").actor == "ada"


def test_rules_are_switched_off_and_deleted_in_bulk(staff):
    rule = rules.add("deny", "username", "bob")
    post = {"_selected_action": [rule.pk], "index": "0", "select_across": "0"}
    staff.post(LIST, post | {"action": "disable_chosen"})
    assert not AccessRule.objects.get().enabled
    staff.post(LIST, post | {"action": "delete_chosen"})
    assert AccessRule.objects.exists()
    staff.post(LIST, confirmed(post | {"action": "delete_chosen"}))
    assert not AccessRule.objects.exists()
    assert AuditEvent.objects.get(event="rule-removed").actor == "ada"


def test_deleting_one_rule_goes_by_the_verb(staff):
    rule = rules.add("deny", "username", "bob")
    assert not policy.decide("matrix", policy.Subject(username="bob")).admitted
    staff.post(f"{LIST}{rule.pk}/delete/", {"post": "yes"})
    assert policy.decide("matrix", policy.Subject(username="bob")).admitted
    assert AuditEvent.objects.filter(event="rule-removed", actor="ada").exists()


def tokens_alive(user) -> int:
    return Token.objects.filter(user=user, revoked_at=None).count()

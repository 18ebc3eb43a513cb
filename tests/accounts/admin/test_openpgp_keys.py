"""OpenPGP keys in the administration: what is shown, what is filtered, keeping one out."""

from datetime import timedelta

import pytest

from accounts import clock, rules
from accounts.models import AccessRule, AuditEvent, Flow, OpenPGPKey, Token

KEYS = "/admin/accounts/openpgpkey/"


@pytest.fixture
def key(account):
    numbers = iter(range(10, 99))

    def make(name="bob", **facts):
        user = account(name, password="correct horse battery")
        return OpenPGPKey.objects.create(user=user, fingerprint=str(next(numbers)) * 20, armored="x", **facts)

    return make


def listed(staff, **query):
    return {row.user.username for row in staff.get(KEYS, query).context["cl"].queryset}


def test_keys_are_listed_by_their_state(staff, key):
    key("valid", expires_at=clock.now() + timedelta(1))
    key("expired", expires_at=clock.now() - timedelta(1))
    key("revoked", revoked_at=clock.now())
    rules.add("deny", "fingerprint", key("blocked").fingerprint)
    assert listed(staff) == {"valid", "expired", "revoked", "blocked"}
    for state in ("valid", "expired", "revoked", "blocked"):
        assert listed(staff, state=state) == {state}


def test_a_page_tells_what_the_key_is(staff, key, said):
    one = key(algorithm="RSA", bits=2047, user_ids=["Bob <bob@example.org>", "<script>"], revoked_at=clock.now())
    text = staff.get(f"{KEYS}{one.pk}/change/").content.decode()
    assert "RSA 2047" in text
    assert "Bob &lt;bob@example.org&gt;" in text
    assert "<script></div>" not in text
    assert "revoked" in said(staff.get(KEYS))
    assert listed(staff, q="bob@example") == {"bob"}


def test_blocking_a_fingerprint_asks_and_ends_what_the_key_opened(staff, key, token, said):
    one, other = key("bob"), key("carol")
    opened, untouched = (
        token(one.user, Flow.OPENPGP, one.fingerprint),
        token(other.user, Flow.OPENPGP, other.fingerprint),
    )
    post = {"action": "block_chosen", "_selected_action": [one.pk], "index": "0", "select_across": "0"}
    assert "Block 1 fingerprint" in said(staff.post(KEYS, post))
    assert not AccessRule.objects.exists()
    assert staff.post(KEYS, post | {"_confirmed": "1"}).status_code == 302
    rule = AccessRule.objects.get()
    assert (rule.effect, rule.field, rule.pattern, rule.flow) == ("deny", "fingerprint", one.fingerprint, "all")
    assert Token.objects.get(pk=opened.pk).revoked_at
    assert Token.objects.get(pk=untouched.pk).revoked_at is None
    assert AuditEvent.objects.get(event="rule-added").actor == "ada"


def test_one_fingerprint_is_blocked_from_its_page(staff, key):
    one = key()
    assert staff.get(f"{KEYS}{one.pk}/block/").status_code == 200
    assert not AccessRule.objects.exists()
    staff.post(f"{KEYS}{one.pk}/block/", {"_confirmed": "1"})
    assert AccessRule.objects.get().pattern == one.fingerprint
    assert staff.post(f"{KEYS}999/block/", {"_confirmed": "1"}).status_code == 302

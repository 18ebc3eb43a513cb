"""Live tokens and devices in the administration."""

from django.urls import reverse

from accounts import tokens
from accounts.models import AuditEvent, Device, Token

TOKENS, DEVICES = "/admin/accounts/token/", "/admin/accounts/device/"


def listed(staff, **query) -> set[int]:
    return {token.pk for token in staff.get(TOKENS, query).context["cl"].queryset}


def test_only_live_tokens_are_listed_unless_others_are_asked_for(staff, account, token):
    from accounts import clock

    user = account("bob")
    live, dead, old = token(user), token(user), token(user)
    tokens.revoke(Token.objects.filter(pk=dead.pk), reason="test")
    Token.objects.filter(pk=old.pk).update(expires_at=clock.after(-1))
    assert listed(staff) == {live.pk}
    assert listed(staff, life="revoked") == {dead.pk}
    assert listed(staff, life="expired") == {old.pk}
    assert listed(staff, life="all") == {live.pk, dead.pk, old.pk}


def test_tokens_are_neither_added_nor_edited(staff, account, token):
    one = token(account("bob"))
    assert staff.get(f"{TOKENS}add/").status_code == 403
    assert staff.post(reverse("admin:accounts_token_change", args=[one.pk]), {"kind": "refresh"}).status_code == 403
    assert staff.get(f"{TOKENS}{one.pk}/delete/").status_code == 403


def test_revoking_in_bulk_asks_and_is_audited(staff, account, token, said):
    one, other = token(account("bob")), token(account("carol"))
    post = {"action": "revoke_chosen", "_selected_action": [one.pk], "index": "0", "select_across": "0"}
    assert "Revoke 1 token" in said(staff.post(TOKENS, post))
    assert listed(staff) == {one.pk, other.pk}
    staff.post(TOKENS, post | {"_confirmed": "1"})
    assert listed(staff) == {other.pk}
    event = AuditEvent.objects.get(event="tokens-revoked")
    assert (event.actor, event.subject, event.facts) == ("ada", "bob", {"tokens": 1})


def test_one_token_is_revoked_from_its_page(staff, account, token):
    one = token(account("bob"))
    staff.post(f"{TOKENS}{one.pk}/revoke/", {"_confirmed": "1"})
    assert listed(staff) == set()


def test_ending_a_device_ends_its_tokens_and_is_audited(staff, account, token, said):
    user = account("bob")
    device = Device.objects.create(user=user, kind="matrix", device_id="D")
    one = token(user)
    Token.objects.filter(pk=one.pk).update(device=device)
    assert "1 live token of it will end." in said(staff.get(f"{DEVICES}{device.pk}/end/"))
    staff.post(f"{DEVICES}{device.pk}/end/", {"_confirmed": "1"})
    assert not Device.objects.exists()
    assert Token.objects.get(pk=one.pk).revoked_at
    assert AuditEvent.objects.get(event="device-ended").subject == "bob"


def test_devices_end_in_bulk(staff, account):
    user = account("bob")
    for name in "ABC":
        Device.objects.create(user=user, kind="matrix", device_id=name)
    chosen = [device.pk for device in Device.objects.exclude(device_id="C")]
    post = {"action": "end_chosen", "_selected_action": chosen, "index": "0", "select_across": "0"}
    staff.post(DEVICES, post | {"_confirmed": "1"})
    assert [device.device_id for device in Device.objects.all()] == ["C"]
    assert AuditEvent.objects.filter(event="device-ended").count() == 2

"""Remembered logins of the code door in the administration."""

import pytest

from accounts import clock, devices, tokens
from accounts.models import AuditEvent, Device, Flow, Token

LIST = "/admin/accounts/token/remembered/"


@pytest.fixture
def remembered(account):
    numbers = iter(range(1000))

    def make(user, browser="Mozilla/5.0 Firefox/131.0", system="Firefox on Linux", ip="192.0.2.7", **more):
        device = devices.open(user, kind=Device.Kind.OTP, display_name=system, user_agent=browser, ip=ip)
        minted = tokens.Minted(f"remembered {next(numbers)}", 3600)
        return tokens.issue(minted, user=user, flow=Flow.OTP, kind=Token.Kind.REMEMBERED, device=device, **more)

    return make


def listed(staff, **query):
    return {token.pk for token in staff.get(LIST, query).context["cl"].queryset}


def test_the_list_shows_account_browser_system_address_and_last_use(staff, account, remembered, said):
    one = remembered(account("bob"))
    Token.objects.filter(pk=one.pk).update(last_used_at=clock.after(0).replace(year=2031, month=5, day=4))
    text = said(staff.get(LIST))
    for shown in (
        "bob",
        "Mozilla/5.0 Firefox/131.0",
        "Firefox on Linux",
        "192.0.2.7",
        "2031-05-04",
        "Remembered logins",
    ):
        assert shown in text


def test_only_live_and_confirmed_ones_are_listed(staff, account, remembered, token):
    user = account("bob")
    live, dead, old = (remembered(user) for _ in range(3))
    remembered(user, active=False)  # its code never came
    token(user, Flow.OTP)
    tokens.revoke(Token.objects.filter(pk=dead.pk), reason="test")
    Token.objects.filter(pk=old.pk).update(expires_at=clock.after(-1))
    assert listed(staff) == {live.pk}
    assert listed(staff, life="all") == {live.pk, dead.pk, old.pk}


@pytest.mark.parametrize("words", ["carol", "Safari", "on iOS", "198.51.100.9"])
def test_they_are_found_by_account_browser_system_and_address(staff, account, remembered, words):
    remembered(account("bob"))
    wanted = remembered(account("carol"), browser="Safari 17", system="Safari on iOS", ip="198.51.100.9")
    assert listed(staff, q=words) == {wanted.pk}


def test_one_is_revoked_after_a_question_with_what_it_opened(staff, account, remembered, said):
    user = account("bob")
    one, other = remembered(user), remembered(user)
    pair = tokens.issue(tokens.Minted("access", 300), user=user, flow=Flow.OTP, device=one.device)
    post = {"action": "revoke_chosen", "_selected_action": [one.pk], "index": "0", "select_across": "0"}
    assert "Revoke 1 token" in said(staff.post(LIST, post))
    assert listed(staff) == {one.pk, other.pk}
    assert "revoked." in said(staff.post(LIST, post | {"_confirmed": "1"}, follow=True))
    assert listed(staff) == {other.pk}
    assert Token.objects.get(pk=pair.pk).revoked_at  # what the remembered login opened ends with it
    assert AuditEvent.objects.get(event="tokens-revoked").subject == "bob"


def test_all_of_one_account_are_revoked_at_once(staff, account, remembered):
    bob, carol = account("bob"), account("carol")
    first = remembered(bob)
    for _ in range(3):
        remembered(bob)
    kept = remembered(carol)
    post = {"action": "revoke_chosen", "_selected_action": [first.pk], "index": "0", "select_across": "1"}
    staff.post(f"{LIST}?user__id__exact={bob.pk}", post | {"_confirmed": "1"})
    assert listed(staff) == {kept.pk}
    assert AuditEvent.objects.get(event="tokens-revoked").facts["tokens"] == 4


def test_the_page_of_an_account_leads_to_its_own(staff, account, remembered, said):
    user = account("bob")
    page = f"/admin/accounts/user/{user.pk}/change/"
    assert f"remembered/?user__id__exact={user.pk}" not in staff.get(page).content.decode()
    remembered(user)
    response = staff.get(page)
    assert f"{LIST}?user__id__exact={user.pk}" in response.content.decode()
    assert "Firefox on Linux" in said(response)


def test_strangers_see_nothing_and_the_name_of_the_list_is_no_token(client_of_nobody, staff, account, token):
    assert client_of_nobody.get(LIST).status_code == 302
    one = token(account("bob"))
    assert staff.get(f"/admin/accounts/token/{one.pk}/change/").status_code == 200


def test_what_a_browser_calls_itself_is_escaped(staff, account, remembered):
    remembered(account("bob"), browser="<script>alert(1)</script>")
    assert "<script>alert(1)" not in staff.get(LIST).content.decode()

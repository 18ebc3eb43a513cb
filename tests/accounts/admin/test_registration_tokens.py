"""Registration tokens in the administration."""

import pytest
from django.test import Client, override_settings

from accounts import clock, ledger, registration_tokens
from accounts.models import AuditEvent, RegistrationToken

LIST, ADD = "/admin/accounts/registrationtoken/", "/admin/accounts/registrationtoken/add/"
NEW = {"uses_allowed": "3", "expires_at": "2999-01-01T12:00", "note": "the club", "token": "welcome"}


def page(row: RegistrationToken, action: str = "change") -> str:
    return f"{LIST}{row.pk}/{action}/"


def bulk(*rows: RegistrationToken, **more: str) -> dict[str, object]:
    chosen = [row.pk for row in rows]
    return {"action": "revoke_chosen", "_selected_action": chosen, "select_across": "0", "index": "0", **more}


def test_a_token_is_issued_by_the_verb(staff, ada):
    assert staff.post(ADD, NEW).status_code == 302
    row = RegistrationToken.objects.get()
    assert (row.token, row.uses_allowed, row.note, row.author) == ("welcome", 3, "the club", ada)
    assert row.expires_at.isoformat() == "2999-01-01T12:00:00+00:00"
    assert AuditEvent.objects.get(event="registration-token-issued").actor == "ada"


def test_everything_may_be_left_out(staff):
    assert staff.post(ADD, dict.fromkeys(NEW, "")).status_code == 302
    row = RegistrationToken.objects.get()
    assert len(row.token) == 16
    assert (row.uses_allowed, row.expires_at) == (None, None)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"token": "a b"}, "A registration token has 1 to 64 characters"),
        ({"token": "taken"}, "There is a registration token of this text already"),
        ({"uses_allowed": "0"}, "has 1 to 2,147,483,647 uses"),
        ({"uses_allowed": "many"}, "Enter a whole number"),
        ({"uses_allowed": "99999999999"}, "has 1 to 2,147,483,647 uses"),
        ({"expires_at": "2001-01-01T00:00"}, "This moment has passed already."),
        ({"expires_at": "soon"}, "Enter a valid date/time"),
        ({"note": "x" * 501}, "at most 500 characters"),
    ],
)
def test_what_cannot_be_issued_is_told_at_its_field(staff, said, change, words):
    registration_tokens.issue(token="taken")
    response = staff.post(ADD, NEW | change)
    assert response.status_code == 200
    assert words in said(response)
    assert RegistrationToken.objects.count() == 1


def test_the_list_shows_text_uses_pending_and_state(staff, ada, said):
    row = registration_tokens.issue(token="welcome", uses=5, note="the club", actor=ada)
    registration_tokens.use("welcome")
    challenge = ledger.open("s", flow="matrix", purpose="uia", lifetime=3600)
    registration_tokens.hold("welcome", challenge)
    for path in (LIST, page(row)):
        text = said(staff.get(path))
        for shown in ("welcome", "1 of 5", "valid", "the club", "ada", "without end"):
            assert shown in text
    assert staff.get(LIST).context["cl"].queryset.get().pending_now == 1


def test_a_state_is_filtered_as_it_is_shown(staff):
    registration_tokens.issue(token="valid", uses=1)
    registration_tokens.issue(token="endless")
    registration_tokens.issue(token="used-up", uses=1)
    registration_tokens.use("used-up")
    registration_tokens.issue(token="held", uses=1)
    registration_tokens.hold("held", ledger.open("s", flow="matrix", purpose="uia", lifetime=3600))
    for text in ("expired", "expired-and-used"):
        registration_tokens.issue(token=text, uses=1, until=clock.after(60))
    registration_tokens.use("expired-and-used")
    RegistrationToken.objects.filter(token__startswith="expired").update(expires_at=clock.after(-1))
    registration_tokens.issue(token="revoked", uses=1)
    registration_tokens.revoke("revoked")
    for row in registration_tokens.listed():
        state = registration_tokens.state(row).name.lower()
        found = {one: row in staff.get(LIST, {"state": one}).context["cl"].queryset for one in (
            "valid", "used_up", "expired", "revoked")}  # fmt: skip
        assert [one for one, is_listed in found.items() if is_listed] == [state], row.token


def test_one_token_is_revoked_after_a_question(staff, said):
    row = registration_tokens.issue(token="welcome")
    assert "This cannot be undone." in said(staff.get(page(row, "revoke")))
    assert registration_tokens.is_valid("welcome")
    assert "The token is revoked." in said(staff.post(page(row, "revoke"), {"_confirmed": "1"}, follow=True))
    assert not registration_tokens.is_valid("welcome")
    assert AuditEvent.objects.get(event="registration-token-revoked").actor == "ada"
    assert "revoked already" in said(staff.post(page(row, "revoke"), {"_confirmed": "1"}, follow=True))
    assert AuditEvent.objects.filter(event="registration-token-revoked").count() == 1


def test_a_revoked_token_offers_no_revoking(staff):
    row = registration_tokens.issue(token="welcome")
    assert page(row, "revoke") in staff.get(page(row)).content.decode()
    registration_tokens.revoke("welcome")
    assert page(row, "revoke") not in staff.get(page(row)).content.decode()


def test_tokens_are_revoked_in_bulk_after_a_question(staff, said):
    one, other, kept = (registration_tokens.issue(token=text) for text in ("one", "other", "kept"))
    question = said(staff.post(LIST, bulk(one, other)))
    assert "Revoke 2 registration tokens" in question
    assert registration_tokens.is_valid("one")
    assert "2 registration tokens revoked." in said(staff.post(LIST, bulk(one, other, _confirmed="1"), follow=True))
    assert [registration_tokens.is_valid(text) for text in ("one", "other", "kept")] == [False, False, True]
    assert AuditEvent.objects.filter(event="registration-token-revoked", actor="ada").count() == 2
    assert "All of these are revoked already." in said(staff.post(LIST, bulk(one, _confirmed="1"), follow=True))
    assert registration_tokens.is_valid(kept.token)


def test_a_token_is_neither_edited_nor_deleted(staff):
    row = registration_tokens.issue(token="welcome")
    assert staff.post(page(row), NEW | {"token": "other"}).status_code == 403
    assert staff.post(page(row, "delete"), {"post": "yes"}).status_code == 403
    assert RegistrationToken.objects.get().token == "welcome"


def test_nothing_is_revoked_without_the_forms_own_token(ada):
    row = registration_tokens.issue(token="welcome")
    client = Client(enforce_csrf_checks=True)
    client.force_login(ada)
    for path in (page(row, "revoke"), LIST, ADD):
        assert client.post(path, {"_confirmed": "1"} | bulk(row)).status_code == 403
    assert registration_tokens.is_valid("welcome")


def test_an_unknown_token_is_not_found(staff):
    assert staff.get(f"{LIST}999/revoke/").status_code == 404


@pytest.mark.parametrize(("mode", "is_told"), [("open", True), ("closed", True), ("token", False)])
def test_the_list_says_when_nobody_is_asked_for_one(staff, said, mode, is_told):
    with override_settings(REGISTRATION=mode):
        assert (f"the setting REGISTRATION is {mode}." in said(staff.get(LIST))) is is_told


def test_the_log_of_a_token_is_one_link_away(staff):
    row = registration_tokens.issue(token="welcome")
    registration_tokens.use("welcome")
    url = "/admin/accounts/auditevent/?subject__exact=" + registration_tokens.audit_subject(row).replace(" ", "+")
    assert url in staff.get(page(row)).content.decode()
    assert staff.get(url).context["cl"].queryset.count() == 2


def test_a_page_is_called_by_the_token_as_it_is(staff):
    """unfold would write the first letter of any title large; of two texts that differ in it one is another token."""
    row = registration_tokens.issue(token="rWw")
    page_of_it = staff.get(page(row)).content.decode()
    assert ">rWw</a>" in page_of_it
    assert "RWw" not in page_of_it
    assert ">Registration tokens</a>" in page_of_it

"""Rules from and to CSV in the administration."""

import pytest

from accounts import rules
from accounts.models import AccessRule, AuditEvent, Token
from tests.accounts.admin.conftest import PASSWORD

IMPORT, EXPORT = "/admin/accounts/accessrule/import/", "/admin/accounts/accessrule/export/"
TEXT = (
    "effect,field,pattern,flow,expires_at,note,enabled\ndeny,username,bob,all,,,true\nallow,ip,192.0.2.1,otp,,,true\n"
)


def do(staff, text: str = TEXT, password: str = PASSWORD):
    return staff.post(IMPORT, {"text": text, "_confirmed": "1", "own_password": password})


def test_the_preview_counts_and_changes_nothing(staff, account, token, said):
    token(account("bob"))
    text = said(staff.post(IMPORT, {"text": TEXT}))
    assert "Import 2 rules" in text
    assert "1 deny, 1 allow." in text
    assert "1 live token will end." in text
    assert not AccessRule.objects.exists()


def test_a_file_is_read_like_its_text(staff, said, tmp_path):
    path = tmp_path / "rules.csv"
    path.write_text(TEXT)
    with path.open("rb") as file:
        assert "Import 2 rules" in said(staff.post(IMPORT, {"file": file, "text": ""}))


def test_import_adds_all_and_ends_what_denies_match(staff, account, token):
    one = token(account("bob"))
    assert do(staff).status_code == 302
    assert AccessRule.objects.count() == 2
    assert Token.objects.get(pk=one.pk).revoked_at
    assert {event.actor for event in AuditEvent.objects.filter(event="rule-added")} == {"ada"}


def test_one_bad_line_and_nothing_is_imported(staff, said):
    text = said(do(staff, TEXT + "deny,ip,nonsense,all,,,true\n"))
    assert "1 line cannot be read. Nothing was imported." in text
    assert "4 " in text
    assert "nonsense" in text
    assert not AccessRule.objects.exists()


def test_a_failure_in_the_middle_leaves_nothing(staff, monkeypatch):
    from accounts import audit

    calls = iter(range(10))

    def fail_at_the_second(*args, **kwargs):
        if next(calls) == 1:
            raise RuntimeError("disk full")

    monkeypatch.setattr(audit, "record_or_fail", fail_at_the_second)
    with pytest.raises(RuntimeError):
        do(staff)
    assert not AccessRule.objects.exists()


def test_import_asks_for_the_password_again(staff, said):
    assert "This is not your password." in said(do(staff, password="wrong"))
    assert not AccessRule.objects.exists()


def test_after_five_wrong_passwords_the_right_one_is_refused_here_too(staff, said):
    for _ in range(5):
        do(staff, password="wrong")
    assert "Too many wrong passwords" in said(do(staff))
    assert not AccessRule.objects.exists()
    assert AuditEvent.objects.filter(event="admin-password-asked", outcome="refused").count() == 6


def test_the_download_holds_what_the_filters_leave_and_is_read_back(staff):
    from accounts import rule_files

    rules.add("deny", "username", "bob", note="=1+1")
    rules.add("allow", "domain", "example.org")
    whole = rule_files.read(staff.get(EXPORT).content.decode())
    denies = rule_files.read(staff.get(EXPORT, {"effect__exact": "deny"}).content.decode())
    assert [line.pattern for line in whole] == ["bob", "example.org"]
    assert [(line.pattern, line.note) for line in denies] == [("bob", "=1+1")]


def test_the_button_of_the_download_carries_the_filters(staff):
    page = staff.get("/admin/accounts/accessrule/?effect__exact=deny").content.decode()
    assert f'href="{EXPORT}?effect__exact=deny"' in page

from datetime import UTC, datetime

import pytest

from accounts import policy, rule_files, rules, tokens, users
from accounts.errors import Refusal
from accounts.models import AccessRule, AuditEvent, Notice, Revision, Token
from accounts.rule_files import BadFile, Line

KEY = "05" + "ab" * 31 + "01"
HEAD = "effect,field,pattern,flow,expires_at,note,enabled\n"


def errors(text: str) -> list[tuple[int, str]]:
    with pytest.raises(BadFile) as caught:
        rule_files.read(text)
    return caught.value.errors


def test_a_full_line_is_read_canonical() -> None:
    text = HEAD + f"Deny,PubKey, {KEY.upper()} ,session,2030-01-01T02:00:00+02:00,why not,no\n"
    midnight = datetime(2030, 1, 1, tzinfo=UTC)
    assert rule_files.read(text) == [Line(2, "deny", "pubkey", KEY, "session", midnight, "why not", False)]


def test_three_columns_are_enough_with_and_without_a_header() -> None:
    expected = ("deny", "ip", "10.0.0.0/8", "all", None, "", True)
    for text, number in (("effect,field,pattern\ndeny,ip,10.1.2.3/8\n", 2), ("deny,ip,10.1.2.3/8\n", 1)):
        assert rule_files.read(text) == [Line(number, *expected)]


def test_columns_stand_in_any_order() -> None:
    [line] = rule_files.read("note,pattern,effect,field\nn,example.org,allow,domain\n")
    assert (line.effect, line.field, line.pattern, line.note) == ("allow", "domain", "example.org", "n")


def test_a_byte_order_mark_and_windows_line_ends_are_no_part_of_the_file() -> None:
    assert len(rule_files.read("\ufeffeffect,field,pattern\r\ndeny,ip,10.0.0.1\r\n\r\n")) == 1


def test_a_time_without_zone_is_utc() -> None:
    [line] = rule_files.read(HEAD + "deny,ip,10.0.0.1,,2030-01-01T00:00:00,,\n")
    assert line.expires_at == datetime(2030, 1, 1, tzinfo=UTC)


def test_every_bad_line_is_named() -> None:
    found = errors(
        HEAD
        + "deny,ip,10.0.0.1,,,,\n"  # line 2 is good
        + "ban,ip,10.0.0.1,,,,\n"
        + "deny,colour,red,,,,\n"
        + "deny,pubkey,0500,,,,\n"
        + "deny,ip,10.0.0.1,everywhere,,,\n"
        + "deny,ip,10.0.0.1,,tomorrow,,\n"
        + "deny,ip,10.0.0.1,,,,perhaps\n"
        + "deny,ip,10.0.0.1,,,,true,more\n"
        + f"deny,ip,10.0.0.1,,,{'n' * 501},\n"
        + "deny,ip\n"
    )
    assert [number for number, _ in found] == list(range(3, 12))
    words = " ".join(text for _, text in found)
    for part in ("ban", "colour", "Session key", "everywhere", "tomorrow", "perhaps", "8 cells", "500 characters"):
        assert part in words


def test_a_line_number_is_that_of_the_file_even_after_notes_of_several_lines() -> None:
    assert errors(HEAD + 'deny,ip,10.0.0.1,,,"one\ntwo",\ndeny,ip,nowhere,,,,\n')[0][0] == 4


@pytest.mark.parametrize(
    "text", ["", "\n\n", "effect,field\n", "effect,field,pattern,colour\n", HEAD + 'deny,ip,"10.0.0.1\n', "a;b;c\n"]
)
def test_what_is_no_list_is_refused(text: str) -> None:
    assert len(errors(text)) == 1


@pytest.mark.parametrize("note", ["=1+1", "+49", "-1", "@x", "\tx", "'=x", "''-x", "'x", 'a "b", c', "one\ntwo", "é"])
@pytest.mark.django_db
def test_what_was_written_is_read_back_and_no_cell_is_a_formula(note: str) -> None:
    rules.add("deny", "username", "-x=*", flow="otp", expires_at=datetime(2030, 5, 6, 7, tzinfo=UTC), note=note)
    text = rule_files.write(AccessRule.objects.all())
    [line] = rule_files.read(text)
    assert (line.pattern, line.note, line.flow) == ("-x=*", note, "otp")
    assert line.expires_at == datetime(2030, 5, 6, 7, tzinfo=UTC)
    assert not any(cell.strip('"')[:1] in tuple("=+-@\t") for cell in text.split(",") if cell)


@pytest.mark.django_db
def test_applying_adds_and_changes_in_one_go_with_an_audit_event_each() -> None:
    admin = users.create("boss", administrator=True)
    rules.add("deny", "ip", "10.0.0.1", note="old")
    before = Revision.objects.get(name="rules").number
    notices = Notice.objects.filter(group="everyone").count()
    lines = rule_files.read(HEAD + f"deny,ip,10.0.0.1,,,new,false\nallow,pubkey,{KEY},session,,,\n")
    assert rule_files.apply(lines, author=admin) == 2
    changed = AccessRule.objects.get(field="ip")
    assert (changed.note, changed.enabled, changed.author) == ("new", False, None)
    assert AccessRule.objects.get(field="pubkey").author == admin
    events = AuditEvent.objects.filter(actor="boss").order_by("pk")
    assert [(event.event, event.subject) for event in events] == [("rule-changed", "10.0.0.1"), ("rule-added", KEY)]
    assert events[0].facts["old"]["note"] == "old"
    assert Revision.objects.get(name="rules").number == before + 1
    assert Notice.objects.filter(group="everyone").count() == notices + 1
    assert policy.decide("session", policy.Subject(ip="10.0.0.1")).admitted


@pytest.mark.django_db
def test_applying_one_bad_line_applies_nothing() -> None:
    lines = [Line(1, "deny", "ip", "10.0.0.1"), Line(2, "deny", "ip", "nowhere")]
    with pytest.raises(Refusal):
        rule_files.apply(lines, author=None)
    assert not AccessRule.objects.exists()


@pytest.mark.django_db
def test_of_two_lines_with_one_meaning_the_last_counts() -> None:
    lines = [Line(1, "deny", "ip", "10.0.0.1", note="first"), Line(2, "deny", "ip", "10.0.0.1/32", note="last")]
    assert rule_files.apply(lines, author=None) == 1
    assert AccessRule.objects.get().note == "last"


@pytest.mark.parametrize(
    ("field", "pattern", "flow", "survivors"),
    [
        ("username", "ann", "all", {"bob-matrix", "bob-session"}),
        ("username", "a*", "all", {"bob-matrix", "bob-session"}),
        ("email", "ann@mail.example.org", "all", {"bob-matrix", "bob-session"}),
        ("domain", "example.org", "all", {"bob-matrix", "bob-session"}),
        ("domain", "example.org", "session", {"ann-matrix", "bob-matrix", "bob-session"}),
        ("username", "ann", "matrix", {"ann-session", "bob-matrix", "bob-session"}),
        ("pubkey", KEY, "all", {"ann-matrix", "bob-matrix", "bob-session"}),
        ("ip", "10.0.0.0/8", "all", {"ann-matrix", "ann-session", "bob-matrix", "bob-session"}),
        ("domain", "ample.org", "all", {"ann-matrix", "ann-session", "bob-matrix", "bob-session"}),
    ],
)
@pytest.mark.django_db
def test_an_applied_deny_ends_what_the_same_deny_added_alone_ends(
    field: str, pattern: str, flow: str, survivors: set[str]
) -> None:
    for name, email, key in (("ann", "ann@mail.example.org", KEY), ("bob", "bob@example.net", "")):
        user = users.create(name, email=email)
        tokens.issue(tokens.Minted(f"{name}-matrix"), user=user, flow="matrix")
        tokens.issue(tokens.Minted(f"{name}-session"), user=user, flow="session", credential=key)
    everybody = {f"{name}-{door}": door for name in ("ann", "bob") for door in ("matrix", "session")}
    rule_files.apply([Line(1, "deny", field, pattern, flow)], author=None)
    assert {secret for secret, door in everybody.items() if tokens.check(secret, flow=door)} == survivors
    Token.objects.update(revoked_at=None)
    AccessRule.objects.all().delete()
    rules.add("deny", field, pattern, flow=flow)
    assert {secret for secret, door in everybody.items() if tokens.check(secret, flow=door)} == survivors


@pytest.mark.parametrize(
    "cells", ["allow,username,ann,,,,", "deny,username,ann,,,,no", "deny,username,ann,,2001-01-01,,"]
)
@pytest.mark.django_db
def test_allows_and_denies_that_are_off_or_over_end_nothing(cells: str) -> None:
    user = users.create("ann")
    tokens.issue(tokens.Minted("secret"), user=user, flow="matrix")
    rule_files.apply(rule_files.read(HEAD + cells), author=None)
    assert tokens.check("secret", flow="matrix")


@pytest.mark.django_db
def test_the_report_reaches_the_whole_number() -> None:
    heard: list[int] = []
    lines = [Line(number, "deny", "ip", f"10.0.{number // 250}.{number % 250}") for number in range(1200)]
    rule_files.apply(lines, author=None, report=heard.append)
    assert heard == [500, 1000, 1200]

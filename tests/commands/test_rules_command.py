import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.core.management.base import CommandError

from accounts import credentials, policy, tokens, users
from accounts.errors import Reason, Refusal
from accounts.models import AccessMode, AccessRule, AuditEvent
from challenges.session.models import Moderator
from tests.commands.run import run

ANN, BOB = "05" + "aa" * 31 + "01", "05" + "bb" * 31 + "02"

pytestmark = pytest.mark.django_db


def failure(*arguments: object) -> str:
    with pytest.raises(CommandError) as caught:
        run(*arguments)
    return str(caught.value)


def test_an_added_rule_has_flow_expiry_and_note() -> None:
    printed = run(
        "rules", "add", "deny", "pubkey", ANN.upper(), "--flow", "session", "--until", "2099-01-01T00:00:00Z",
        "--note", "spam",
    )  # fmt: skip
    rule = AccessRule.objects.get()
    assert (rule.effect, rule.field, rule.pattern, rule.flow, rule.note) == ("deny", "pubkey", ANN, "session", "spam")
    assert rule.expires_at == datetime(2099, 1, 1, tzinfo=UTC)
    assert printed.lines == [f"added: deny  pubkey  {ANN}  session  until 2099-01-01T00:00:00Z  (spam)"]
    assert AuditEvent.objects.get(event="rule-added").actor == "command"


def test_a_rule_without_flow_holds_for_all() -> None:
    run("rules", "add", "deny", "domain", "*.Example.ORG")
    assert AccessRule.objects.get().flow == "all"
    assert not policy.decide("otp", policy.Subject(emails=("a@b.example.org",))).admitted


def test_adding_again_updates_note_and_expiry_and_says_so() -> None:
    run("rules", "add", "allow", "ip", "10.0.0.1", "--note", "one")
    printed = run("rules", "add", "allow", "ip", "10.0.0.1/32", "--note", "two", "--until", "2099-01-01")
    assert printed.out.startswith("exists already, note/expiry updated: ")
    rule = AccessRule.objects.get()
    assert (rule.note, rule.expires_at) == ("two", datetime(2099, 1, 1, tzinfo=UTC))


def test_an_added_deny_says_how_many_tokens_it_ended() -> None:
    user = users.create("ann")
    tokens.issue(tokens.Minted("secret"), user=user, flow="matrix")
    assert "1 tokens were revoked" in run("rules", "add", "deny", "username", "ann").err
    assert tokens.check("secret", flow="matrix") is None


@pytest.mark.parametrize(
    ("until", "words"),
    [("2001-01-01", "in the past"), ("soon", "no time such as"), ("9999-12-31T23:59-14:00", "no time")],
)
def test_an_expiry_that_cannot_be_is_refused_in_words(until: str, words: str) -> None:
    assert words in failure("rules", "add", "deny", "ip", "10.0.0.1", "--until", until)
    assert not AccessRule.objects.exists()


@pytest.mark.parametrize(
    ("field", "pattern", "words"),
    [
        ("pubkey", "05", "05 and 64 hex digits"),
        ("pubkey", "05" + "00" * 32, "a point that keeps a secret"),
        ("ip", "10.0.0.300", "address or network"),
        ("email", "ann", "ann@example.org"),
        ("fingerprint", "xyz", "40 or 64"),
        ("username", "a b", "a name holds"),
        ("domain", "-.-", "looks like example.org"),
    ],
)
def test_a_bad_pattern_is_refused_with_what_is_right(field: str, pattern: str, words: str) -> None:
    assert words in failure("rules", "add", "deny", field, "--", pattern)
    assert words in failure("rules", "remove", "deny", field, "--", pattern)


def test_a_note_that_is_too_long_is_refused_rather_than_cut() -> None:
    assert "at most 500" in failure("rules", "add", "deny", "ip", "10.0.0.1", "--note", "n" * 501)


def test_a_pattern_that_begins_with_a_dash_goes_after_two() -> None:
    run("rules", "add", "deny", "username", "--flow", "matrix", "--", "-rf*")
    assert AccessRule.objects.get().pattern == "-rf*"
    assert run("rules", "remove", "deny", "username", "--flow", "matrix", "--", "-rf*").lines
    assert "required: PATTERN" in failure("rules", "add", "deny", "username", "-rf*")


def test_a_removed_rule_is_gone_and_in_the_audit_log() -> None:
    run("rules", "add", "deny", "ip", "10.0.0.1")
    assert run("rules", "remove", "deny", "ip", "10.0.0.1/32").lines == ["removed: deny  ip  10.0.0.1  all"]
    assert not AccessRule.objects.exists()
    assert AuditEvent.objects.filter(event="rule-removed").count() == 1


def test_removing_what_is_not_there_fails_and_names_the_flow_where_it_is() -> None:
    assert failure("rules", "remove", "deny", "ip", "10.0.0.1") == "no rule deny ip 10.0.0.1 for all"
    run("rules", "add", "deny", "ip", "10.0.0.1", "--flow", "otp")
    assert "there is one for --flow otp" in failure("rules", "remove", "deny", "ip", "10.0.0.1")
    assert AccessRule.objects.count() == 1


def test_the_list_is_one_line_a_rule_and_json_says_the_same() -> None:
    run("rules", "add", "deny", "ip", "10.0.0.1", "--note", "two\nlines \x1b[31m")
    run("rules", "add", "allow", "pubkey", ANN, "--flow", "session")
    AccessRule.objects.filter(field="ip").update(enabled=False)
    AccessRule.objects.filter(field="pubkey").update(expires_at=datetime(2001, 1, 1, tzinfo=UTC))
    assert run("rules", "list").lines == [
        "deny  ip  10.0.0.1  all  disabled  (two\\nlines \\x1b[31m)",
        f"allow  pubkey  {ANN}  session  until 2001-01-01T00:00:00Z  expired",
    ]
    first, second = run("rules", "list", "--json").objects
    assert (first["pattern"], first["enabled"], first["note"]) == ("10.0.0.1", False, "two\nlines \x1b[31m")
    assert (second["flow"], second["expires_at"]) == ("session", "2001-01-01T00:00:00Z")


def test_an_empty_list_is_an_empty_array() -> None:
    assert run("rules", "list").out == ""
    assert run("rules", "list", "--json").objects == []


def test_what_is_exported_is_imported_unchanged(tmp_path: Path) -> None:
    run("rules", "add", "deny", "username", "--note", "=cmd()", "--", "-x*")
    run("rules", "add", "allow", "email", "a@example.org", "--flow", "otp", "--until", "2099-01-01")
    before = run("rules", "list").out
    assert run("rules", "export", tmp_path / "rules.csv").lines == ["2 rules exported"]
    AccessRule.objects.all().delete()
    assert run("rules", "import", tmp_path / "rules.csv").lines == ["2 rules imported"]
    assert run("rules", "list").out == before


def test_one_bad_line_imports_nothing_and_is_named(tmp_path: Path) -> None:
    file = tmp_path / "rules.csv"
    file.write_text("effect,field,pattern\n" + "deny,ip,10.0.0.1\n" + "deny,ip,x\n" * 7)
    words = failure("rules", "import", file)
    assert words.startswith("nothing imported: line 3: 'x': an address or network")
    assert "and 2 more bad lines" in words
    assert not AccessRule.objects.exists()


def test_files_that_are_missing_or_not_utf8_are_refused(tmp_path: Path) -> None:
    assert "No such file" in failure("rules", "import", tmp_path / "none.csv")
    assert "No such file" in failure("rules", "export", tmp_path / "none" / "rules.csv")
    (tmp_path / "latin.csv").write_bytes(b"deny,ip,10.0.0.1,,,caf\xe9,\n")
    assert "latin.csv is not UTF-8" in failure("rules", "import", tmp_path / "latin.csv")


def test_rules_that_are_over_are_imported_and_counted(tmp_path: Path) -> None:
    (tmp_path / "old.csv").write_text("deny,ip,10.0.0.1,all,2001-01-01\n")
    assert "1 of them have expired" in run("rules", "import", tmp_path / "old.csv").err
    assert AccessRule.objects.count() == 1


def test_a_loki_ini_gives_whitelist_and_moderators_and_says_how_to_switch(tmp_path: Path) -> None:
    (tmp_path / "loki.ini").write_text(f"; mine\n[whitelist]\n{ANN}=Ann\n[globals]\n{BOB}=true\n")
    printed = run("rules", "import", tmp_path / "loki.ini")
    rule = AccessRule.objects.get()
    assert (rule.effect, rule.pattern, rule.flow, rule.note) == ("allow", ANN, "session", "Ann")
    assert Moderator.objects.get().public_key == BOB
    assert not AccessMode.objects.filter(whitelist=True).exists()
    assert printed.lines[:2] == ["1 rules imported", "1 moderators added"]
    assert "rules mode session whitelist" in printed.lines[2]


def test_a_bad_key_in_a_loki_ini_imports_nothing(tmp_path: Path) -> None:
    (tmp_path / "loki.ini").write_text(f"[whitelist]\n{ANN}=Ann\n[globals]\n05=true\n")
    assert "line 4" in failure("rules", "import", tmp_path / "loki.ini")
    assert not AccessRule.objects.exists()


def test_a_loki_ini_is_imported_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(key: str) -> bool:
        raise Refusal(Reason.OVERLOADED)

    monkeypatch.setattr("challenges.session.moderation.add", refuse)
    (tmp_path / "loki.ini").write_text(f"[whitelist]\n{ANN}=Ann\n[globals]\n{BOB}=true\n")
    assert "busy" in failure("rules", "import", tmp_path / "loki.ini")
    assert not AccessRule.objects.exists()


def test_whitelist_mode_is_switched_on_and_off_and_warns_of_an_empty_list() -> None:
    printed = run("rules", "mode", "session", "whitelist")
    assert printed.lines == ["session  whitelist"]
    assert "nobody is admitted" in printed.err
    assert not policy.decide("session", policy.Subject(pubkey=ANN)).admitted
    assert policy.decide("matrix", policy.Subject(username="ann")).admitted
    run("rules", "add", "allow", "pubkey", ANN)
    assert run("rules", "mode", "session", "whitelist").err == ""
    assert "session is in whitelist mode" in run("rules", "list").err
    run("rules", "mode", "session", "open")
    assert policy.decide("session", policy.Subject(pubkey=BOB)).admitted


def test_the_mode_of_all_is_that_of_each_flow() -> None:
    assert len(run("rules", "mode", "all", "whitelist").lines) == 5
    assert AccessMode.objects.filter(whitelist=True).count() == 5


def test_trying_names_the_rule_that_refuses_and_the_mode() -> None:
    assert run("rules", "try", "session", f"pubkey={ANN}").lines == ["admitted  session: no rule matches  mode open"]
    run("rules", "add", "deny", "ip", "10.0.0.0/8", "--flow", "session")
    printed = run("rules", "try", "session", f"pubkey={ANN}", "ip=10.0.0.1")
    assert printed.lines == ["refused  session: deny ip 10.0.0.0/8 (session)  mode open"]
    run("rules", "mode", "session", "whitelist")
    assert run("rules", "try", "session", f"pubkey={ANN}").lines == [
        "refused  session: not on the whitelist  mode whitelist"
    ]
    run("rules", "add", "allow", "pubkey", ANN)
    assert f"allow pubkey {ANN} (all)" in run("rules", "try", "session", f"pubkey={ANN.upper()}").out


def test_trying_changes_nothing() -> None:
    run("rules", "add", "deny", "username", "ann")
    before = AuditEvent.objects.count()
    run("rules", "try", "all", "username=ann")
    assert AuditEvent.objects.count() == before


def test_trying_a_name_adds_the_addresses_and_the_only_key_of_its_account_and_says_so() -> None:
    user = users.create("ann", email="ann@example.org")
    credentials.add_x25519_key(user, ANN)
    run("rules", "add", "deny", "domain", "example.org", "--flow", "matrix")
    run("rules", "add", "deny", "pubkey", ANN, "--flow", "session")
    printed = run("rules", "try", "all", "username=Ann")
    assert "account ann" in printed.err
    decided = {line.split()[1]: line.split()[0] for line in printed.lines}
    assert decided == {
        "session:": "refused", "matrix:": "refused", "otp:": "admitted", "openpgp:": "admitted",
        "devicelogin:": "admitted",
    }  # fmt: skip
    assert "deny domain" in run("rules", "try", "matrix", f"pubkey={ANN}").out


def test_trying_an_unknown_key_also_tries_the_name_its_account_would_have() -> None:
    run("rules", "add", "deny", "username", "05aa*")
    assert run("rules", "try", "session", f"pubkey={ANN}").out.startswith("refused")
    assert run("rules", "try", "session", f"pubkey={BOB}").out.startswith("admitted")


def test_trying_a_domain_is_trying_some_address_of_it() -> None:
    run("rules", "add", "deny", "domain", "example.org")
    assert run("rules", "try", "otp", "domain=mail.example.org").out.startswith("refused")
    assert run("rules", "try", "otp", "email=a@example.com").out.startswith("admitted")


@pytest.mark.parametrize(
    "fact", ["ip=10.0.0.0/8", "pubkey=05", "colour=red", "username", "username=", "email=ann", "ip=nowhere"]
)
def test_trying_what_is_no_fact_is_refused(fact: str) -> None:
    assert failure("rules", "try", "session", fact)


def test_a_fact_is_given_once() -> None:
    assert "given twice" in failure("rules", "try", "session", "ip=10.0.0.1", "ip=10.0.0.2")


def test_every_verb_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    for verb in ("add", "remove", "list", "import", "export", "mode", "try"):
        with pytest.raises(SystemExit) as caught:
            run("rules", verb, "--help")
        assert caught.value.code == 0
        assert f"rules {verb}" in capsys.readouterr().out


def test_json_is_parseable_with_many_rules(tmp_path: Path) -> None:
    (tmp_path / "many.csv").write_text("".join(f"deny,domain,d{number}.example\n" for number in range(600)))
    run("rules", "import", tmp_path / "many.csv")
    assert len(json.loads(run("rules", "list", "--json").out)) == 600

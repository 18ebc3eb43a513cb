import re
from datetime import timedelta

import pytest
from django.core.management.base import CommandError

from accounts import clock, devices, passwords, tokens, users
from accounts.models import AuditEvent, Challenge, Device, Notice, Token, User
from challenges.session.models import Moderator
from idp.declarations import SECTIONS
from idp.environment import Section, Setting, choice
from idp.management.commands.settings_page import page
from tests.commands.run import ROOT, run

ANN = "05" + "aa" * 31 + "01"


def failure(*arguments: object) -> str:
    with pytest.raises(CommandError) as caught:
        run(*arguments)
    return str(caught.value)


@pytest.mark.django_db
def test_a_moderator_is_added_listed_and_removed() -> None:
    assert run("moderators", "add", ANN.upper()).lines == [f"added: {ANN}"]
    assert run("moderators", "add", ANN).lines == [f"is a moderator already: {ANN}"]
    assert Moderator.objects.get().is_global
    assert run("moderators", "list").lines == [f"{ANN}  global"]
    [row] = run("moderators", "list", "--json").objects
    assert (row["pubkey"], row["channels"]) == (ANN, "")
    assert run("moderators", "remove", ANN.upper()).lines == [f"removed: {ANN}"]
    assert not Moderator.objects.exists()
    assert set(AuditEvent.objects.values_list("event", "actor")) >= {
        ("moderator-added", "command"),
        ("moderator-removed", "command"),
    }


@pytest.mark.django_db
def test_removing_who_is_no_moderator_and_adding_what_is_no_key_fail() -> None:
    assert failure("moderators", "remove", ANN) == f"no moderator {ANN}"
    assert "05 and 64 hex digits" in failure("moderators", "add", "0500")


def sign_in(name: str, device_id: str = "PHONE") -> User:
    user = users.find(name) or users.create(name)
    device = devices.open(user, kind="matrix", device_id=device_id)
    tokens.issue(tokens.Minted(f"{name}-{device_id}"), user=user, flow="matrix", device=device)
    return user


def alive() -> set[str]:
    secrets = {f"{name}-{device}" for name in ("ann", "bob") for device in ("PHONE", "DESK")}
    return {secret for secret in secrets if tokens.check(secret, flow="matrix")}


@pytest.fixture
def four_sessions(db: None) -> None:
    for name in ("ann", "bob"):
        for device in ("PHONE", "DESK"):
            sign_in(name, device)


@pytest.mark.usefixtures("four_sessions")
def test_revoking_a_user_ends_every_session_of_that_account_alone() -> None:
    assert run("tokens", "revoke", "--user", "ann").lines == ["2 tokens revoked: ann"]
    assert alive() == {"bob-PHONE", "bob-DESK"}
    assert AuditEvent.objects.get(event="sessions-ended").subject == "ann"


@pytest.mark.usefixtures("four_sessions")
def test_revoking_a_device_ends_it_wherever_its_id_is_used_and_says_where() -> None:
    assert run("tokens", "revoke", "--device", "DESK").lines == [
        "1 tokens revoked: ann  matrix  DESK",
        "1 tokens revoked: bob  matrix  DESK",
    ]
    assert alive() == {"ann-PHONE", "bob-PHONE"}
    assert AuditEvent.objects.filter(event="device-ended", actor="command").count() == 2


@pytest.mark.usefixtures("four_sessions")
def test_revoking_all_ends_everything_and_is_audited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("accounts.management.commands.tokens._BATCH", 3)
    assert run("tokens", "revoke", "--all").lines == ["4 tokens revoked: all accounts"]
    assert alive() == set()
    assert not Device.objects.exists()
    assert AuditEvent.objects.get(event="sessions-ended").facts == {"tokens": 4}
    assert Notice.objects.filter(event="recheck").count() >= 4


@pytest.mark.parametrize(
    "arguments", [("--user", "nobody"), ("--device", "NONE"), (), ("--all", "--user", "ann"), ("--device",)]
)
@pytest.mark.usefixtures("four_sessions")
def test_revoking_nobody_or_two_things_at_once_fails_and_ends_nothing(arguments: tuple[str, ...]) -> None:
    assert failure("tokens", "revoke", *arguments)
    assert len(alive()) == 4


@pytest.mark.django_db
def test_purge_deletes_what_is_expired_and_counts_it() -> None:
    user = users.create("ann")
    long_ago = clock.now() - timedelta(days=400)
    tokens.issue(tokens.Minted("alive"), user=user, flow="matrix")
    tokens.issue(tokens.Minted("dead"), user=user, flow="matrix")
    Token.objects.filter(digest=tokens.digest("dead")).update(revoked_at=long_ago)
    Challenge.objects.create(flow="otp", purpose="code", digest=b"x" * 32, expires_at=long_ago)
    AuditEvent.objects.create(event="old", at=long_ago)
    lines = run("purge").lines
    for line in ("challenges: 1 deleted", "tokens: 1 deleted", "audit events: 1 deleted", "devices: 0 deleted"):
        assert line in lines
    assert Token.objects.get().digest == tokens.digest("alive")
    assert not Challenge.objects.exists()
    assert not AuditEvent.objects.filter(event="old").exists()


@pytest.mark.django_db
def test_purge_shows_its_progress_on_standard_error() -> None:
    AuditEvent.objects.create(event="old", at=clock.now() - timedelta(days=400))
    assert "audit events: 1 deleted" in run("purge").err


@pytest.mark.django_db
def test_the_first_administrator_is_made_once_with_a_password_to_be_changed() -> None:
    printed = run("admin_bootstrap").out
    found = re.search(r"administrator: (\S+)  one-time password: (\S+)", printed)
    assert found
    user = User.objects.get()
    assert found[1] == user.username == "admin"
    assert passwords.verify(user, found[2])
    assert (user.is_staff, user.must_change_password) == (True, True)
    assert run("admin_bootstrap").out == ""
    assert User.objects.count() == 1


@pytest.mark.parametrize("verb", [users.lock, users.deactivate])
@pytest.mark.django_db
def test_an_administrator_who_cannot_sign_in_does_not_count(verb) -> None:
    run("admin_bootstrap")
    verb(users.get("admin"))
    assert "administrator: admin2 " in run("admin_bootstrap").out


@pytest.mark.django_db
def test_a_stranger_named_admin_is_not_promoted() -> None:
    users.create("admin")
    assert "administrator: admin2 " in run("admin_bootstrap").out
    assert not users.get("admin").is_staff


def test_every_setting_is_on_the_page_with_default_and_what_is_allowed() -> None:
    rows = run("settings_page").lines
    for section in SECTIONS:
        assert f"## {section.title}" in rows
        for setting in section.settings:
            [row] = [row for row in rows if row.startswith(f"| `{setting.name}` |")]
            assert setting.kind.allowed in row
            assert (setting.shown_default or setting.default or "unset") in row


def test_a_bar_in_a_meaning_does_not_break_the_table() -> None:
    section = Section("Bars", (Setting("A", choice("x|y", "z"), "z", "One | two."),))
    [row] = [row for row in page([section]).splitlines() if row.startswith("| `A`")]
    assert row.count("|") - row.count("\\|") == 4


def test_the_page_says_where_it_comes_from_and_is_the_one_in_docs() -> None:
    assert "make docs" in page()
    assert (ROOT / "docs" / "settings.md").read_text() == page()

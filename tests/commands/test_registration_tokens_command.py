import pytest
from django.core.management.base import CommandError
from django.test import override_settings

from accounts import clock, ledger, registration_tokens, users
from accounts.models import AuditEvent, Challenge, RegistrationToken
from tests.commands.run import run

pytestmark = pytest.mark.django_db


def failure(*arguments: object) -> str:
    with pytest.raises(CommandError) as caught:
        run("registration_tokens", *arguments)
    return str(caught.value)


def registration() -> Challenge:
    return ledger.open("session", flow="matrix", purpose="uia", lifetime=3600)


def test_a_token_is_issued_with_uses_an_end_and_a_note() -> None:
    arguments = ("--uses", "3", "--until", "2999-01-01", "--token", "welcome", "--note", "the club")
    printed = run("registration_tokens", "issue", *arguments)
    assert printed.lines == ["issued: welcome  valid  0 of 3 used  until 2999-01-01T00:00:00Z  the club"]
    row = RegistrationToken.objects.get()
    assert (row.token, row.uses_allowed, row.note, row.author) == ("welcome", 3, "the club", None)
    assert AuditEvent.objects.get(event="registration-token-issued").actor == "command"


def test_without_arguments_the_text_is_random_and_nothing_limits_it() -> None:
    line = run("registration_tokens", "issue").lines[0]
    text = RegistrationToken.objects.get().token
    assert len(text) == 16
    assert line == f"issued: {text}  valid  0 of any number used"


@pytest.mark.parametrize(("mode", "is_told"), [("open", True), ("closed", True), ("token", False)])
def test_issuing_tells_when_nobody_is_asked_for_one(mode: str, is_told: bool) -> None:
    with override_settings(REGISTRATION=mode):
        printed = run("registration_tokens", "issue")
    assert (printed.err.strip() == f"REGISTRATION is {mode}: no token is asked for") is is_told
    assert printed.err.strip() == "" or is_told


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--uses", "0"), "has 1 to 2,147,483,647 uses"),
        (("--uses", "-1"), "has 1 to 2,147,483,647 uses"),
        (("--uses", "99999999999"), "has 1 to 2,147,483,647 uses"),
        (("--uses", "many"), "--uses"),
        (("--until", "2001-01-01"), "in the past"),
        (("--until", "tomorrow"), "--until"),
        (("--token", "a b"), "1 to 64 characters"),
        (("--token", "taken"), "of this text already"),
        (("--note", "x" * 501), "at most 500"),
    ],
)
def test_what_cannot_be_issued_is_told_in_words(arguments: tuple[str, ...], words: str) -> None:
    registration_tokens.issue(token="taken")
    assert words in failure("issue", *arguments)
    assert RegistrationToken.objects.count() == 1


def test_the_list_shows_state_uses_and_what_is_pending() -> None:
    registration_tokens.issue(token="old", until=clock.after(60))
    RegistrationToken.objects.update(expires_at="2026-01-02T03:04:05Z")
    registration_tokens.issue(token="welcome", uses=3, note="the club", actor=users.create("ada"))
    registration_tokens.use("welcome")
    registration_tokens.hold("welcome", registration())
    assert run("registration_tokens", "list").lines == [
        "welcome  valid  1 of 3 used  1 pending  the club",
        "old  expired  0 of any number used  until 2026-01-02T03:04:05Z",
    ]
    welcome, old = run("registration_tokens", "list", "--json").objects
    shown = {"token": "welcome", "state": "valid", "uses_allowed": 3, "completed": 1, "pending": 1, "until": None}
    assert welcome.items() >= (shown | {"revoked_at": None, "note": "the club", "author": "ada"}).items()
    assert (old["state"], old["until"], old["uses_allowed"]) == ("expired", "2026-01-02T03:04:05Z", None)


def test_a_token_is_revoked_once() -> None:
    registration_tokens.issue(token="welcome")
    assert run("registration_tokens", "revoke", "welcome").lines == ["revoked: welcome"]
    assert not registration_tokens.is_valid("welcome")
    assert run("registration_tokens", "revoke", "welcome").lines == ["was revoked before: welcome"]
    event = AuditEvent.objects.get(event="registration-token-revoked")
    assert event.actor == "command"


def test_revoking_an_unknown_token_fails() -> None:
    assert failure("revoke", "nothing") == "no registration token nothing"

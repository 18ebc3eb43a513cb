"""Registration tokens: of n uses at most n are taken, whoever asks at the same time (matrix.md §5)."""

import re
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection, transaction

from accounts import clock, ledger, registration_tokens, users
from accounts.errors import Reason, Refusal
from accounts.models import AuditEvent, Challenge, PendingRegistration, RegistrationToken
from accounts.registration_tokens import State

RACERS = 20
USES = 3

pytestmark = pytest.mark.django_db


def registration(lifetime: float = 3600) -> Challenge:
    return ledger.open(secrets.token_hex(16), flow="matrix", purpose="uia", lifetime=lifetime)


def refused(verb: Callable[..., object], *args: object, **kwargs: object) -> tuple[Reason, str]:
    with pytest.raises(Refusal) as caught:
        verb(*args, **kwargs)
    return caught.value.reason, caught.value.field


def taken(token: RegistrationToken) -> tuple[int, int]:
    """(completed, pending)."""
    row = registration_tokens.listed().get(pk=token.pk)
    return row.completed, registration_tokens.pending(row)


def state(token: RegistrationToken) -> State:
    return registration_tokens.state(RegistrationToken.objects.get(pk=token.pk))


def test_a_text_is_random_where_none_is_given():
    texts = {registration_tokens.issue().token for _ in range(5)}
    assert len(texts) == 5
    assert all(re.fullmatch(r"[A-Za-z0-9]{16}", text) for text in texts)


def test_issuing_is_audited_without_the_text():
    ada = users.create("ada")
    token = registration_tokens.issue(uses=2, token="welcome", note="for the club", actor=ada)
    assert (token.author, token.uses_allowed, token.note) == (ada, 2, "for the club")
    event = AuditEvent.objects.get(event="registration-token-issued")
    assert (event.actor, event.facts["uses"], event.facts["note"]) == ("ada", 2, "for the club")
    assert event.subject == registration_tokens.audit_subject(token)
    assert "welcome" not in f"{event.subject}{event.facts}"


@pytest.mark.parametrize("text", ["a", "AZaz09._~-", "x" * 64])
def test_a_text_of_the_grammar_is_taken_as_it_is(text):
    assert registration_tokens.issue(token=text).token == text
    assert registration_tokens.is_valid(text)


@pytest.mark.parametrize("text", ["a b", "x" * 65, "ä", "a\n", "a/b", "\0", "\ud800", "a\n\n"])
def test_another_text_is_refused_and_never_valid(text):
    assert refused(registration_tokens.issue, token=text) == (Reason.FIELD_INVALID, "token")
    assert not registration_tokens.is_valid(text)
    assert not registration_tokens.hold(text, registration())
    assert refused(registration_tokens.use, text) == (Reason.FORBIDDEN, "registrationToken")
    assert refused(registration_tokens.revoke, text) == (Reason.NOT_FOUND, "token")


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        ({"uses": 0}, "uses"),
        ({"uses": -1}, "uses"),
        ({"uses": 2**31}, "uses"),
        ({"note": "x" * 501}, "note"),
        ({"note": "\0"}, "note"),
    ],
)
def test_what_cannot_be_stored_or_makes_no_sense_is_named(facts, field):
    assert refused(registration_tokens.issue, **facts) == (Reason.FIELD_INVALID, field)
    assert not RegistrationToken.objects.exists()


def test_an_end_lies_ahead():
    assert refused(registration_tokens.issue, until=clock.after(-1)) == (Reason.FIELD_INVALID, "until")


def test_a_text_is_issued_once_even_when_it_is_revoked():
    registration_tokens.issue(token="welcome")
    registration_tokens.revoke("welcome")
    assert refused(registration_tokens.issue, token="welcome") == (Reason.NAME_TAKEN, "token")
    assert AuditEvent.objects.filter(event="registration-token-issued").count() == 1


def test_capitals_count():
    registration_tokens.issue(token="Welcome")
    assert not registration_tokens.is_valid("welcome")
    assert registration_tokens.is_valid("Welcome")


def test_an_unknown_or_empty_token_is_not_valid():
    assert not registration_tokens.is_valid("unknown")
    assert not registration_tokens.is_valid("")


def test_a_pending_use_counts_until_its_registration_ends():
    token = registration_tokens.issue(uses=1)
    first = registration()
    assert registration_tokens.hold(token.token, first)
    assert not registration_tokens.is_valid(token.token)
    assert state(token) == State.USED_UP
    assert not registration_tokens.hold(token.token, registration())
    ledger.expire(Challenge.objects.filter(pk=first.pk))
    assert registration_tokens.is_valid(token.token)
    assert state(token) == State.VALID
    assert registration_tokens.hold(token.token, registration())


def test_a_use_of_a_registration_that_was_used_up_is_not_pending():
    token = registration_tokens.issue(uses=1)
    first = registration()
    registration_tokens.hold(token.token, first)
    ledger.consume(first)
    assert registration_tokens.is_valid(token.token)


def test_holding_again_for_the_same_registration_takes_one_use():
    token = registration_tokens.issue(uses=1)
    challenge = registration()
    assert registration_tokens.hold(token.token, challenge)
    assert registration_tokens.hold(token.token, challenge)
    assert taken(token) == (0, 1)


def test_another_token_for_the_same_registration_gives_the_first_back():
    one, other = registration_tokens.issue(uses=1), registration_tokens.issue(uses=1)
    challenge = registration()
    assert registration_tokens.hold(one.token, challenge)
    assert registration_tokens.hold(other.token, challenge)
    assert (taken(one), taken(other)) == ((0, 0), (0, 1))


def test_a_token_without_place_leaves_the_one_that_is_held():
    full, other = registration_tokens.issue(uses=1), registration_tokens.issue(uses=1)
    registration_tokens.use(full.token)
    challenge = registration()
    registration_tokens.hold(other.token, challenge)
    assert not registration_tokens.hold(full.token, challenge)
    assert taken(other) == (0, 1)


def finish(challenge: Challenge) -> None:
    """As a door does it: all in the transaction that makes the account."""
    with transaction.atomic():
        ledger.consume(challenge)
        registration_tokens.complete(challenge)


def test_a_finished_registration_makes_its_use_a_completed_one():
    token = registration_tokens.issue(uses=2)
    challenge = registration()
    registration_tokens.hold(token.token, challenge)
    finish(challenge)
    assert taken(token) == (1, 0)
    assert not PendingRegistration.objects.exists()
    assert registration_tokens.is_valid(token.token)
    assert AuditEvent.objects.get(event="registration-token-used").subject == registration_tokens.audit_subject(token)
    second = registration()
    registration_tokens.hold(token.token, second)
    finish(second)
    assert not registration_tokens.is_valid(token.token)
    assert state(token) == State.USED_UP


def test_a_registration_without_a_token_completes_nothing():
    token = registration_tokens.issue(uses=1)
    finish(registration())
    assert taken(token) == (0, 0)


def test_who_holds_a_use_may_finish_after_the_token_expired_but_nobody_begins():
    token = registration_tokens.issue(uses=2, until=clock.after(60))
    challenge = registration()
    registration_tokens.hold(token.token, challenge)
    RegistrationToken.objects.update(expires_at=clock.after(-1))
    assert not registration_tokens.is_valid(token.token)
    assert not registration_tokens.hold(token.token, registration())
    assert registration_tokens.hold(token.token, challenge)
    assert refused(registration_tokens.use, token.token) == (Reason.FORBIDDEN, "registrationToken")
    assert state(token) == State.EXPIRED
    finish(challenge)
    assert taken(token) == (1, 0)


def test_revoking_stops_also_those_who_hold_a_use():
    token = registration_tokens.issue(uses=2)
    challenge = registration()
    registration_tokens.hold(token.token, challenge)
    assert registration_tokens.revoke(token.token)
    assert not registration_tokens.hold(token.token, challenge)
    assert refused(finish, challenge) == (Reason.CHALLENGE_INVALID, "token")
    assert Challenge.objects.get(pk=challenge.pk).used_at is None
    assert taken(token)[0] == 0
    assert state(token) == State.REVOKED
    assert not registration_tokens.is_valid(token.token)
    assert not registration_tokens.hold(token.token, registration())


def test_a_registration_that_lapsed_while_it_finished_takes_no_use_of_another():
    token = registration_tokens.issue(uses=1)
    lapsed = registration()
    registration_tokens.hold(token.token, lapsed)
    Challenge.objects.filter(pk=lapsed.pk).update(expires_at=clock.after(-1))
    registration_tokens.hold(token.token, registration())
    assert refused(registration_tokens.complete, lapsed) == (Reason.CHALLENGE_INVALID, "token")
    assert taken(token) == (0, 1)


def test_revoking_again_changes_nothing_and_is_audited_once():
    token = registration_tokens.issue()
    assert registration_tokens.revoke(token.token)
    moment = RegistrationToken.objects.get().revoked_at
    assert not registration_tokens.revoke(token.token)
    assert RegistrationToken.objects.get().revoked_at == moment
    assert AuditEvent.objects.filter(event="registration-token-revoked").count() == 1


def test_a_door_without_sessions_uses_at_once_and_no_more_than_allowed():
    token = registration_tokens.issue(uses=1)
    registration_tokens.use(token.token)
    assert taken(token) == (1, 0)
    assert refused(registration_tokens.use, token.token) == (Reason.FORBIDDEN, "registrationToken")


def test_what_a_registration_holds_is_not_used_by_another_door():
    token = registration_tokens.issue(uses=1)
    registration_tokens.hold(token.token, registration())
    assert refused(registration_tokens.use, token.token) == (Reason.FORBIDDEN, "registrationToken")


def test_a_token_without_a_number_of_uses_is_never_used_up():
    token = registration_tokens.issue()
    for _ in range(3):
        registration_tokens.use(token.token)
        assert registration_tokens.hold(token.token, registration())
    assert taken(token) == (3, 3)
    assert registration_tokens.is_valid(token.token)


def test_pending_rows_go_with_their_registration():
    token = registration_tokens.issue(uses=1)
    challenge = registration()
    registration_tokens.hold(token.token, challenge)
    challenge.delete()
    assert not PendingRegistration.objects.exists()
    assert registration_tokens.is_valid(token.token)


def test_the_list_takes_one_query_and_counts_what_is_pending(django_assert_num_queries):
    held = registration_tokens.issue(uses=5)
    for _ in range(2):
        registration_tokens.hold(held.token, registration())
    dead = registration()
    registration_tokens.hold(held.token, dead)
    ledger.expire(Challenge.objects.filter(pk=dead.pk))
    registration_tokens.issue(uses=1)
    with django_assert_num_queries(1):
        rows = [
            (registration_tokens.pending(row), registration_tokens.state(row)) for row in registration_tokens.listed()
        ]
    assert rows == [(0, State.VALID), (2, State.VALID)]


def all_at_once(verb: Callable[[], bool]) -> int:
    """How many of the racers were told yes."""
    together = Barrier(RACERS)

    def race(_: int) -> bool:
        try:
            together.wait(60)
            return verb()
        finally:
            connection.close()

    with ThreadPoolExecutor(RACERS) as pool:
        return sum(pool.map(race, range(RACERS)))


def used(token: str) -> bool:
    try:
        registration_tokens.use(token)
    except Refusal:
        return False
    return True


@pytest.mark.django_db(transaction=True)
def test_of_racing_registrations_as_many_hold_a_use_as_there_are():
    token = registration_tokens.issue(uses=USES)
    assert all_at_once(lambda: registration_tokens.hold(token.token, registration())) == USES
    assert taken(token) == (0, USES)


@pytest.mark.django_db(transaction=True)
def test_of_racing_doors_with_and_without_sessions_as_many_register_as_there_are_uses():
    token = registration_tokens.issue(uses=USES)
    kinds = iter(range(RACERS))

    def register() -> bool:
        if next(kinds) % 2:
            return used(token.token)
        challenge = registration()
        if not registration_tokens.hold(token.token, challenge):
            return False
        finish(challenge)
        return True

    assert all_at_once(register) == USES
    assert taken(token) == (USES, 0)


@pytest.mark.django_db(transaction=True)
def test_one_registration_that_holds_many_times_at_once_holds_one_use():
    token = registration_tokens.issue(uses=USES)
    challenge = registration()
    assert all_at_once(lambda: registration_tokens.hold(token.token, challenge)) == RACERS
    assert taken(token) == (0, 1)


@pytest.mark.django_db(transaction=True)
def test_of_racing_issues_of_one_text_one_wins():
    def issue() -> bool:
        try:
            registration_tokens.issue(token="welcome")
        except Refusal:
            return False
        return True

    assert all_at_once(issue) == 1

"""Refreshing (matrix-oauth.md §5; R24): the lost answer is forgiven, theft is not."""

import pytest
from django.db import OperationalError
from django.test import override_settings

from accounts import clock, rules, users
from accounts.models import AuditEvent, QueuedMail, Token
from tests.matrix.people import register as register_matrix
from tests.oauth import people
from tests.oauth.people import error, issued, refresh, signed_in, who_am_i

pytestmark = pytest.mark.django_db


def test_a_refresh_gives_a_new_pair_of_the_same_scope(client, ann, program):
    first = signed_in(client, ann, program)
    answer = refresh(client, first.refresh, program)
    second = issued(answer)
    assert answer.header("cache-control") == "no-store"
    assert second.body["scope"] == people.device_scope()
    assert second.body["expires_in"] == 300
    assert {second.access, second.refresh}.isdisjoint({first.access, first.refresh})
    assert who_am_i(client, second.access).status == 200
    assert who_am_i(client, first.access).status == 401
    assert set(Token.objects.exclude(kind="browser").values_list("client", flat=True)) == {program}


def test_a_lost_answer_is_given_again(client, ann, program):
    first = signed_in(client, ann, program)
    lost = issued(refresh(client, first.refresh, program))
    second = issued(refresh(client, first.refresh, program))
    assert who_am_i(client, lost.access).status == 401
    assert who_am_i(client, second.access).status == 200


@pytest.mark.parametrize("use", ["access", "refresh"])
def test_a_spent_token_that_comes_again_ends_the_session_and_its_owner_hears(client, ann, program, use, time_machine):
    ann.emailaddress_set.create(email="ann@example.org", verified=True, primary=True)
    first = signed_in(client, ann, program)
    second = issued(refresh(client, first.refresh, program))
    if use == "access":
        assert who_am_i(client, second.access).status == 200
    else:
        second = issued(refresh(client, second.refresh, program))
    time_machine.move_to(clock.after(1))
    assert error(refresh(client, first.refresh, program)) == (400, "invalid_grant")
    assert who_am_i(client, second.access).status == 401
    assert error(refresh(client, second.refresh, program)) == (400, "invalid_grant")
    assert AuditEvent.objects.get(event="refresh-token-replayed").flow == "devicelogin"
    assert QueuedMail.objects.get(template="session-stolen").recipient == "ann@example.org"


def test_introspection_counts_as_use(client, ann, program):
    with override_settings(MATRIX_HOMESERVER_SECRET="shared secret"):
        first = signed_in(client, ann, program)
        second = issued(refresh(client, first.refresh, program))
        people.form(client, "/oauth2/introspect", {"token": second.access}, Authorization="Bearer shared secret")
        assert error(refresh(client, first.refresh, program)) == (400, "invalid_grant")


def test_a_token_of_another_program_or_door_is_none(client, ann, program):
    first = signed_in(client, ann, program)
    other = people.register(client, client_name="Other")["client_id"]
    assert error(refresh(client, first.refresh, other)) == (400, "invalid_grant")
    bob = register_matrix(client, "bob", refresh_token=True)
    assert error(refresh(client, bob.refresh_token, program)) == (400, "invalid_grant")
    for text in ("", "mar_x", "ü", first.access, first.refresh[:-1] + "!"):
        expected = "invalid_grant" if text else "invalid_request"
        assert error(refresh(client, text, program)) == (400, expected)
    assert refresh(client, first.refresh, program).status == 200


def test_a_wider_scope_is_refused_and_the_same_is_not(client, ann, program):
    first = signed_in(client, ann, program)
    wider = f"{people.device_scope()} openid"
    assert error(refresh(client, first.refresh, program, scope=wider)) == (400, "invalid_scope")
    assert refresh(client, first.refresh, program, scope=people.device_scope()).status == 200


def test_locked_denied_and_deactivated_accounts_get_nothing(client, ann, program):
    first = signed_in(client, ann, program)
    users.lock(ann)
    assert error(refresh(client, first.refresh, program)) == (400, "invalid_grant")
    users.unlock(ann)
    rules.add("deny", "ip", "203.0.113.7")
    assert error(refresh(client, first.refresh, program)) == (400, "invalid_grant")
    rules.remove(rules.find("deny", "ip", "203.0.113.7"))
    assert refresh(client, first.refresh, program).status == 200
    rules.add("deny", "username", "ann", flow="devicelogin")
    assert error(refresh(client, first.refresh, program)) == (400, "invalid_grant")


def test_a_database_that_is_gone_logs_nobody_out(client, ann, program, monkeypatch):
    from devicelogin.oauth import clients

    def gone(client_id):
        raise OperationalError("gone")

    first = signed_in(client, ann, program)
    monkeypatch.setattr(clients, "find", gone)
    answer = refresh(client, first.refresh, program)
    assert error(answer) == (503, "temporarily_unavailable")
    assert answer.header("retry-after")


def test_access_tokens_end_after_five_minutes_and_refresh_tokens_do_not(client, ann, program, time_machine):
    first = signed_in(client, ann, program)
    time_machine.move_to(clock.after(301))
    answer = who_am_i(client, first.access)
    assert (answer.status, answer.json()["soft_logout"]) == (401, True)
    time_machine.move_to(clock.after(400 * 86_400))
    assert refresh(client, first.refresh, program).status == 200


@override_settings(OAUTH_REFRESH_IDLE=7_776_000)
def test_refresh_tokens_can_be_made_to_end_when_idle(client, ann, program, time_machine):
    first = signed_in(client, ann, program)
    time_machine.move_to(clock.after(91 * 86_400))
    assert error(refresh(client, first.refresh, program)) == (400, "invalid_grant")


def test_the_matrix_door_does_not_refresh_an_oauth_session(client, ann, program):
    first = signed_in(client, ann, program)
    answer = client.post("/_matrix/client/v3/refresh", data={"refresh_token": first.refresh})
    assert (answer.status, answer.json()["errcode"]) == (401, "M_UNKNOWN_TOKEN")
    assert refresh(client, first.refresh, program).status == 200

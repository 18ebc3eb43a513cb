"""What the audit log costs its callers (R50)."""

import pytest
from django.db import OperationalError, connection, transaction

from accounts import audit, inserts, users
from accounts.models import AuditEvent, User

pytestmark = pytest.mark.django_db


def test_a_lost_event_leaves_the_transaction_of_a_login_whole(monkeypatch, caplog):
    def refuse(_):
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO nowhere VALUES (1)")

    with transaction.atomic():
        with monkeypatch.context() as broken:
            broken.setattr(inserts, "insert", refuse)
            audit.record("login", subject="alice")
        users.create("alice")
    assert users.get("alice").username == "alice"
    assert "audit event lost: login success" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_a_failure_that_undid_the_callers_transaction_is_the_callers_failure(monkeypatch):
    """A full disk or a connection that ends: going on would acknowledge what is not there."""

    def undone(_):
        if connection.vendor == "sqlite":
            connection.connection.rollback()  # as SQLite does by itself when the disk is full
        else:
            connection.connection.close()
        raise OperationalError("gone")

    @transaction.atomic
    def come():
        User.objects.create(username="alice", folded_username="alice")
        audit.record("login", subject="alice")

    with monkeypatch.context() as broken:
        broken.setattr(inserts, "insert", undone)
        with pytest.raises(OperationalError, match="gone"):
            come()
    assert not User.objects.filter(username="alice").exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(
    connection.vendor != "sqlite", reason="only SQLite undoes a transaction and takes a commit all the same"
)
def test_a_transaction_that_sqlite_has_undone_is_never_taken_for_committed():
    with pytest.raises(OperationalError, match="undone"), transaction.atomic():
        connection.connection.rollback()


def test_an_event_is_one_statement_where_no_other_is_needed(django_assert_num_queries):
    with django_assert_num_queries(1 if connection.vendor == "sqlite" else 3):
        audit.record("login", subject="alice")
    assert AuditEvent.objects.get().subject == "alice"

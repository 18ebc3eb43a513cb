"""The homeserver's queue and accounts in the administration."""

import pytest
from django.test import Client

from accounts import clock, users
from accounts.homeserver import delivery
from accounts.models import AuditEvent, HomeserverAccount, HomeserverTask, User

TASKS, ACCOUNTS = "/admin/accounts/homeservertask/", "/admin/accounts/homeserveraccount/"
CONFIRMED = {"_confirmed": "on"}


@pytest.fixture
def staff(synapse) -> Client:
    ada = users.create("ada", password="correct horse battery", administrator=True, by_administrator=True)
    HomeserverTask.objects.all().delete()
    client = Client()
    client.force_login(ada)
    return client


@pytest.fixture
def failed(staff) -> HomeserverTask:
    """A task that waits for its fourth try."""
    users.create("bob")
    values = {"tries": 3, "last_error": "provision_user: 403 M_UNKNOWN", "due_at": clock.after(600)}
    HomeserverTask.objects.update(**values)
    return HomeserverTask.objects.get()


def account(problem: str) -> HomeserverAccount:
    return HomeserverAccount.objects.create(user=users.create("cid"), localpart="cid", problem=problem)


def bulk(action: str, row: object) -> dict[str, object]:
    return {"action": action, "_selected_action": [row.pk], "select_across": "0", "index": "0"}  # type: ignore[attr-defined]


def test_a_failure_is_visible(staff, failed):
    for path in (TASKS, f"{TASKS}{failed.pk}/change/"):
        text = staff.get(path).content.decode()
        for shown in ("bob", "New account", "provision_user: 403 M_UNKNOWN"):
            assert shown in text
    assert "Not heard by the homeserver yet" in staff.get("/admin/").content.decode()


def test_the_sidebar_leads_there_only_with_a_homeserver(staff, settings):
    assert TASKS in staff.get("/admin/").content.decode()
    settings.MATRIX_HOMESERVER_URL = ""
    assert TASKS not in staff.get("/admin/").content.decode()


@pytest.mark.parametrize("whole_list", [True, False])
def test_a_task_is_tried_now(staff, failed, synapse, whole_list, django_capture_on_commit_callbacks):
    synapse.fails["query_user"] = (503, {})
    HomeserverTask.objects.update(due_at=clock.now())
    delivery.run()  # pauses
    synapse.fails.clear()
    HomeserverTask.objects.update(due_at=clock.after(600))
    with django_capture_on_commit_callbacks(execute=True):
        _try(staff, failed, whole_list)
    assert delivery.is_due()
    assert delivery.run() == 1
    assert "bob" in synapse.users


def _try(staff, failed, whole_list):
    if whole_list:
        staff.post(TASKS, bulk("try_chosen", failed))
    else:
        assert staff.get(f"{TASKS}{failed.pk}/try/").status_code == 200
        assert HomeserverTask.objects.get().due_at > clock.now()
        staff.post(f"{TASKS}{failed.pk}/try/", CONFIRMED)


@pytest.mark.parametrize("whole_list", [True, False])
def test_a_task_is_given_up_after_a_question(staff, failed, whole_list):
    path, body = (TASKS, bulk("drop_chosen", failed)) if whole_list else (f"{TASKS}{failed.pk}/drop/", {})
    assert b"_confirmed" in staff.post(path, body).content
    assert HomeserverTask.objects.exists()
    staff.post(path, {**body, **CONFIRMED})
    assert not HomeserverTask.objects.exists()
    assert AuditEvent.objects.get(event="homeserver-task-dropped").actor == "ada"


def test_what_is_gone_is_told(staff):
    for action in ("try", "drop"):
        assert staff.get(f"{TASKS}999/{action}/").status_code == 302


def test_an_administrator_says_that_it_is_the_same_person(staff):
    row = account("name-taken")
    assert "somebody else of this name" in staff.get(ACCOUNTS).content.decode()
    page = f"{ACCOUNTS}{row.pk}/connect/"
    assert "rooms and messages" in staff.get(page).content.decode()
    assert HomeserverAccount.objects.get().connected_at is None
    staff.post(page, CONFIRMED)
    row.refresh_from_db()
    assert (row.problem, row.connected_at is not None) == ("", True)
    assert AuditEvent.objects.get(event="homeserver-account-connected").actor == "ada"
    assert staff.get(page).status_code == 302  # nothing to say any more


def test_a_user_is_reactivated_there(staff, synapse):
    row = account("deactivated")
    synapse.add("cid", deactivated=True)
    page = f"{ACCOUNTS}{row.pk}/reactivate/"
    assert staff.get(page).status_code == 200
    staff.post(page, CONFIRMED)
    assert not synapse.users["cid"]["deactivated"]
    row.refresh_from_db()
    assert row.problem == ""


def test_a_homeserver_that_does_not_answer_is_told_in_words(staff, synapse):
    row = account("deactivated")
    synapse.fails["reactivate_user"] = (503, {})
    answer = staff.post(f"{ACCOUNTS}{row.pk}/reactivate/", CONFIRMED, follow=True)
    assert answer.status_code == 200
    row.refresh_from_db()
    assert row.problem == "deactivated"


def test_devices_are_compared_on_demand(staff, synapse):
    row = account("")
    HomeserverTask.objects.all().delete()
    HomeserverAccount.objects.update(connected_at=clock.now(), provisioned_at=clock.now())
    synapse.add("cid", "STRAY")
    staff.post(ACCOUNTS, bulk("compare_chosen", row))
    assert delivery.run() == 1
    assert synapse.devices("cid") == set()


def test_nobody_else_sees_these_pages(synapse):
    stranger = Client()
    User.objects.filter(username="ada").delete()
    for path in (TASKS, ACCOUNTS):
        assert stranger.get(path).status_code == 302

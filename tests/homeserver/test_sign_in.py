"""The Matrix door before a Synapse: user and device are there before a token goes out, or nothing is left behind."""

import pytest

from accounts import clock, homeserver, users
from accounts.errors import Reason, Refusal
from accounts.homeserver import delivery
from accounts.models import Challenge, Device, HomeserverAccount, HomeserverTask, Token, User
from tests.matrix.people import API, DUMMY, PASSWORD, log_in, logged_in, proof, register, who_am_i

BROKEN = (500, {"errcode": "M_UNKNOWN"})


@pytest.fixture
def ann(synapse, client, deliver):
    """Somebody with an account on both sides and one session; the calls so far are forgotten."""
    person = register(client, "ann")
    deliver()
    synapse.calls.clear()
    return person


def account(name: str = "ann") -> HomeserverAccount:
    return HomeserverAccount.objects.get(user__username=name)


def test_registration_asks_for_the_name_and_makes_user_and_device(synapse, client):
    person = register(client, "ann", initial_device_display_name="phone")
    assert synapse.names()[0] == "is_localpart_available"
    tail = [name for name in synapse.names() if name != "is_localpart_available"]
    assert tail == ["query_user", "provision_user", "upsert_device"]
    assert synapse.users["ann"]["displayname"] == "ann"
    assert synapse.users["ann"]["devices"] == {person.device_id: "phone"}
    assert who_am_i(client, person.token).status == 200


@pytest.mark.parametrize(
    ("errcode", "told"),
    [("M_USER_IN_USE", "M_USER_IN_USE"), ("M_INVALID_USERNAME", "M_INVALID_USERNAME"), ("M_EXCLUSIVE", "M_EXCLUSIVE")],
)
def test_a_name_that_synapse_does_not_give_is_refused(synapse, client, errcode, told):
    synapse.fails["is_localpart_available"] = (400, {"errcode": errcode})
    body = {"username": "ann", "password": PASSWORD, "auth": DUMMY}
    answer = client.post(f"{API}/register", data=body)
    assert (answer.status, answer.json()["errcode"]) == (400, told)
    answer = client.get(f"{API}/register/available?username=ann")
    assert (answer.status, answer.json()["errcode"]) == (400, told)
    assert not User.objects.filter(username="ann").exists()


def test_nobody_registers_while_synapse_cannot_be_asked(synapse, client):
    synapse.fails["is_localpart_available"] = BROKEN
    answer = client.post(f"{API}/register", data={"username": "ann", "password": PASSWORD, "auth": DUMMY})
    assert answer.status == 503
    assert answer.header("retry-after")
    assert not User.objects.filter(username="ann").exists()


def test_registration_that_synapse_does_not_hear_of_leaves_no_session(synapse, client, deliver):
    synapse.fails["upsert_device"] = BROKEN
    answer = client.post(f"{API}/register", data={"username": "ann", "password": PASSWORD, "auth": DUMMY})
    assert answer.status == 503
    assert not Token.objects.filter(user__username="ann", revoked_at=None).exists()
    synapse.fails.clear()
    deliver()
    assert synapse.devices("ann") == set()
    logged_in(client, "ann")  # the account is there


def test_a_repeat_of_such_a_registration_succeeds(synapse, client):
    body = {"username": "ann", "password": PASSWORD, "device_id": "PHONE"}
    session = client.post(f"{API}/register", data=body).json()["session"]
    body["auth"] = DUMMY | {"session": session}
    synapse.fails["upsert_device"] = BROKEN
    assert client.post(f"{API}/register", data=body).status == 503
    synapse.fails.clear()
    answer = client.post(f"{API}/register", data=body)
    assert answer.status == 200, answer.text
    assert who_am_i(client, answer.json()["access_token"]).status == 200
    assert synapse.devices("ann") == {"PHONE"}


def test_registration_without_login_reaches_synapse_by_the_queue(synapse, client, deliver):
    body = {"username": "ann", "password": PASSWORD, "auth": DUMMY, "inhibit_login": True}
    assert client.post(f"{API}/register", data=body).status == 200
    assert "ann" not in synapse.users
    deliver()
    assert synapse.devices("ann") == set()


def test_guests_are_not_admitted(synapse, client, settings):
    settings.MATRIX_GUESTS = True
    answer = client.post(f"{API}/register?kind=guest", data={})
    assert (answer.status, answer.json()["errcode"]) == (403, "M_GUEST_ACCESS_FORBIDDEN")


def test_a_login_makes_the_device_before_the_session(ann, synapse, client):
    seen = []
    synapse.before["upsert_device"] = lambda: seen.append(len(synapse.users["ann"]["devices"]))
    person = logged_in(client, "ann", initial_device_display_name="laptop")
    assert synapse.names() == ["upsert_device"]
    assert seen == [1]
    assert synapse.users["ann"]["devices"][person.device_id] == "laptop"
    assert not HomeserverTask.objects.exists()


def test_a_known_device_keeps_the_name_it_has_there(ann, synapse, client):
    synapse.users["ann"]["devices"][ann.device_id] = "named in Element"
    logged_in(client, "ann", device_id=ann.device_id, initial_device_display_name="x")
    assert synapse.users["ann"]["devices"][ann.device_id] == "named in Element"


@pytest.mark.parametrize("call", ["provision_user", "upsert_device"])
def test_a_login_that_synapse_does_not_hear_of_fails_and_leaves_nothing(ann, synapse, client, call):
    users.set_display_name(User.objects.get(username="ann").pk, "Ann")  # so that a login provisions
    before = set(Device.objects.values_list("device_id", flat=True)), Token.objects.count()
    synapse.fails[call] = BROKEN
    answer = log_in(client, "ann")
    assert (answer.status, answer.json()["errcode"]) == (503, "M_UNKNOWN")
    assert answer.header("retry-after")
    assert (set(Device.objects.values_list("device_id", flat=True)), Token.objects.count()) == before


def test_a_login_token_outlives_a_failed_login(ann, synapse, client):
    said = client.post("/_matrix/client/v1/login/get_token", token=ann.token, data={"auth": proof("ann")}).json()
    body = {"type": "m.login.token", "token": said["login_token"]}
    synapse.fails["upsert_device"] = BROKEN
    assert client.post(f"{API}/login", data=body).status == 503
    synapse.fails.clear()
    answer = client.post(f"{API}/login", data=body)
    assert answer.status == 200, answer.text
    assert answer.json()["device_id"] in synapse.devices("ann")
    assert client.post(f"{API}/login", data=body).status == 403


def test_a_device_made_for_a_session_that_was_refused_goes_again(ann, synapse, client, settings, deliver):
    settings.MATRIX_DEVICE_LIMIT = 1
    assert log_in(client, "ann", device_id="SECOND").status == 403
    assert "SECOND" in synapse.devices("ann")
    deliver()
    assert synapse.devices("ann") == {ann.device_id}


def test_a_device_made_by_a_process_that_died_goes_after_a_minute(ann, synapse, deliver, time_machine_after):
    homeserver.prepare(User.objects.get(username="ann"), "LOST")
    deliver()
    assert "LOST" in synapse.devices("ann")
    time_machine_after(61)
    deliver()
    assert synapse.devices("ann") == {ann.device_id}


def test_an_end_during_a_login_on_the_same_device_does_not_take_it_away(ann, synapse, client, deliver):
    user = User.objects.get(username="ann")
    with homeserver.preparing(user, ann.device_id):
        users.end_all_sessions(user)
        deliver()
        assert ann.device_id in synapse.devices("ann")
    deliver()
    assert synapse.devices("ann") == set()  # no session was opened in the end


def test_device_ids_that_synapse_cannot_keep_are_refused(ann, client):
    assert log_in(client, "ann", device_id="x" * 255).status == 200
    answer = log_in(client, "ann", device_id="x" * 256)
    assert (answer.status, answer.json()["errcode"]) == (400, "M_INVALID_PARAM")


def test_a_wrong_password_does_not_reach_synapse(ann, synapse, client):
    assert log_in(client, "ann", password="wrong").status == 403
    assert synapse.calls == []


def test_a_lost_answer_does_not_turn_the_user_into_a_stranger(synapse, client):
    users.create("ann", password=PASSWORD)
    HomeserverTask.objects.all().delete()
    synapse.closes.add("provision_user")
    assert log_in(client, "ann").status == 503
    assert "ann" in synapse.users
    synapse.closes.clear()
    logged_in(client, "ann")
    assert account().problem == ""


def test_a_user_who_is_not_known_to_be_the_same_person_is_not_given_the_account(synapse, client):
    user = users.create("ann", password=PASSWORD)
    User.objects.filter(pk=user.pk).update(created_at=clock.now().replace(microsecond=5))
    synapse.add("ann", "PHONE", displayname="The other Ann")
    answer = log_in(client, "ann")
    assert (answer.status, answer.json()["errcode"]) == (403, "M_FORBIDDEN")
    assert account().problem == "name-taken"
    assert synapse.users["ann"] == synapse.users["ann"] | {"displayname": "The other Ann"}
    assert synapse.devices("ann") == {"PHONE"}
    homeserver.connect_existing(account(), actor="command")
    logged_in(client, "ann")
    assert synapse.users["ann"]["displayname"] == "The other Ann"


def test_an_imported_account_is_the_same_person(synapse, client):
    user = users.create("ann", password=PASSWORD, email="ann@example.org", display_name="Ann")
    User.objects.filter(pk=user.pk).update(created_at=clock.now().replace(microsecond=0))
    synapse.add("ann", "PHONE", displayname="Changed there since")
    logged_in(client, "ann")
    assert synapse.users["ann"]["displayname"] == "Changed there since"
    assert synapse.users["ann"]["emails"] == ["ann@example.org"]
    assert "PHONE" in synapse.devices("ann")


def test_somebody_deactivated_there_does_not_get_in_by_logging_in(synapse, client):
    user = users.create("ann", password=PASSWORD)
    User.objects.filter(pk=user.pk).update(created_at=clock.now().replace(microsecond=0))
    synapse.add("ann", deactivated=True)
    assert log_in(client, "ann").json()["errcode"] == "M_USER_DEACTIVATED"
    homeserver.reactivate(account(), actor="command")
    assert not synapse.users["ann"]["deactivated"]
    logged_in(client, "ann")


def test_a_synapse_set_up_anew_gets_its_users_again(ann, synapse, client):
    synapse.users.clear()
    person = logged_in(client, "ann")
    assert synapse.devices("ann") == {person.device_id}
    assert synapse.users["ann"]["displayname"] == "ann"


def test_a_login_waits_for_calls_about_its_account_and_no_longer(ann, client, monkeypatch):
    from accounts.homeserver import provisioning

    monkeypatch.setattr(provisioning, "_PATIENCE", 0.1)
    HomeserverAccount.objects.update(claim="another process", claimed_until=clock.after(30))
    assert log_in(client, "ann").status == 503
    HomeserverAccount.objects.update(claimed_until=clock.after(-1))
    assert log_in(client, "ann").status == 200


def test_what_is_not_locked_is_not_hindered_by_a_lock(ann, client):
    users.lock(User.objects.get(username="ann"))
    assert log_in(client, "ann").json()["errcode"] == "M_USER_LOCKED"


def test_cross_signing_keys_may_be_replaced(ann, synapse):
    homeserver.allow_cross_signing_reset(User.objects.get(username="ann"))
    assert synapse.users["ann"]["reset_allowed"]


def test_there_is_no_such_thing_for_an_account_that_synapse_does_not_know(synapse):
    with pytest.raises(Refusal) as refused:
        homeserver.allow_cross_signing_reset(users.create("bob"))
    assert refused.value.reason is Reason.NOT_FOUND


def test_without_a_homeserver_nothing_is_written_or_asked(client, db, settings):
    assert not settings.MATRIX_HOMESERVER_URL
    person = register(client, "ann")
    logged_in(client, "ann")
    users.set_display_name(User.objects.get(username="ann").pk, "Ann")
    client.post(f"{API}/logout", token=person.token)
    users.deactivate(User.objects.get(username="ann"))
    assert not HomeserverTask.objects.exists()
    assert not HomeserverAccount.objects.exists()
    assert not delivery.is_due()
    assert not Challenge.objects.filter(purpose="homeserver").exists()

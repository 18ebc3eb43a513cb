"""What ends or changes here reaches Synapse: by rows of the same transaction, in order, until it has succeeded."""

import re
from urllib.parse import unquote

import pytest
from django.db import transaction

from accounts import clock, devices, emails, homeserver, new_device_links, rules, tokens, users
from accounts.errors import Refusal
from accounts.homeserver import claims, client, delivery, queue
from accounts.models import Device, Flow, HomeserverAccount, HomeserverTask, Token, User
from tests.matrix import mails
from tests.matrix.people import API, PASSWORD, log_in, logged_in, proof, register

DOWN: tuple[int, dict[str, str]] = (503, {})


@pytest.fixture
def ann(synapse, client, deliver):
    person = register(client, "ann")
    deliver()
    synapse.calls.clear()
    return person


@pytest.fixture
def second(ann, client, synapse):
    person = logged_in(client, "ann", device_id="SECOND")
    synapse.calls.clear()
    return person


def user(name: str = "ann") -> User:
    return User.objects.get(username=name)


def waiting() -> list[tuple[str, str]]:
    return list(HomeserverTask.objects.order_by("pk").values_list("kind", "device_id"))


def test_logout_takes_the_device_away(ann, second, synapse, client, deliver):
    client.post(f"{API}/logout", token=second.token)
    assert waiting() == [("device", "SECOND")]
    deliver()
    assert synapse.calls == [("delete_device", {"localpart": "ann", "device_id": "SECOND"})]
    assert waiting() == []


@pytest.mark.parametrize(
    "end",
    [
        users.end_all_sessions,
        lambda user: users.set_password(user, "another long one"),
        lambda user: devices.end(Device.objects.filter(user=user), reason="admin"),
        lambda user: tokens.revoke(Token.objects.filter(user=user), reason="command"),
        lambda user: rules.add("deny", "username", "ann", flow="all"),
    ],
    ids=["all sessions", "password", "devices", "tokens", "deny rule"],
)
def test_whatever_ends_sessions_ends_them_there(ann, second, synapse, deliver, end):
    end(user())
    deliver()
    assert synapse.devices("ann") == set()


def test_deleting_devices_over_the_api_takes_them_away(ann, second, synapse, client, deliver):
    body = {"devices": ["SECOND"], "auth": proof("ann")}
    assert client.post(f"{API}/delete_devices", token=ann.token, data=body).status == 200
    deliver()
    assert synapse.devices("ann") == {ann.device_id}


def test_devices_unused_for_long_go_there_too(ann, second, synapse, settings, deliver):
    settings.MATRIX_DEVICE_IDLE = 86_400
    long_ago = clock.after(-100_000)
    Device.objects.filter(device_id="SECOND").update(last_seen_at=long_ago, created_at=long_ago)
    devices.purge()
    deliver()
    assert synapse.devices("ann") == {ann.device_id}


def test_devices_of_other_doors_are_none_of_synapses_business(ann):
    device = devices.open(user(), kind=Device.Kind.SESSION)
    tokens.issue(tokens.Minted("s"), user=user(), flow=Flow.SESSION, device=device)
    tokens.revoke(Token.objects.filter(flow=Flow.SESSION), reason="test")
    devices.end(Device.objects.filter(pk=device.pk), reason="test")
    assert waiting() == []


def test_nothing_is_told_of_what_was_rolled_back(ann, second):
    def fail() -> None:
        with transaction.atomic():
            users.end_all_sessions(user())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert waiting() == []


def test_a_device_that_was_made_again_meanwhile_stays(ann, second, synapse, client, deliver):
    client.post(f"{API}/logout", token=second.token)
    logged_in(client, "ann", device_id="SECOND")
    deliver()
    assert "delete_device" not in synapse.names()
    assert "SECOND" in synapse.devices("ann")


def test_a_token_that_ran_out_takes_no_device_away(ann, second, synapse, deliver):
    Token.objects.filter(device__device_id="SECOND").update(expires_at=clock.after(-10))
    homeserver.devices_wanted(user().pk)
    deliver()
    assert synapse.devices("ann") == {ann.device_id, "SECOND"}


def test_ending_one_of_two_sessions_on_a_device_leaves_it(ann, synapse, client, deliver):
    logged_in(client, "ann", device_id=ann.device_id)  # ends the older tokens
    deliver()
    assert synapse.devices("ann") == {ann.device_id}


def test_display_name_and_addresses_are_told_as_they_are_in_the_end(ann, synapse, deliver):
    for name in ("A", "An", "Ann"):
        users.set_display_name(user().pk, name)
    emails.add_confirmed(user(), "ann@example.org")
    emails.add_confirmed(user(), "b@example.org")
    emails.remove(user(), "b@example.org")
    assert waiting() == [("account", "")]
    deliver()
    changes = {"set_displayname": "Ann", "set_emails": ["ann@example.org"]}
    assert synapse.calls == [("provision_user", {"localpart": "ann"} | changes)]
    synapse.calls.clear()
    users.set_display_name(user().pk, "")
    emails.remove(user(), "ann@example.org")
    deliver()
    changes = {"unset_displayname": True, "unset_emails": True}
    assert synapse.calls == [("provision_user", {"localpart": "ann"} | changes)]


def test_a_display_name_set_in_a_client_is_not_set_back(ann, synapse, deliver):
    synapse.users["ann"]["displayname"] = "set in Element"
    emails.add_confirmed(user(), "ann@example.org")
    deliver()
    assert synapse.users["ann"]["displayname"] == "set in Element"


def test_lock_and_unlock_are_told(ann, synapse, deliver):
    users.lock(user())
    deliver()
    assert synapse.users["ann"]["locked"] is True
    users.unlock(user())
    deliver()
    assert synapse.users["ann"]["locked"] is False


@pytest.mark.parametrize("erase", [False, True])
def test_deactivation_ends_the_user_there(ann, synapse, client, deliver, erase):
    body = {"erase": erase, "auth": proof("ann")}
    assert client.post(f"{API}/account/deactivate", token=ann.token, data=body).status == 200
    deliver()
    assert synapse.users["ann"]["deactivated"]
    assert synapse.users["ann"]["erased"] is erase
    assert synapse.users["ann"]["devices"] == {}


def test_the_name_of_a_device_is_told(ann, synapse, client, deliver):
    client.put(f"{API}/devices/{ann.device_id}", token=ann.token, data={"display_name": "old phone"})
    deliver()
    assert synapse.users["ann"]["devices"][ann.device_id] == "old phone"


def test_a_new_account_of_any_door_takes_its_name_there(synapse, deliver):
    users.create("bob", display_name="Bob")
    deliver()
    assert synapse.users["bob"]["displayname"] == "Bob"


def test_an_account_named_by_its_key_does_not(synapse, deliver):
    made, _ = users.of_x25519_key_or_new("05" + "33c1" * 16)
    users.set_display_name(made.pk, "key")
    deliver()
    assert synapse.users == {}


def test_a_renamed_account_is_a_new_user_there_with_its_devices(synapse, deliver):
    made, _ = users.of_x25519_key_or_new("05" + "33c1" * 16)
    with homeserver.preparing(made, "PHONE"):
        device = devices.open(made, kind=Device.Kind.MATRIX, device_id="PHONE")
        tokens.issue(tokens.Minted("s"), user=made, flow=Flow.DEVICELOGIN, device=device)
    assert synapse.devices(made.username) == {"PHONE"}
    users.rename(made, "bob")
    deliver()
    assert synapse.devices(made.username) == set()
    assert synapse.devices("bob") == {"PHONE"}


def test_somebody_elses_user_is_left_alone(synapse, deliver):
    made = users.create("bob")
    User.objects.filter(pk=made.pk).update(created_at=clock.now().replace(microsecond=5))
    synapse.add("bob", "PHONE")
    deliver()
    assert HomeserverAccount.objects.get().problem == "name-taken"
    users.deactivate(made, erase=True)
    deliver()
    assert synapse.devices("bob") == {"PHONE"}
    assert not synapse.users["bob"]["deactivated"]
    assert waiting() == []


def test_synapse_down_is_asked_again_until_it_answers(ann, second, synapse, client, deliver, time_machine_after):
    synapse.fails["delete_device"] = DOWN
    client.post(f"{API}/logout", token=second.token)
    for tries in (1, 2, 3):
        assert delivery.run() == 0
        assert not delivery.is_due()  # it pauses
        delivery.resume()
        time_machine_after(tries * 2)
        task = HomeserverTask.objects.get()
        assert (task.tries, task.last_error) == (tries, "delete_device: 503")
    assert "SECOND" in synapse.devices("ann")
    synapse.fails.clear()
    deliver()
    assert synapse.devices("ann") == {ann.device_id}


def test_while_synapse_is_down_it_is_not_asked_for_everybody(ann, synapse, client):
    for name in ("bob", "cid", "dan"):
        users.create(name)
    synapse.fails["query_user"] = DOWN
    delivery.run()
    assert synapse.names() == ["query_user"]


def test_what_synapse_refuses_of_one_account_does_not_stop_the_others(ann, synapse, deliver):
    users.set_display_name(user().pk, "Ann")
    users.create("bob")
    synapse.before["provision_user"] = lambda: synapse.fails.update(
        provision_user=(400, {"errcode": "M_INVALID_PARAM"})
    )
    synapse.before["query_user"] = synapse.fails.clear
    deliver()
    assert "bob" in synapse.users
    assert HomeserverTask.objects.get().last_error == "provision_user: 400 M_INVALID_PARAM"
    assert HomeserverTask.objects.get().due_at > clock.now()


def test_waits_grow_to_an_hour_and_no_further(ann, synapse, time_machine_after):
    users.set_display_name(user().pk, "Ann")
    synapse.fails["provision_user"] = (400, {"errcode": "M_INVALID_PARAM"})
    waits = []
    for _ in range(14):
        delivery.run()
        wait = (HomeserverTask.objects.get().due_at - clock.now()).total_seconds()
        waits.append(round(wait))
        time_machine_after(wait + 1)
    assert waits[:4] == [5, 10, 20, 40]
    assert waits[-1] == 3600


def test_a_change_during_its_delivery_is_not_lost(ann, synapse, deliver, monkeypatch):
    users.set_display_name(user().pk, "A")
    names, call = iter("BC"), client.provision_user

    def meanwhile(localpart: str, **changes: object) -> bool:
        if name := next(names, ""):
            users.set_display_name(user().pk, name)
        return bool(call(localpart, **changes))

    monkeypatch.setattr(client, "provision_user", meanwhile)
    deliver()
    assert synapse.users["ann"]["displayname"] == "C"
    assert waiting() == []


def test_two_workers_do_not_work_for_one_account_at_once(ann, second, synapse, client):
    client.post(f"{API}/logout", token=second.token)
    with claims.claimed(user().pk, patience=0.0):
        assert delivery.run() == 0
    assert synapse.calls == []
    assert delivery.run() == 1


def test_a_claim_of_a_process_that_died_ends(ann, time_machine_after):
    HomeserverAccount.objects.update(claim="dead", claimed_until=clock.after(45))
    with pytest.raises(Refusal), claims.claimed(user().pk, patience=0.0):
        pass
    time_machine_after(46)
    with claims.claimed(user().pk, patience=0.0):
        pass


def test_devices_are_compared_once_a_day(ann, second, synapse, deliver, settings, time_machine_after):
    synapse.users["ann"]["devices"] |= {"STRAY": None}
    del synapse.users["ann"]["devices"]["SECOND"]
    time_machine_after(settings.MATRIX_HOMESERVER_SYNC_INTERVAL * 1.2)
    assert deliver() == 1
    assert synapse.devices("ann") == {ann.device_id, "SECOND"}
    assert deliver() == 0
    due = HomeserverAccount.objects.get().sync_due_at
    assert due is not None
    ahead = (due - clock.now()).total_seconds() / settings.MATRIX_HOMESERVER_SYNC_INTERVAL
    assert 0.89 < ahead < 1.11


def test_a_comparison_brings_back_what_was_changed_past_the_verbs(ann, synapse, deliver):
    User.objects.update(display_name="by SQL")
    HomeserverAccount.objects.update(sync_due_at=clock.after(-1))
    deliver()
    assert synapse.users["ann"]["displayname"] == "by SQL"


def test_a_comparison_that_fails_is_made_later(ann, synapse, deliver):
    HomeserverAccount.objects.update(sync_due_at=clock.after(-1))
    synapse.fails["sync_devices"] = (400, {})
    assert deliver() == 0
    assert not delivery.is_due()
    synapse.fails.clear()
    HomeserverAccount.objects.update(sync_due_at=clock.after(-1))
    assert deliver() == 1


def test_a_comparison_spares_a_login_under_way(ann, synapse, deliver):
    with homeserver.preparing(user(), "NEW"):
        HomeserverAccount.objects.update(sync_due_at=clock.after(-1))
        deliver()
        assert "NEW" in synapse.devices("ann")


def test_imported_devices_nobody_signed_in_on_yet_are_kept(synapse, client, deliver):
    made = users.create("ann", password=PASSWORD)
    long_ago = clock.after(-86_400).replace(microsecond=0)
    User.objects.filter(pk=made.pk).update(created_at=long_ago)
    Device.objects.create(user=made, kind=Device.Kind.MATRIX, device_id="OLD", created_at=long_ago)
    HomeserverTask.objects.all().delete()
    synapse.add("ann", "OLD", "GONE HERE")
    person = logged_in(client, "ann")
    HomeserverAccount.objects.update(sync_due_at=clock.after(-1))
    deliver()
    assert synapse.devices("ann") == {"OLD", person.device_id}


def test_sessions_from_before_synapse_came_are_found(synapse, deliver, settings, client):
    url, settings.MATRIX_HOMESERVER_URL = settings.MATRIX_HOMESERVER_URL, ""
    person = register(client, "ann")
    users.create("bob")
    settings.MATRIX_HOMESERVER_URL = url
    assert delivery.find_unconnected() == 1
    assert delivery.find_unconnected() == 0
    deliver()
    assert synapse.devices("ann") == {person.device_id}
    assert "bob" not in synapse.users
    assert delivery.find_unconnected() == 0


def test_the_age_of_the_oldest_change_is_known(ann, synapse, time_machine_after):
    assert queue.oldest_age() == 0.0
    users.set_display_name(user().pk, "Ann")
    time_machine_after(100)
    assert queue.oldest_age() >= 100


def test_a_task_that_is_given_up_is_in_the_audit_log(ann, second, client):
    from accounts.models import AuditEvent

    client.post(f"{API}/logout", token=second.token)
    assert queue.drop(HomeserverTask.objects.all(), actor=user()) == 1
    event = AuditEvent.objects.get(event="homeserver-task-dropped")
    assert (event.subject, event.facts["device"]) == ("ann", "SECOND")
    assert log_in(client, "ann").status == 200


def test_the_link_of_the_mail_about_a_new_device_ends_it_there_too(ann, synapse, client, deliver):
    emails.add_confirmed(user(), "ann@example.org")
    logged_in(client, "ann", device_id="STOLEN")
    (secret,) = re.findall(r"new-device/\?token=(\S+)", mails.last().text)
    deliver()
    assert "STOLEN" in synapse.devices("ann")
    new_device_links.end(unquote(secret), ip="192.0.2.1")
    deliver()
    assert synapse.devices("ann") == {ann.device_id}

"""The calls below /_synapse/mas/: what is sent, what counts as done, what never shows."""

import logging
import socket

import pytest

from accounts.homeserver import client, transport
from accounts.homeserver.client import CallFailed, UserUnknown
from tests.homeserver.synapse import POSTS, SECRET


def test_every_call_of_the_table_is_made_as_it_says(synapse):
    assert client.is_localpart_available("ann") == ""
    assert client.query_user("ann") is None
    assert client.provision_user("ann", set_displayname="Ann", set_emails=["ann@example.org"], locked=False)
    assert not client.provision_user("ann", unset_displayname=True)
    assert client.upsert_device("ann", "D/1", "phone")
    assert not client.upsert_device("ann", "D/1")
    client.update_device_display_name("ann", "D/1", "new phone")
    assert synapse.users["ann"]["devices"] == {"D/1": "new phone"}
    client.sync_devices("ann", {"D/1", "D2"})
    client.delete_device("ann", "D2")
    client.delete_device("ann", "never there")
    client.set_displayname("ann", "Änn")
    found = client.query_user("ann")
    assert found is not None
    assert (found.user_id, found.display_name, found.is_deactivated) == ("@ann:example.org", "Änn", False)
    client.unset_displayname("ann")
    client.allow_cross_signing_reset("ann")
    client.delete_user("ann", erase=True)
    client.reactivate_user("ann")
    assert client.is_localpart_available("ann") == "M_USER_IN_USE"
    assert set(synapse.names()) == {*POSTS, "is_localpart_available", "query_user"}
    assert len(set(synapse.names())) == 12


@pytest.mark.parametrize("errcode", ["M_USER_IN_USE", "M_INVALID_USERNAME", "M_EXCLUSIVE"])
def test_what_is_wrong_with_a_name_is_told_in_synapses_words(synapse, errcode):
    synapse.fails["is_localpart_available"] = (400, {"errcode": errcode})
    assert client.is_localpart_available("ann") == errcode


def test_a_user_that_is_not_there_is_told_apart(synapse):
    with pytest.raises(UserUnknown):
        client.upsert_device("nobody", "D")


def test_delegation_that_is_off_is_not_taken_for_an_unknown_user(synapse):
    synapse.fails["upsert_device"] = (404, {"errcode": "M_UNRECOGNIZED"})
    with pytest.raises(CallFailed) as failed:
        client.upsert_device("ann", "D")
    assert not isinstance(failed.value, UserUnknown)
    assert failed.value.is_everybodys


@pytest.mark.parametrize(
    ("status", "everybodys"),
    [(400, False), (401, True), (403, True), (429, True), (500, True), (503, True), (302, False)],
)
def test_a_failure_says_whether_it_would_meet_everybody(synapse, status, everybodys):
    synapse.fails["delete_device"] = (status, {"errcode": "M_UNKNOWN", "to": f"{synapse.url}/_synapse/mas/query_user"})
    with pytest.raises(CallFailed) as failed:
        client.delete_device("ann", "D")
    assert (failed.value.status, failed.value.is_everybodys) == (status, everybodys)


def test_no_redirect_is_followed_with_the_secret(synapse):
    synapse.fails["delete_device"] = (302, {"to": f"{synapse.url}/_synapse/mas/query_user?localpart=ann"})
    with pytest.raises(CallFailed):
        client.delete_device("ann", "D")
    assert synapse.names() == ["delete_device"]


def test_a_server_that_is_down_fails_without_a_status(synapse, settings):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    settings.MATRIX_HOMESERVER_URL = f"http://127.0.0.1:{port}"
    with pytest.raises(CallFailed) as failed:
        client.query_user("ann")
    assert (failed.value.status, failed.value.is_everybodys) == (0, True)


def test_a_server_that_never_answers_is_given_up(synapse, settings, monkeypatch):
    monkeypatch.setattr(transport, "TIMEOUT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        settings.MATRIX_HOMESERVER_URL = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(CallFailed) as failed:
            client.query_user("ann")
    assert failed.value.errcode == "TimeoutError"


def test_a_server_that_drips_is_given_up(synapse, monkeypatch):
    monkeypatch.setattr(transport, "TIMEOUT", 0.3)
    synapse.add("ann")
    synapse.drips, synapse.raw = 0.1, b" " * 1000
    with pytest.raises(CallFailed) as failed:
        client.query_user("ann")
    assert failed.value.status == 0


def test_an_answer_without_end_is_given_up(synapse):
    synapse.add("ann")
    synapse.raw = b" " * 1_200_000
    with pytest.raises(CallFailed):
        client.query_user("ann")


@pytest.mark.parametrize("raw", [b"<html>", b"[]", b"\xff"])
def test_an_answer_that_is_no_object_says_nothing(synapse, raw):
    synapse.add("ann")
    synapse.raw = raw
    found = client.query_user("ann")
    assert found is not None
    assert found.user_id == ""


@pytest.mark.parametrize("secret", [SECRET + "\n", "söcret", "", "wrong"])
def test_no_failure_repeats_the_secret(synapse, settings, secret, caplog):
    settings.MATRIX_HOMESERVER_SECRET = secret
    with caplog.at_level(logging.DEBUG), pytest.raises(CallFailed) as failed:
        client.query_user("ann")
    shown = str(failed.value) + repr(failed.value.args) + caplog.text
    assert not secret or secret.strip() not in shown
    assert synapse.names() == []


def test_a_certificate_nobody_vouches_for_is_refused(synapse, settings):
    connection = transport._connection("https", "127.0.0.1", 1, 1.0)
    context = connection._context  # type: ignore[attr-defined]  # what the library keeps of it
    assert context.check_hostname
    assert context.verify_mode.name == "CERT_REQUIRED"


def test_names_of_devices_are_cut_to_what_synapse_takes(synapse):
    synapse.add("ann")
    client.upsert_device("ann", "D", "x" * 300)
    assert synapse.users["ann"]["devices"]["D"] == "x" * 100

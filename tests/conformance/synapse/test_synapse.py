"""A real Synapse that delegates to a Latchkey: sessions begin and end on both sides (matrix-oauth.md §8)."""

import json
import subprocess
import sys
from urllib.parse import urlencode

import pytest

from idp.doctor import homeserver
from tests.conformance.matrix.operating import make_administrator
from tests.conformance.synapse.asking import (
    API,
    at_synapse,
    devices_there,
    is_signed_in,
    is_told,
    log_in,
    new_person,
    until,
)
from tests.conformance.synapse.conftest import SECRET, Pair
from tests.conformance.synapse.homeserver import SERVER_NAME
from tests.live.database import ROOT
from tests.live.matrix import Answer, ask, proof


def manage(pair: Pair, *arguments: str) -> tuple[int, str]:
    """A command of the operator, and how it ended."""
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        check=False,
        env=pair.installation.environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    return done.returncode, done.stdout + done.stderr


def introspect(pair: Pair, token: str, **headers: str) -> Answer:
    """As Synapse does, byte for byte."""
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", pair.identity.port, timeout=60)
    sent = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"} | headers
    body = urlencode({"token": token, "token_type_hint": "access_token"})
    connection.request("POST", "/oauth2/introspect", body, sent)
    answer = connection.getresponse()
    found = Answer(answer.status, answer.read())
    connection.close()
    return found


def test_doctor_finds_the_pair_well(pair: Pair) -> None:
    of_the_pair = (part for check in homeserver.CHECKS for part in ("--only", check.name))
    code, said = manage(pair, "doctor", "--json", *of_the_pair)
    found = json.loads(said)
    assert {row["name"]: row["detail"] for row in found if row["result"] != "good"} == {}
    assert code == 0


def test_synapse_names_us_as_its_authentication_server(pair: Pair) -> None:
    for path in ("/_matrix/client/v1/auth_metadata", "/_matrix/client/unstable/org.matrix.msc2965/auth_metadata"):
        answer = ask(pair.matrix.port, "GET", path)
        assert answer.json["issuer"] == f"{pair.identity.url}/", path


def test_a_login_here_opens_a_session_there(pair: Pair) -> None:
    name = new_person(pair)
    session = log_in(pair, name, initial_device_display_name="phone")
    assert session["user_id"] == f"@{name}:{SERVER_NAME}"
    assert session["well_known"]["m.homeserver"]["base_url"] == f"{pair.matrix.url}/"
    who = at_synapse(pair, "GET", "account/whoami", session["access_token"]).json
    assert (who["user_id"], who["device_id"]) == (session["user_id"], session["device_id"])
    assert devices_there(pair, session["access_token"]) == {session["device_id"]: "phone"}


def test_a_device_with_any_id_works(pair: Pair) -> None:
    session = log_in(pair, new_person(pair), device_id="my phone / ünique")
    who = at_synapse(pair, "GET", "account/whoami", session["access_token"]).json
    assert who["device_id"] == "my phone / ünique"


def test_logout_ends_the_token_there(pair: Pair) -> None:
    session = log_in(pair, new_person(pair))
    token = session["access_token"]
    assert is_signed_in(pair, token)
    assert ask(pair.matrix.port, "POST", f"{API}/logout", token=token).status == 200
    until(lambda: not is_signed_in(pair, token), "the token is refused by Synapse, which had remembered it")


def test_logout_everywhere_ends_all_tokens_there(pair: Pair) -> None:
    name = new_person(pair)
    tokens = [log_in(pair, name)["access_token"] for _ in range(2)]
    assert all(is_signed_in(pair, token) for token in tokens)
    ask(pair.matrix.port, "POST", f"{API}/logout/all", token=tokens[0])
    until(lambda: not any(is_signed_in(pair, token) for token in tokens), "both tokens are refused")


def test_a_device_ended_by_the_operator_is_gone_there(pair: Pair) -> None:
    name = new_person(pair)
    kept, ended = log_in(pair, name), log_in(pair, name)
    assert is_signed_in(pair, ended["access_token"])
    code, said = manage(pair, "tokens", "revoke", "--device", ended["device_id"])
    assert code == 0, said
    until(lambda: not is_signed_in(pair, ended["access_token"]), "the token is refused")
    until(lambda: is_told(pair), "the queue is empty")
    assert set(devices_there(pair, kept["access_token"])) == {kept["device_id"]}


def test_refreshing_goes_on_there(pair: Pair) -> None:
    session = log_in(pair, new_person(pair), refresh_token=True)
    assert is_signed_in(pair, session["access_token"])
    answer = ask(pair.matrix.port, "POST", f"{API}/refresh", data={"refresh_token": session["refresh_token"]})
    assert answer.status == 200, answer.body
    assert is_signed_in(pair, answer.json["access_token"])  # by which the first refresh token is spent
    again = ask(pair.matrix.port, "POST", f"{API}/refresh", data={"refresh_token": session["refresh_token"]})
    assert again.status == 401
    assert is_signed_in(pair, answer.json["access_token"])


def test_a_login_while_synapse_is_away_leaves_nothing(pair: Pair) -> None:
    name = new_person(pair)
    until(lambda: is_told(pair), "the queue is empty")
    pair.cut()
    answer = ask(pair.matrix.port, "POST", f"{API}/login", data=proof(name))
    assert (answer.status, answer.json["errcode"]) == (503, "M_UNKNOWN")
    sessions = (
        f"SELECT count(*) FROM accounts_token t JOIN accounts_user u ON u.id = t.user_id WHERE u.username = '{name}'"
    )
    assert pair.installation.database.query(sessions) == [(0,)]


def test_a_logout_while_synapse_is_away_is_told_later(pair: Pair) -> None:
    name = new_person(pair)
    kept, ended = log_in(pair, name), log_in(pair, name)
    pair.cut()
    answer = ask(pair.matrix.port, "POST", f"{API}/logout", token=ended["access_token"])
    assert answer.status == 200
    failed = "SELECT count(*) FROM accounts_homeservertask WHERE tries > 0 AND last_error LIKE 'delete_device: 502%'"
    until(lambda: pair.installation.database.query(failed) == [(1,)], "a try has failed")
    assert ended["device_id"] in devices_there(pair, kept["access_token"])
    pair.mend()
    until(lambda: is_told(pair), "the queue is empty")
    assert set(devices_there(pair, kept["access_token"])) == {kept["device_id"]}


def test_a_changed_display_name_is_seen_there(pair: Pair) -> None:
    name = new_person(pair)
    session = log_in(pair, name)
    own = f"{API}/profile/{session['user_id']}/displayname"
    changed = ask(pair.installation.server.port, "PUT", own, data={"displayname": "Änn"}, token=session["access_token"])
    assert changed.status == 200, changed.body
    until(
        lambda: ask(pair.matrix.port, "GET", own, token=session["access_token"]).json.get("displayname") == "Änn",
        "Synapse shows the name",
    )


def test_a_deactivated_account_is_deactivated_there(pair: Pair) -> None:
    name = new_person(pair)
    token = log_in(pair, name)["access_token"]
    assert is_signed_in(pair, token)
    body = {"auth": proof(name), "erase": True}
    done = ask(pair.installation.server.port, "POST", f"{API}/account/deactivate", data=body, token=token)
    assert done.status == 200, done.body
    until(lambda: not is_signed_in(pair, token), "the token is refused")
    until(lambda: is_told(pair), "the queue is empty")
    asked = ask(pair.synapse.port, "GET", f"/_synapse/mas/query_user?localpart={name}", token=SECRET)
    assert asked.json["is_deactivated"] is True


def test_a_locked_account_is_refused_there(pair: Pair) -> None:
    name, moderator = new_person(pair), new_person(pair)
    make_administrator(pair.installation.database, moderator)
    by = log_in(pair, moderator)["access_token"]
    session = log_in(pair, name)
    lock = f"/_matrix/client/v1/admin/lock/{session['user_id']}"
    ours = pair.installation.server.port
    assert ask(ours, "PUT", lock, data={"locked": True}, token=by).status == 200
    assert not is_signed_in(pair, session["access_token"])
    assert ask(ours, "PUT", lock, data={"locked": False}, token=by).status == 200
    until(lambda: is_told(pair), "the queue is empty")
    # Synapse remembers the refusal of that token for two minutes; the device is still there.
    other = log_in(pair, name)["access_token"]
    assert session["device_id"] in devices_there(pair, other)


def test_names_of_synapse_are_not_given_away_here(pair: Pair) -> None:
    made = ask(pair.synapse.port, "POST", "/_synapse/mas/provision_user", data={"localpart": "robot"}, token=SECRET)
    assert made.status == 201
    asked = ask(pair.installation.server.port, "GET", f"{API}/register/available?username=robot")
    assert (asked.status, asked.json["errcode"]) == (400, "M_USER_IN_USE")


def test_the_secret_is_asked_for_at_introspection(pair: Pair) -> None:
    token = log_in(pair, new_person(pair))["access_token"]
    for headers in ({}, {"Authorization": "Bearer wrong"}):
        assert introspect(pair, token, **headers).status == 401


def test_a_legacy_token_names_its_device_beside_the_scope(pair: Pair) -> None:
    name = new_person(pair)
    session = log_in(pair, name)
    said = introspect(
        pair, session["access_token"], **{"Authorization": f"Bearer {SECRET}", "X-MAS-Supports-Device-Id": "1"}
    ).json
    assert said["active"] is True
    assert (said["username"], said["device_id"]) == (name, session["device_id"])
    assert said["client_id"] == "legacy"
    assert "expires_in" not in said
    scopes = {"urn:matrix:client:api:*", "urn:matrix:org.matrix.msc2967.client:api:*"}
    assert set(said["scope"].split()) == scopes


@pytest.mark.parametrize("path", ["/_synapse/mas/query_user?localpart=x", "/_synapse/mas/delete_user"])
def test_the_calls_between_the_servers_are_not_open_to_the_world(pair: Pair, path: str) -> None:
    assert ask(pair.matrix.port, "GET", path, token=SECRET).status == 404


def test_no_secret_stands_in_the_logs(pair: Pair) -> None:
    token = log_in(pair, new_person(pair))["access_token"]
    assert is_signed_in(pair, token)
    said = pair.installation.server.log.read_text(errors="replace")
    assert SECRET not in said
    assert token not in said

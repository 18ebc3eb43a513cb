"""OAuth sessions against the pair: the code grant opens a session at Synapse, refreshing and revoking reach it.

Consent is given at the page; what else browsers and programs do is tried in tests/conformance/oauth.
"""

import secrets
from urllib.parse import urlencode

from tests.conformance.synapse.asking import (
    at_a_browser,
    at_synapse,
    devices_there,
    is_signed_in,
    is_told,
    log_in,
    new_person,
    until,
)
from tests.conformance.synapse.conftest import SECRET, Pair
from tests.live.matrix import ask
from tests.oauth.live import post, redeem, refresh, register
from tests.oauth.people import parameters

API = "urn:matrix:client:api:*"
UNSTABLE = "urn:matrix:org.matrix.msc2967.client:"


def test_a_session_by_code_lives_and_ends_at_synapse(pair: Pair) -> None:
    ours, name = pair.identity.port, new_person(pair)
    stable, older, third = (secrets.token_hex(6).upper() for _ in range(3))
    wanted = [
        f"{API} urn:matrix:client:device:{stable}",
        f"openid {UNSTABLE}api:* {UNSTABLE}device:{older}",
        f"{API} urn:matrix:client:device:{third}",
    ]
    client_id = register(ours)
    person = at_a_browser(pair, name)
    asked = [urlencode(parameters(client_id, scope=scope), doseq=True) for scope in wanted]
    codes = [person.authorize(f"{pair.identity.url}/authorize?{query}").parameters["code"] for query in asked]

    first = redeem(ours, codes[0], client_id)
    assert first.status == 200, first.body
    token = first.json["access_token"]
    who = at_synapse(pair, "GET", "account/whoami", token).json
    assert who["device_id"] == stable
    assert who["user_id"].startswith(f"@{name}:")
    room = at_synapse(pair, "POST", "createRoom", token, {"name": "a room"})
    assert room.status == 200, room.body

    second = redeem(ours, codes[1], client_id)  # as matrix-js-sdk 37 asks
    assert second.status == 200, second.body
    assert at_synapse(pair, "GET", "account/whoami", second.json["access_token"]).json["device_id"] == older
    assert set(devices_there(pair, token)) == {stable, older}
    assert all(devices_there(pair, token).values())  # they have names

    fresh = refresh(ours, first.json["refresh_token"], client_id)
    assert fresh.status == 200, fresh.body
    assert is_signed_in(pair, fresh.json["access_token"])  # introspected: the first refresh token is spent

    ended = post(ours, "/oauth2/revoke", {"token": second.json["access_token"], "client_id": client_id})
    assert ended.status == 200
    until(lambda: not is_signed_in(pair, second.json["access_token"]), "the revoked token is refused")
    until(lambda: is_told(pair), "the queue is empty")
    legacy = log_in(pair, name)
    assert set(devices_there(pair, legacy["access_token"])) == {stable, legacy["device_id"]}
    again = refresh(ours, first.json["refresh_token"], client_id)
    assert (again.status, again.json["error"]) == (400, "invalid_grant")
    _does_not_open_while_synapse_is_away(pair, codes[2], client_id, third)


def _does_not_open_while_synapse_is_away(pair: Pair, code: str, client_id: str, device_id: str) -> None:
    """The answer is no 4xx, which would end the attempt, and the code stays good."""
    pair.cut()
    refused = redeem(pair.identity.port, code, client_id)
    assert refused.status == 503, refused.body
    known = f"SELECT count(*) FROM accounts_device WHERE device_id = '{device_id}'"
    assert pair.installation.database.query(known) == [(0,)]
    pair.mend()
    opened = redeem(pair.identity.port, code, client_id)
    assert opened.status == 200, opened.body
    assert is_signed_in(pair, opened.json["access_token"])


def test_synapses_own_answer_about_us_is_what_clients_need(pair: Pair) -> None:
    said = ask(pair.matrix.port, "GET", "/_matrix/client/v1/auth_metadata").json
    ours = ask(pair.identity.port, "GET", "/.well-known/openid-configuration").json
    assert said == ours
    needed = {"issuer", "authorization_endpoint", "token_endpoint", "revocation_endpoint", "account_management_uri"}
    assert needed <= set(said)
    assert "code" in said["response_types_supported"]
    assert {"authorization_code", "refresh_token"} <= set(said["grant_types_supported"])
    assert SECRET not in str(said)

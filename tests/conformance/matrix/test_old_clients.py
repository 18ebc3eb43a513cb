"""Clients as old as 2014, and the habits of those in the field (matrix.md §8, §10, §18)."""

import pytest

from tests.conformance.matrix.client import PASSWORD, Matrix, encoded, new_name, session, user
from tests.live import Installation
from tests.live.parallel import at_once


def test_bot_of_2015_logs_in_looks_and_leaves(matrix: Matrix, open_installation: Installation) -> None:
    name = matrix.register().name
    flows = matrix.get("api/v1/login").json["flows"]
    assert {"type": "m.login.password"} in flows
    bot = session(matrix.post("api/v1/login", {"type": "m.login.password", "user": name, "password": PASSWORD}))
    token = f"?access_token={bot.access_token}"
    assert matrix.get(f"api/v1/profile/{encoded(bot.user_id)}/displayname{token}").json == {"displayname": name}
    assert matrix.post(f"api/v1/logout{token}").json == {}
    assert matrix.get(f"r0/account/whoami{token}").outcome == (401, "M_UNKNOWN_TOKEN")
    assert bot.access_token.encode() not in open_installation.server.log.read_bytes()


@pytest.mark.parametrize("path", ["r0/tokenrefresh", "v2_alpha/tokenrefresh", "api/v1/tokenrefresh"])
def test_tokenrefresh_of_2015_gives_a_pair_that_works(path: str, matrix: Matrix) -> None:
    first = matrix.register(refresh_token=True)
    pair = matrix.post(path, {"refresh_token": first.refresh_token}).json
    assert set(pair) == {"access_token", "refresh_token"}
    assert matrix.get("r0/account/whoami", token=pair["access_token"]).json["user_id"] == first.user_id
    assert matrix.post(path, {"refresh_token": first.refresh_token}).outcome == (403, "M_FORBIDDEN")


@pytest.mark.parametrize("claim", ["{name}", "{NAME}", "{user_id}"])
def test_login_by_any_spelling_of_the_name(claim: str, matrix: Matrix) -> None:
    alice = matrix.register()
    said = claim.format(name=alice.name, NAME=alice.name.upper(), user_id=alice.user_id)
    for form in ({"user": said}, {"identifier": user(said)}):
        opened = session(matrix.post("v3/login", {"type": "m.login.password", "password": PASSWORD, **form}))
        assert opened.user_id == alice.user_id


def test_client_that_asks_for_no_refresh_gets_a_token_without_end(matrix: Matrix) -> None:
    name = matrix.register().name
    answer = matrix.post("v3/login", {"type": "m.login.password", "identifier": user(name), "password": PASSWORD})
    assert {"refresh_token", "expires_in_ms"} & set(answer.json) == set()
    asked = matrix.post(
        "v3/login",
        {"type": "m.login.password", "identifier": user(name), "password": PASSWORD, "refresh_token": True},
    )
    assert asked.json["expires_in_ms"] == 300_000


def test_refresh_may_be_repeated_until_its_answer_is_used(matrix: Matrix) -> None:
    first = matrix.register(refresh_token=True)
    lost = matrix.post("v3/refresh", {"refresh_token": first.refresh_token}).json
    assert matrix.get("v3/account/whoami", token=first.access_token).status == 200
    kept = matrix.post("v3/refresh", {"refresh_token": first.refresh_token}).json
    assert matrix.get("v3/account/whoami", token=lost["access_token"]).outcome == (401, "M_UNKNOWN_TOKEN")
    assert matrix.get("v3/account/whoami", token=kept["access_token"]).status == 200
    spent = matrix.post("v3/refresh", {"refresh_token": first.refresh_token})
    assert spent.outcome == (401, "M_UNKNOWN_TOKEN")
    assert matrix.get("v3/account/whoami", token=first.access_token).outcome == (401, "M_UNKNOWN_TOKEN")
    assert matrix.post("v3/refresh", {"refresh_token": kept["refresh_token"]}).status == 200


def test_refresh_under_the_name_of_its_proposal(matrix: Matrix) -> None:
    body = {"refresh_token": matrix.register(refresh_token=True).refresh_token}
    path = "unstable/org.matrix.msc2918.refresh_token/refresh"
    assert matrix.post(path, body).status == 200
    assert matrix.post("v1/refresh", body).outcome == (404, "M_UNRECOGNIZED")


def test_of_two_refreshes_at_one_moment_one_pair_lives(matrix: Matrix) -> None:
    first = matrix.register(refresh_token=True)
    body = {"refresh_token": first.refresh_token}
    answers = at_once([lambda: matrix.post("v3/refresh", body)] * 2)
    alive = [
        matrix.get("v3/account/whoami", token=answer.json["access_token"]).status == 200
        for answer in answers
        if answer.status == 200
    ]
    assert any(alive)


def test_of_many_registrations_of_one_name_one_succeeds(matrix: Matrix) -> None:
    body = {"username": new_name(), "password": PASSWORD, "auth": {"type": "m.login.dummy"}}
    outcomes = [answer.outcome for answer in at_once([lambda: matrix.post("v3/register", body)] * 4)]
    assert sorted(outcomes) == [(200, ""), *[(400, "M_USER_IN_USE")] * 3]


def test_login_token_under_the_name_of_its_proposal(matrix: Matrix) -> None:
    alice = matrix.register()
    answer = matrix.proved("POST", "unstable/org.matrix.msc3882/login/token", asking=alice)
    assert answer.status == 200
    assert answer.json["expires_in"] * 1000 == answer.json["expires_in_ms"]


@pytest.mark.parametrize("device_id", ["a/b", "a b", "50%", "ä", "a?b#c", "a//b/", ".."])
def test_device_id_may_hold_any_character(device_id: str, matrix: Matrix) -> None:
    name = matrix.register().name
    here = matrix.log_in(name, device_id=device_id)
    assert here.device_id == device_id
    path = f"v3/devices/{encoded(device_id)}"
    assert matrix.get(path, token=here.access_token).json["device_id"] == device_id
    renamed = matrix.ask("PUT", path, token=here.access_token, body={"display_name": "desk"})
    assert renamed.json == {}
    assert matrix.get(path, token=here.access_token).json["display_name"] == "desk"


def test_device_list_has_all_four_keys(matrix: Matrix) -> None:
    alice = matrix.register()
    matrix.log_in(alice.name, initial_device_display_name="x" * 150)
    devices = matrix.get("v3/devices", token=alice.access_token).json["devices"]
    assert all({"device_id", "display_name", "last_seen_ip", "last_seen_ts"} <= set(device) for device in devices)
    assert [device["display_name"] for device in devices] == [None, "x" * 100]


def test_name_is_left_alone_unless_it_is_given(matrix: Matrix) -> None:
    alice = matrix.register(initial_device_display_name="phone")
    path = f"v3/devices/{alice.device_id}"
    for body in ({}, {"display_name": None}):
        assert matrix.ask("PUT", path, token=alice.access_token, body=body).json == {}
    assert matrix.get(path, token=alice.access_token).json["display_name"] == "phone"


def test_registration_without_a_name_or_a_login(matrix: Matrix) -> None:
    nameless = matrix.post("v3/register", {"password": PASSWORD, "auth": {"type": "m.login.dummy"}})
    assert nameless.json["user_id"].startswith("@")
    named = matrix.post("v3/register", {"password": PASSWORD, "auth": {"type": "m.login.dummy"}, "inhibit_login": True})
    assert set(named.json) == {"user_id", "home_server"}


def test_capitals_of_a_new_name_are_folded(matrix: Matrix) -> None:
    alice = matrix.register(f"T{matrix.register().name.upper()}")
    assert alice.name == alice.name.lower()


@pytest.mark.parametrize("page", ["/_matrix/static/client/login/", "/_matrix/static/client/login"])
def test_whole_login_in_a_browser_has_its_page(page: str, matrix: Matrix) -> None:
    text = matrix.page(page)
    assert b"matrixLogin" in text
    assert b"onLogin" in text


def test_versions_are_those_that_clients_need(matrix: Matrix) -> None:
    plain = matrix.get("/_matrix/client/versions")
    assert {"r0.0.1", "r0.6.1", "v1.1"} <= set(plain.json["versions"])
    assert plain.headers["Cache-Control"] == "public, max-age=600"
    assert matrix.get("/_matrix/client/versions", token="nonsense").json == plain.json
    assert matrix.ask("HEAD", "/_matrix/client/versions").status == 200


def test_browser_login_is_served_where_it_is_offered(matrix: Matrix) -> None:
    offered = any(flow["type"] == "m.login.sso" for flow in matrix.get("v3/login").json["flows"])
    bare = matrix.get("v3/login/sso/redirect")
    assert bare.outcome == ((400, "M_MISSING_PARAM") if offered else (404, "M_UNRECOGNIZED"))
    there = matrix.get("v3/login/sso/redirect?redirectUrl=https%3A%2F%2Fexample.org%2F")
    assert there.status == (302 if offered else 404)
    assert matrix.get("v3/login/sso/redirect/unknown?redirectUrl=https%3A%2F%2Fexample.org%2F").status == 404

"""What holds for every session: ids, navigation, CORS, modes, caps, rates, lists (qr-login.md §2; R1, R49, R54)."""

from datetime import timedelta

import pytest
import time_machine

from accounts import clock, rules, switches, users
from tests.matrix import people
from tests.rendezvous import slots
from tests.rendezvous.slots import JSON_PATHS, PATHS, STABLE, TEXT, UNSTABLE, created, error

pytestmark = pytest.mark.django_db
every_path = pytest.mark.parametrize("path", PATHS)
FIRST_USE = {"data": "x"}


@every_path
@pytest.mark.parametrize("session_id", ["x", "%00", "%FF", "%C3%BC", "a" * 300, "t" * 26, "td" + "=" * 24, "..", "%20"])
def test_an_id_that_is_none_is_an_unknown_session(client, path, session_id):
    for method in ("GET", "HEAD", "DELETE"):
        assert client.request(method, f"{path}/{session_id}").status == 404
    assert error(client.get(f"{path}/{session_id}")) == (404, "M_NOT_FOUND")
    assert error(slots.put(client, slots.Slot(f"{path}/{session_id}", "x"), "y")) == (404, "M_NOT_FOUND")


@every_path
@pytest.mark.parametrize("rest", ["/", "/a/b/c", "/a%2Fb%2Fc", "//", "/a/b/"])
def test_a_path_of_another_shape_is_unknown(client, path, rest):
    for method in ("GET", "PUT", "DELETE", "POST"):
        answer = client.request(method, path + rest)
        assert error(answer) == (404, "M_UNRECOGNIZED")
        assert answer.header("access-control-allow-origin") == "*"


@every_path
@pytest.mark.parametrize("other", PATHS)
def test_a_session_is_reached_in_its_own_form_only(client, path, other):
    slot = created(client, path, "x")
    elsewhere = f"{other}/{slot.id}"
    same = (path == TEXT) == (other == TEXT)
    assert client.get(elsewhere).status == (200 if same else 404)
    assert client.delete(elsewhere).status == ({True: 204, False: 200}[path == TEXT] if same else 404)
    # Nor by changing the letter that says which form it is.
    disguised = f"{other}/{'j' if path == TEXT else 't'}{slot.id[1:]}"
    assert error(client.get(disguised)) == (404, "M_NOT_FOUND")


@every_path
@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Dest": "document"},
        {"Sec-Fetch-Dest": "IFRAME"},
        {"Sec-Fetch-Mode": "Navigate"},
        {"Sec-Fetch-User": "?1"},
        {"Sec-Fetch-Site": "NONE"},
        {"Sec-Fetch-Dest": "empty", "Sec-Fetch-Mode": "navigate"},
    ],
)
def test_a_browser_does_not_get_to_show_it(client, path, headers):
    slot = created(client, path, "<script>")
    answer = client.get(slot.path, headers=headers)
    assert error(answer) == (403, "M_FORBIDDEN")
    assert answer.header("access-control-allow-origin") == "*"
    assert b"script" not in answer.body
    if path == TEXT:
        assert slots.tag(answer) == slot.token


@every_path
def test_a_script_of_another_site_reads_it(client, path):
    slot = created(client, path, "x")
    headers = {"Sec-Fetch-Dest": "Empty", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "cross-site"}
    assert client.get(slot.path, headers=headers).status == 200


@every_path
@pytest.mark.parametrize("rest", ["", "/unknown", "/%00", "/" + "a" * 300])
def test_a_preflight_is_answered_everywhere(client, path, rest):
    answer = client.request("OPTIONS", path + rest)
    assert answer.status == 204
    assert answer.header("access-control-allow-origin") == "*"
    assert {"GET", "POST", "PUT", "DELETE", "OPTIONS"} <= set(answer.header("access-control-allow-methods").split(", "))
    allowed = set(answer.header("access-control-allow-headers").split(", "))
    assert {"X-Requested-With", "Content-Type", "Authorization", "Date"} <= allowed
    assert ({"If-Match", "If-None-Match"} <= allowed) is (path == TEXT)


@every_path
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "FOO"])
def test_errors_carry_the_cors_headers_too(client, path, method):
    for where in (f"{path}/unknown", path):
        answer = client.request(method, where, body=b"{", headers={"Content-Type": "text/plain"})
        assert answer.header("access-control-allow-origin") == "*"
        assert answer.header("access-control-allow-headers")


def test_clients_learn_from_versions_that_both_forms_are_served(client):
    features = client.get("/_matrix/client/versions").json()["unstable_features"]
    assert features["org.matrix.msc4108"] is True
    assert features["io.element.msc4388"] is True


class TestOff:
    @pytest.fixture(autouse=True)
    def off(self, settings):
        settings.RENDEZVOUS_MODE = "off"

    @every_path
    def test_every_path_is_unknown(self, client, settings, path):
        settings.RENDEZVOUS_MODE = "open"
        slot = created(client, path)
        settings.RENDEZVOUS_MODE = "off"
        assert error(slots.post(client, path)) == (404, "M_UNRECOGNIZED")
        assert error(client.get(slot.path)) == (404, "M_UNRECOGNIZED")
        assert error(slots.put(client, slot, "x")) == (404, "M_UNRECOGNIZED")
        assert error(client.delete(slot.path)) == (404, "M_UNRECOGNIZED")
        if path != TEXT:
            assert error(client.get(path)) == (404, "M_UNRECOGNIZED")

    @every_path
    def test_nothing_else_comes_first(self, client, settings, path):
        settings.RENDEZVOUS_MODE = "open"
        slot = created(client, path)
        settings.RENDEZVOUS_MODE = "off"
        for answer in (
            client.get(slot.path, headers={"Sec-Fetch-Mode": "navigate"}),
            client.put(slot.path, body=b"{"),
            client.put(slot.path, headers={"Content-Type": "text/plain", "If-Match": '"'}),
            client.put(slot.path, body=b"[]", headers={"Content-Type": "text/plain", "If-Match": '"x"'}),
            client.post(slot.path),
            client.post(path, body=b"{"),
            client.put(path),
            client.get(f"{path}/unknown"),
            client.put(f"{path}/unknown/m1"),
        ):
            assert error(answer) == (404, "M_UNRECOGNIZED")
            assert answer.header("etag") is None

    def test_clients_are_not_told_of_it(self, client):
        features = client.get("/_matrix/client/versions").json()["unstable_features"]
        assert features["org.matrix.msc4108"] is False
        assert features["io.element.msc4388"] is False


class TestAuthenticated:
    @pytest.fixture(autouse=True)
    def authenticated(self, settings):
        settings.RENDEZVOUS_MODE = "authenticated"

    @pytest.fixture
    def ann(self, client):
        return people.register(client, "ann")

    @pytest.mark.parametrize("path", JSON_PATHS)
    def test_the_current_form_asks_for_a_token(self, client, ann, path):
        assert error(client.post(path, data=FIRST_USE)) == (401, "M_MISSING_TOKEN")
        assert error(client.post(path, data=FIRST_USE, token="mat_x")) == (401, "M_UNKNOWN_TOKEN")
        assert client.post(path, data=FIRST_USE, token="mat_x").json()["soft_logout"] is False
        assert client.post(path, data=FIRST_USE, token=ann.token).status == 200

    @pytest.mark.parametrize("path", JSON_PATHS)
    def test_whoever_may_not_create_is_told_so_without_an_error(self, client, ann, path):
        assert (client.get(path).status, client.get(path).json()) == (200, {"create_available": False})
        assert client.get(path, token="mat_x").json() == {"create_available": False}
        assert client.get(path, token=ann.token).json() == {"create_available": True}

    def test_the_form_of_2024_knows_no_login_and_is_forbidden(self, client, ann):
        assert error(slots.post_text(client)) == (403, "M_FORBIDDEN")
        assert slots.post_text(client, Authorization=f"Bearer {ann.token}").status == 201

    def test_the_form_of_2024_is_not_offered_the_current_one_is(self, client):
        features = client.get("/_matrix/client/versions").json()["unstable_features"]
        assert features["org.matrix.msc4108"] is False
        assert features["io.element.msc4388"] is True

    @pytest.mark.parametrize("path", JSON_PATHS)
    def test_reading_writing_and_deleting_need_no_token(self, client, ann, path):
        body = client.post(path, data=FIRST_USE, token=ann.token).json()
        slot = slots.Slot(f"{path}/{body['id']}", body["sequence_token"])
        assert slots.read(client, slot)[0] == "x"
        assert slots.put(client, slot, "y").status == 200
        assert client.delete(slot.path).status == 200

    def test_a_guest_and_a_locked_account_create_nothing(self, client, settings, ann):
        settings.MATRIX_GUESTS = True
        guest = client.post("/_matrix/client/v3/register?kind=guest", data={}).json()["access_token"]
        assert error(client.post(UNSTABLE, data=FIRST_USE, token=guest)) == (403, "M_FORBIDDEN")
        users.lock(users.get("ann"), actor=None)
        assert error(client.post(UNSTABLE, data=FIRST_USE, token=ann.token)) == (401, "M_USER_LOCKED")

    def test_ten_sessions_of_an_account_may_live(self, client, ann):
        for _ in range(10):
            assert client.post(UNSTABLE, data=FIRST_USE, token=ann.token).status == 200
        client.address = "198.51.100.9"
        answer = client.post(UNSTABLE, data=FIRST_USE, token=ann.token)
        assert error(answer) == (429, "M_LIMIT_EXCEEDED")
        bob = people.register(client, "bob")
        assert client.post(UNSTABLE, data=FIRST_USE, token=bob.token).status == 200


class TestTheSwitch:
    def test_an_administrator_closes_it_while_the_server_runs(self, client):
        slot = created(client, TEXT, "x")
        switches.turn("rendezvous-mode", "off", actor="test")
        assert error(client.get(slot.path)) == (404, "M_UNRECOGNIZED")
        switches.turn("rendezvous-mode", "authenticated", actor="test")
        assert client.get(slot.path).status == 200
        assert error(client.post(STABLE, data=FIRST_USE)) == (401, "M_MISSING_TOKEN")
        switches.give_back("rendezvous-mode", actor="test")
        assert client.post(STABLE, data=FIRST_USE).status == 200


class TestCaps:
    @every_path
    def test_an_address_may_have_so_many_and_none_is_thrown_out(self, client, settings, path):
        settings.RENDEZVOUS_PER_ADDRESS = 3
        living = [created(client, path, "x") for _ in range(3)]
        answer = slots.post(client, path)
        assert error(answer) == (429, "M_LIMIT_EXCEEDED")
        assert 1 <= int(answer.header("retry-after")) <= 300
        assert answer.json()["retry_after_ms"] >= 1000
        assert all(client.get(slot.path).status == 200 for slot in living)
        client.address = "198.51.100.9"
        created(client, path)

    def test_both_forms_count_together(self, client, settings):
        settings.RENDEZVOUS_PER_ADDRESS = 2
        created(client, TEXT)
        created(client, STABLE)
        assert slots.post(client, UNSTABLE).status == 429
        assert slots.post(client, TEXT).status == 429

    def test_addresses_of_one_network_count_as_one(self, client, settings):
        settings.RENDEZVOUS_PER_ADDRESS = 2
        for number in (1, 2):
            client.address = f"2001:db8::{number}"
            created(client)
        client.address = "2001:db8::3"
        assert slots.post(client, TEXT).status == 429
        client.address = "2001:db8:1::1"
        created(client)

    @every_path
    def test_everybody_together_may_have_so_many(self, client, settings, path):
        settings.RENDEZVOUS_MOST = 3
        living = []
        for number in range(3):
            client.address = f"198.51.100.{number}"
            living.append(created(client, path, "x"))
        client.address = "198.51.100.99"
        assert error(slots.post(client, path)) == (429, "M_LIMIT_EXCEEDED")
        assert all(client.get(slot.path).status == 200 for slot in living)

    def test_a_refused_creation_takes_no_place(self, client, settings):
        settings.RENDEZVOUS_MOST = 2
        slot = created(client)
        created(client)
        for _ in range(3):
            assert slots.post(client, TEXT).status == 429
        client.delete(slot.path)
        created(client)

    def test_a_session_that_was_deleted_leaves_its_place(self, client, settings):
        settings.RENDEZVOUS_MOST = settings.RENDEZVOUS_PER_ADDRESS = 1
        for _ in range(3):
            client.delete(created(client).path)
        created(client)
        assert slots.post(client, TEXT).status == 429

    def test_a_session_that_has_expired_leaves_its_place(self, client, settings):
        settings.RENDEZVOUS_MOST = settings.RENDEZVOUS_PER_ADDRESS = 1
        begun = clock.now()
        with time_machine.travel(begun, tick=False):
            created(client)
            assert slots.post(client, TEXT).status == 429
        with time_machine.travel(begun + timedelta(seconds=311), tick=False):
            created(client)


@pytest.mark.usefixtures("standing_clock")
class TestRates:
    @every_path
    def test_60_creations_a_minute_of_an_address(self, client, path):
        for _ in range(60):
            created(client, path)
        answer = slots.post(client, path)
        assert error(answer) == (429, "M_LIMIT_EXCEEDED")
        assert int(answer.header("retry-after")) >= 1

    @every_path
    def test_60_writes_a_minute_of_a_session_and_the_next_is_told_the_state(self, client, path):
        slot = created(client, path)
        for number in range(60):
            slot = slots.written(client, slot, f"{number}")
        answer = slots.put(client, slot, "more")
        assert error(answer) == (429, "M_LIMIT_EXCEEDED")
        assert int(answer.header("retry-after")) >= 1
        if path == TEXT:
            assert slots.tag(answer) == slot.token
        assert slots.read(client, slot) == ("59", slot.token)

    @every_path
    def test_two_devices_that_poll_are_never_told_to_wait_and_a_flood_is(self, client, path):
        slot = created(client, path)
        for _ in range(100):
            assert client.get(slot.path).status == 200
        answer = client.get(slot.path)
        assert error(answer) == (429, "M_LIMIT_EXCEEDED")
        if path == TEXT:
            assert slots.tag(answer) == slot.token
        assert client.get(created(client, path).path).status == 200


class TestLists:
    @every_path
    def test_a_denied_address_is_refused_everything(self, client, path):
        slot = created(client, path, "x")
        rules.add(effect="deny", field="ip", pattern="203.0.113.0/24", flow="devicelogin", author=None)
        for answer in (
            slots.post(client, path),
            client.get(slot.path),
            slots.put(client, slot, "y"),
            client.delete(slot.path),
            client.get(UNSTABLE),
        ):
            assert error(answer) == (403, "M_FORBIDDEN")
            assert answer.header("access-control-allow-origin") == "*"
        for answer in (client.put(slot.path, body=b"{"), client.get(f"{path}/unknown"), client.post(slot.path)):
            assert error(answer) == (403, "M_FORBIDDEN")
            assert answer.header("etag") is None
        client.address = "198.51.100.9"
        assert slots.read(client, slot) == ("x", slot.token)

    @every_path
    def test_rules_of_other_doors_and_about_other_things_do_not_matter(self, client, path):
        rules.add(effect="deny", field="ip", pattern="203.0.113.0/24", flow="session", author=None)
        rules.add(effect="deny", field="username", pattern="mallory", flow="all", author=None)
        slot = created(client, path, "x")
        assert slots.read(client, slot)[0] == "x"

    def test_a_whitelist_of_accounts_shuts_out_nobody_who_has_not_said_who_they_are(self, client):
        rules.set_mode("devicelogin", whitelist=True, author=None)
        assert slots.read(client, created(client, TEXT, "x"))[0] == "x"

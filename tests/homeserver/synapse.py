"""A stand-in for Synapse's /_synapse/mas/: keeps users and devices, answers as section 8 of matrix-oauth.md says, can
be told to fail. tests/conformance/synapse does the same with a real one."""

import http.server
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

SECRET = "the secret that both servers know"
POSTS = {
    "provision_user": {"localpart"},
    "upsert_device": {"localpart", "device_id"},
    "update_device_display_name": {"localpart", "device_id", "display_name"},
    "delete_device": {"localpart", "device_id"},
    "sync_devices": {"localpart", "devices"},
    "set_displayname": {"localpart", "displayname"},
    "unset_displayname": {"localpart"},
    "delete_user": {"localpart", "erase"},
    "reactivate_user": {"localpart"},
    "allow_cross_signing_reset": {"localpart"},
}
Answer = tuple[int, dict[str, Any]]


class StandIn:
    """`users` are dictionaries with `devices`; `calls` are (name, body) in order."""

    def __init__(self) -> None:
        self.users: dict[str, dict[str, Any]] = {}
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.fails: dict[str, Answer] = {}
        self.closes: set[str] = set()  # calls that are carried out and whose answer is lost
        self.before: dict[str, Any] = {}  # what happens just before a call is carried out
        self.raw = b""
        self.secret = SECRET
        self.drips = 0.0
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def names(self) -> list[str]:
        return [name for name, _ in self.calls]

    def devices(self, localpart: str) -> set[str]:
        return set(self.users[localpart]["devices"])

    def add(self, localpart: str, *devices: str, **more: Any) -> None:
        """A user that was there before."""
        blank = {"displayname": localpart, "emails": [], "locked": False, "deactivated": False}
        self.users[localpart] = {**blank, "devices": dict.fromkeys(devices, None), **more}

    def answer(self, name: str, body: dict[str, Any], authorization: str) -> Answer:
        if not authorization:
            return 401, {"errcode": "M_MISSING_TOKEN", "error": "Missing access token"}
        if authorization != f"Bearer {self.secret}":
            return 403, {"errcode": "M_UNKNOWN", "error": "This endpoint must only be called by MAS"}
        self.calls.append((name, body))
        if name in self.before:
            self.before.pop(name)()
        if name in self.fails:
            return self.fails[name]
        missing = POSTS.get(name, {"localpart"}) - set(body)
        if missing:
            return 400, {"errcode": "M_BAD_JSON", "error": f"Missing {missing}"}
        if name == "is_localpart_available":
            return (400, {"errcode": "M_USER_IN_USE"}) if body["localpart"] in self.users else (200, {})
        if name == "provision_user":
            return self._provision(body)
        user = self.users.get(body["localpart"])
        if user is None:
            return 404, {"errcode": "M_NOT_FOUND", "error": "User not found"}
        found: Answer = getattr(self, f"_{name}")(user, body)
        return found

    def _provision(self, body: dict[str, Any]) -> Answer:
        for word in ("displayname", "avatar_url", "emails"):
            if f"set_{word}" in body and f"unset_{word}" in body:
                return 400, {"errcode": "M_INVALID_PARAM", "error": "both"}
        is_new = body["localpart"] not in self.users
        if is_new:
            self.add(body["localpart"])
        user = self.users[body["localpart"]]
        user["displayname"] = "" if body.get("unset_displayname") else body.get("set_displayname", user["displayname"])
        user["emails"] = [] if body.get("unset_emails") else body.get("set_emails", user["emails"])
        user["locked"] = body.get("locked", user["locked"])
        return 201 if is_new else 200, {}

    def _query_user(self, user: dict[str, Any], body: dict[str, Any]) -> Answer:
        said = {"display_name": user["displayname"], "avatar_url": None, "is_suspended": False}
        return 200, {"user_id": f"@{body['localpart']}:example.org", "is_deactivated": user["deactivated"], **said}

    def _upsert_device(self, user: dict[str, Any], body: dict[str, Any]) -> Answer:
        is_new = body["device_id"] not in user["devices"]
        if is_new or body.get("display_name") is not None:
            user["devices"][body["device_id"]] = body.get("display_name")
        return 201 if is_new else 200, {}

    def _update_device_display_name(self, user: dict[str, Any], body: dict[str, Any]) -> Answer:
        user["devices"][body["device_id"]] = body["display_name"]
        return 200, {}

    def _delete_device(self, user: dict[str, Any], body: dict[str, Any]) -> Answer:
        user["devices"].pop(body["device_id"], None)
        return 204, {}

    def _sync_devices(self, user: dict[str, Any], body: dict[str, Any]) -> Answer:
        user["devices"] = {one: user["devices"].get(one) for one in body["devices"]}
        return 200, {}

    def _set_displayname(self, user: dict[str, Any], body: dict[str, Any]) -> Answer:
        user["displayname"] = body["displayname"]
        return 200, {}

    def _unset_displayname(self, user: dict[str, Any], body: dict[str, Any]) -> Answer:
        user["displayname"] = ""
        return 200, {}

    def _delete_user(self, user: dict[str, Any], body: dict[str, Any]) -> Answer:
        user.update(deactivated=True, devices={}, erased=body["erase"])
        return 200, {}

    def _reactivate_user(self, user: dict[str, Any], body: dict[str, Any]) -> Answer:
        user["deactivated"] = False
        return 200, {}

    def _allow_cross_signing_reset(self, user: dict[str, Any], body: dict[str, Any]) -> Answer:
        user["reset_allowed"] = True
        return 200, {}


@contextmanager
def serving() -> Iterator[StandIn]:
    """The stand-in at a port of its own, in threads."""
    stand_in = StandIn()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            query = {key: values[0] for key, values in parse_qs(urlsplit(self.path).query).items()}
            self._answer(query)

        def do_POST(self) -> None:
            self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def _answer(self, body: dict[str, Any]) -> None:
            path = urlsplit(self.path).path
            assert path.startswith("/_synapse/mas/")
            name = path.removeprefix("/_synapse/mas/")
            status, members = stand_in.answer(name, body, self.headers.get("Authorization", ""))
            if name in stand_in.closes:
                self.close_connection = True
                return
            said = stand_in.raw or json.dumps(members).encode()
            self.send_response(status)
            if status == 302:
                self.send_header("Location", members["to"])
            said = b"" if status == 204 else said
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            for index in range(0, len(said), 10 if stand_in.drips else max(1, len(said))):
                try:
                    self.wfile.write(said[index : index + (10 if stand_in.drips else len(said))])
                except OSError:
                    return
                time.sleep(stand_in.drips)

        def log_message(self, *_: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # clients give up on purpose
    stand_in.port = server.server_address[1]
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.05), daemon=True)
    thread.start()
    try:
        yield stand_in
    finally:
        server.shutdown()
        server.server_close()

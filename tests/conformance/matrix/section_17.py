"""Section 17 of matrix.md as data: every row, with a good request and the members of its success.

In paths and bodies `{name}` stands for a fact of the asking account, filled in by `facts.Facts`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

C = ("r0", "v3", "unstable")
C1 = (*C, "api/v1")
V1 = ("v1",)
TOKENREFRESH = ("r0", "v2_alpha", "api/v1", "unstable")
ALL_PREFIXES = (*C1, "v1", "v2_alpha")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of the table.

    `body` is a good one, None where the method has none; `wrong` one with a member of the wrong type. `ignores_body`:
    nothing is refused for it; `may_be_empty`: none counts as `{}`. `outlives_lock`: works for a locked account.
    """

    call: str
    prefixes: tuple[str, ...] = C
    token: bool = False
    uia: bool = False
    administrator: bool = False
    query: str = ""
    body: Mapping[str, Any] | None = None
    wrong: Mapping[str, Any] = field(default_factory=dict)
    members: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()
    token_is_optional: bool = False
    may_be_empty: bool = False
    ignores_body: bool = False
    outlives_lock: bool = False

    def __str__(self) -> str:
        return self.call

    @property
    def method(self) -> str:
        return self.call.partition(" ")[0]

    @property
    def path(self) -> str:
        """Below the prefix."""
        return self.call.partition(" ")[2]


def _keys(text: str) -> frozenset[str]:
    return frozenset(text.split())


_SESSION = _keys("user_id home_server access_token device_id")
_PAIR = _keys("access_token refresh_token")
_REGISTERED = {"username": "{fresh_name}", "password": "{password}", "auth": {"type": "m.login.dummy"}}
_MAIL = {"client_secret": "{secret}", "email": "{fresh_email}", "send_attempt": 1}
_WRONG_MAIL = {**_MAIL, "email": 5}
_OWN_MAIL = {**_MAIL, "email": "{email}"}
_UNBOUND = _keys("id_server_unbind_result")

TABLE = (
    Row(
        call="POST login",
        prefixes=C1,
        body={
            "type": "m.login.password",
            "identifier": {"type": "m.id.user", "user": "{name}"},
            "password": "{password}",
        },
        wrong={"type": "m.login.password", "user": "{name}", "password": "{password}", "device_id": 5},
        members=_SESSION,
        optional=_keys("well_known"),
    ),
    Row(call="GET login", prefixes=C1, members=_keys("flows")),
    Row(
        call="POST login/get_token",
        prefixes=V1,
        token=True,
        uia=True,
        body={},
        may_be_empty=True,
        members=_keys("login_token expires_in_ms expires_in"),
    ),
    Row(
        call="POST refresh",
        body={"refresh_token": "{refresh_token}"},
        wrong={"refresh_token": 5},
        members=_PAIR | _keys("expires_in_ms"),
    ),
    Row(
        call="POST tokenrefresh",
        prefixes=TOKENREFRESH,
        body={"refresh_token": "{refresh_token}"},
        wrong={"refresh_token": 5},
        members=_PAIR,
    ),
    Row(call="POST logout", prefixes=C1, token=True, body={}, ignores_body=True, outlives_lock=True),
    Row(call="POST logout/all", prefixes=C1, token=True, body={}, ignores_body=True, outlives_lock=True),
    Row(call="POST register", body=_REGISTERED, wrong={"username": 5}, members=_SESSION),
    Row(call="GET register/available", query="?username={fresh_name}", members=_keys("available")),
    Row(
        call="GET register/m.login.registration_token/validity",
        prefixes=V1,
        query="?token=abc",
        members=_keys("valid"),
    ),
    Row(call="POST register/email/requestToken", body=_MAIL, wrong=_WRONG_MAIL, members=_keys("sid")),
    Row(call="GET account/whoami", token=True, members=_keys("user_id device_id is_guest")),
    Row(
        call="POST account/password",
        token=True,
        token_is_optional=True,
        uia=True,
        body={"new_password": "another horse battery", "logout_devices": False},
        wrong={"new_password": 5},
    ),
    Row(call="POST account/password/email/requestToken", body=_OWN_MAIL, wrong=_WRONG_MAIL, members=_keys("sid")),
    Row(
        call="POST account/deactivate",
        token=True,
        uia=True,
        body={"erase": False},
        wrong={"erase": "yes"},
        may_be_empty=True,
        members=_UNBOUND,
    ),
    Row(call="GET account/3pid", token=True, members=_keys("threepids")),
    Row(
        call="POST account/3pid/add",
        token=True,
        uia=True,
        body={"sid": "{proved_sid}", "client_secret": "{secret}"},
        wrong={"sid": 5, "client_secret": "abc"},
    ),
    Row(
        call="POST account/3pid",  # §12: the deprecated twin, here with a proof
        token=True,
        uia=True,
        body={"three_pid_creds": {"sid": "{proved_sid}", "client_secret": "{secret}"}},
        wrong={"three_pid_creds": "abc"},
    ),
    Row(
        call="POST account/3pid/delete",
        token=True,
        body={"medium": "email", "address": "{email}"},
        wrong={"medium": "email", "address": 5},
        members=_UNBOUND,
    ),
    Row(
        call="POST account/3pid/email/requestToken",
        token=True,
        token_is_optional=True,
        body=_MAIL,
        wrong=_WRONG_MAIL,
        members=_keys("sid"),
    ),
    Row(call="GET devices", token=True, members=_keys("devices")),
    Row(
        call="GET devices/{device_id}",
        token=True,
        members=_keys("device_id display_name last_seen_ip last_seen_ts"),
        optional=_keys("user_id"),
    ),
    Row(call="PUT devices/{device_id}", token=True, body={"display_name": "desk"}, wrong={"display_name": 5}),
    Row(call="DELETE devices/{device_id}", token=True, uia=True, body={}, may_be_empty=True),
    Row(
        call="POST delete_devices",
        token=True,
        uia=True,
        body={"devices": ["{device_id}"]},
        wrong={"devices": "{device_id}"},
    ),
    Row(call="GET capabilities", token=True, members=_keys("capabilities")),
    Row(call="GET profile/{user_id}", prefixes=C1, members=_keys("displayname")),
    Row(call="GET profile/{user_id}/displayname", prefixes=C1, members=_keys("displayname")),
    Row(
        call="PUT profile/{user_id}/displayname",
        prefixes=C1,
        token=True,
        body={"displayname": "Zoe"},
        wrong={"displayname": 5},
    ),
    *(
        Row(call=f"GET admin/{what}/{{user_id}}", prefixes=V1, token=True, administrator=True, members=_keys(state))
        for what, state in (("lock", "locked"), ("suspend", "suspended"))
    ),
    *(
        Row(
            call=f"PUT admin/{what}/{{user_id}}",
            prefixes=V1,
            token=True,
            administrator=True,
            body={state: False},
            wrong={state: "no"},
            members=_keys(state),
        )
        for what, state in (("lock", "locked"), ("suspend", "suspended"))
    ),
)

WITH_BODY = [row for row in TABLE if row.body is not None]
WITH_TOKEN = [row for row in TABLE if row.token]
WITH_PROOF = [row for row in TABLE if row.uia and row.token]

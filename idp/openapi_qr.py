"""What /api/docs/ tells of rendezvous sessions, which are hot routes alone (qr-login.md §2, §3)."""

from collections.abc import Mapping
from typing import Any

from devicelogin.rendezvous.protocol import STABLE_PATH, TEXT_PATH

_TEXT = {"text/plain": {"schema": {"type": "string", "maxLength": 4096}}}
_OBJECT = {"application/json": {"schema": {"type": "object", "additionalProperties": {}}}}
_STATE = {
    name: {"description": text, "schema": {"type": "string"}}
    for name, text in (
        ("ETag", "Changes with each write; strong."),
        ("Expires", "When the session ends."),
        ("Last-Modified", "When it was written last."),
    )
}
_ID = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}


def _header(name: str, *, required: bool) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": required, "schema": {"type": "string"}}


def _says(description: str, content: Any = None) -> dict[str, Any]:
    return {"description": description, "headers": _STATE, **({"content": content} if content else {})}


def _json(description: str) -> dict[str, Any]:
    return {"description": description, "content": _OBJECT}


def _body(*names: str) -> dict[str, Any]:
    properties = {name: {"type": "string"} for name in names}
    schema = {"type": "object", "properties": properties, "required": list(names)}
    return {"required": True, "content": {"application/json": {"schema": schema}}}


_GONE, _LARGE, _MANY = _json("No such session, or it is over."), _json("Over 4096 bytes."), _json("Too many.")
_TEXT_FORM: Mapping[tuple[str, str], dict[str, Any]] = {
    ("post", TEXT_PATH): {
        "description": "A session that two devices meet in (MSC4108, the form of 2024). Nobody has to be signed in.",
        "requestBody": {"required": True, "content": _TEXT},
        "responses": {"201": _says("Where it is: `url`.", _OBJECT), "413": _LARGE, "429": _MANY},
    },
    ("get", f"{TEXT_PATH}/{{id}}"): {
        "description": "What is in it. Clients ask once a second, and name what they know already.",
        "parameters": [_ID, _header("If-None-Match", required=False)],
        "responses": {"200": _says("", _TEXT), "304": _says("Nothing new."), "404": _GONE},
    },
    ("put", f"{TEXT_PATH}/{{id}}"): {
        "description": "Puts something in, if nobody else has since `If-Match`. A repeat changes nothing.",
        "parameters": [_ID, _header("If-Match", required=True)],
        "requestBody": {"required": True, "content": _TEXT},
        "responses": {
            "202": _says("It is in there."),
            "404": _GONE,
            "412": _says("Somebody else was first.", _OBJECT),
            "413": _LARGE,
        },
    },
    ("delete", f"{TEXT_PATH}/{{id}}"): {
        "description": "Ends it.",
        "parameters": [_ID],
        "responses": {"204": {"description": "It is over."}, "404": _GONE},
    },
}
_JSON_FORM: Mapping[tuple[str, str], dict[str, Any]] = {
    ("get", STABLE_PATH): {
        "description": "Whether the caller could make a session; also below `unstable/io.element.msc4388/`, as are all "
        "calls of this form (MSC4388).",
        "responses": {"200": _json("`create_available`")},
    },
    ("post", STABLE_PATH): {
        "description": "A session that two devices meet in. Needs an access token in the mode `authenticated`.",
        "requestBody": _body("data"),
        "responses": {"200": _json("`id`, `sequence_token`, `expires_in_ms`"), "413": _LARGE, "429": _MANY},
    },
    ("get", f"{STABLE_PATH}/{{id}}"): {
        "description": "What is in it, and the token of the last write.",
        "parameters": [_ID],
        "responses": {"200": _json("`data`, `sequence_token`, `expires_in_ms`"), "404": _GONE},
    },
    ("put", f"{STABLE_PATH}/{{id}}"): {
        "description": "Puts something in, if `sequence_token` is the one of the last write. A repeat is no change.",
        "parameters": [_ID],
        "requestBody": _body("sequence_token", "data"),
        "responses": {
            "200": _json("`sequence_token`, the new one"),
            "404": _GONE,
            "409": _json("Somebody else was first."),
            "413": _LARGE,
        },
    },
    ("put", f"{STABLE_PATH}/{{id}}/{{transaction}}"): {
        "description": "The same write, named: a repeat gets the answer of the first time.",
        "parameters": [_ID, {**_ID, "name": "transaction"}],
        "requestBody": _body("sequence_token", "data"),
        "responses": {"200": _json("`sequence_token`"), "404": _GONE, "409": _json("Somebody else was first.")},
    },
    ("delete", f"{STABLE_PATH}/{{id}}"): {
        "description": "Ends it.",
        "parameters": [_ID],
        "responses": {"200": _json("It is over."), "404": _GONE},
    },
}
ROUTES: Mapping[tuple[str, str], dict[str, Any]] = {**_TEXT_FORM, **_JSON_FORM}

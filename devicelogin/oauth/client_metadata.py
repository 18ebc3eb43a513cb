"""What a program says of itself when it registers (RFC 7591; matrix-oauth.md §2, qr-login.md §7.2). Pure.

Unknown members, and members of lists that are not served here, are dropped; everything else is kept as it was sent.
"""

import hashlib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import orjson

from accounts import strict_json
from accounts.errors import Reason, Refusal
from devicelogin.oauth import hosts
from devicelogin.oauth.protocol import CODE_GRANT

AUTH_METHODS = ("none", "client_secret_basic", "client_secret_post")
_LINKS = ("logo_uri", "tos_uri", "policy_uri", "client_uri")
_MOST_URIS, _LONGEST_URI, _LONGEST_NAME, _MOST_LOCALISED = 20, 2048, 255, 50
_TAG = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*")


@dataclass(frozen=True, slots=True)
class Metadata:
    """A client's metadata as registered, the host of its `client_uri`, and the hosts that it sends people to."""

    fields: Mapping[str, Any]
    host: str
    redirect_hosts: tuple[str, ...]

    @property
    def is_public(self) -> bool:
        """Whether it keeps no secret."""
        return bool(self.fields["token_endpoint_auth_method"] == "none")

    @property
    def digest(self) -> bytes:
        """The same for the same metadata, in whatever order it was sent."""
        return hashlib.sha256(orjson.dumps(dict(self.fields), option=orjson.OPT_SORT_KEYS)).digest()


def parse(body: bytes, *, grant_types: Collection[str]) -> Metadata:
    """A registration request; `grant_types` are those that are served. MALFORMED, or FIELD_… with the member's name."""
    sent = strict_json.parse(body)
    if not isinstance(sent, dict):
        raise Refusal(Reason.FIELD_TYPE, field="metadata")
    sent = {name: value for name, value in sent.items() if value is not None}
    fields: dict[str, Any] = {"client_uri": _text(sent, "client_uri", longest=_LONGEST_URI)}
    host = _public_host(fields["client_uri"], "client_uri")
    fields |= _names(sent) | _links(sent, host) | _lists(sent, grant_types)
    fields["application_type"] = _choice(sent, "application_type", ("web", "native"), default="web")
    methods = "token_endpoint_auth_method"
    fields[methods] = _choice(sent, methods, AUTH_METHODS, default="client_secret_basic")
    uris = _uris(sent)
    if CODE_GRANT in fields["grant_types"] and not uris:
        raise Refusal(Reason.FIELD_MISSING, field="redirect_uris")
    for uri in uris:
        _check_redirect(uri, host, native=fields["application_type"] == "native")
    if uris:
        fields["redirect_uris"] = uris
    redirect_hosts = {hosts.of(uri) for uri in uris if uri.startswith(("https:", "http:"))}
    return Metadata(fields, host, tuple(sorted(redirect_hosts - hosts.LOOPBACK)))


def _names(sent: Mapping[str, Any]) -> dict[str, Any]:
    """`client_name`, its localised forms, and `contacts`."""
    found: dict[str, Any] = {key: _text(sent, key, longest=_LONGEST_NAME) for key in _spellings(sent, "client_name")}
    if "contacts" in sent:
        found["contacts"] = _texts(sent, "contacts")
    return found


def _links(sent: Mapping[str, Any], host: str) -> dict[str, Any]:
    """Pages and pictures: on the client's own host or below it."""
    found = {}
    for name in _LINKS:
        for key in (spelling for spelling in _spellings(sent, name) if spelling != "client_uri"):
            found[key] = _text(sent, key, longest=_LONGEST_URI)
            if not hosts.is_below(_public_host(found[key], key), host):
                raise Refusal(Reason.FIELD_INVALID, field=key)
    return found


def _lists(sent: Mapping[str, Any], grant_types: Collection[str]) -> dict[str, Any]:
    """Grant and response types, those that are served."""
    grants = _texts(sent, "grant_types") if "grant_types" in sent else [CODE_GRANT]
    kept = [grant for grant in dict.fromkeys(grants) if grant in grant_types]
    default = ["code"] if CODE_GRANT in kept else []
    responses = _texts(sent, "response_types") if "response_types" in sent else default
    return {"grant_types": sorted(kept), "response_types": ["code"] if "code" in responses else []}


def _check_redirect(uri: str, host: str, *, native: bool) -> None:
    """FIELD_INVALID with field `redirect_uris` unless a program of this host may have people sent there."""
    wrong = Refusal(Reason.FIELD_INVALID, field="redirect_uris")
    try:
        parts = urlsplit(uri)
        has_port = parts.port is not None
    except ValueError:
        raise wrong from None
    if "#" in uri or not _SCHEME.fullmatch(parts.scheme) or "@" in parts.netloc:
        raise wrong
    if native and parts.scheme == "http":
        if f"{parts.netloc}".lower() not in hosts.LOOPBACK or has_port:
            raise wrong
    elif parts.scheme == "https":
        target = hosts.of(uri)
        if not (target and hosts.is_below(target, host)) or hosts.is_public_suffix(target):
            raise wrong
    elif not native or not _is_private_scheme(uri, parts.scheme, host):
        raise wrong


def _is_private_scheme(uri: str, scheme: str, host: str) -> bool:
    """`com.example.app:/cb` of example.com: the reversed host or below it, and no authority."""
    reversed_host = ".".join(reversed(host.split(".")))
    return not uri[len(scheme) + 1 :].startswith("//") and hosts.is_below_reversed(scheme, reversed_host)


def _public_host(url: str, field: str) -> str:
    """The host of an https URL without user info that somebody alone can own; FIELD_INVALID."""
    host = hosts.of(url)
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise Refusal(Reason.FIELD_INVALID, field=field) from None
    if parts.scheme != "https" or "@" in parts.netloc or not hosts.may_stand_for_a_client(host):
        raise Refusal(Reason.FIELD_INVALID, field=field)
    return host


def _spellings(sent: Mapping[str, Any], name: str) -> list[str]:
    """The member and its localised forms (RFC 7591 §2.2)."""
    found = [
        key for key in sent if key == name or (key.startswith(f"{name}#") and _TAG.fullmatch(key[len(name) + 1 :]))
    ]
    if len(found) > _MOST_LOCALISED:
        raise Refusal(Reason.FIELD_INVALID, field=name)
    return found


def _uris(sent: Mapping[str, Any]) -> list[str]:
    uris = _texts(sent, "redirect_uris") if "redirect_uris" in sent else []
    if len(uris) > _MOST_URIS or any(len(uri) > _LONGEST_URI or not _is_uri(uri) for uri in uris):
        raise Refusal(Reason.FIELD_INVALID, field="redirect_uris")
    return list(dict.fromkeys(uris))


def _is_uri(text: str) -> bool:
    """Whether the text has only characters of URIs: no blank, no control character, nothing beyond ASCII."""
    return text.isascii() and text.isprintable() and not set(text) & set(' "<>\\^`{|}')


def _choice(sent: Mapping[str, Any], name: str, allowed: Collection[str], *, default: str) -> str:
    value = _text(sent, name, longest=64) if name in sent else default
    if value not in allowed:
        raise Refusal(Reason.FIELD_INVALID, field=name)
    return value


def _text(sent: Mapping[str, Any], name: str, *, longest: int) -> str:
    value = sent.get(name)
    if value is None:
        raise Refusal(Reason.FIELD_MISSING, field=name)
    if not isinstance(value, str):
        raise Refusal(Reason.FIELD_TYPE, field=name)
    is_link = name.partition("#")[0].endswith("_uri")
    if not value or len(value) > longest or not value.isprintable() or (is_link and not _is_uri(value)):
        raise Refusal(Reason.FIELD_INVALID, field=name)
    return value


def _texts(sent: Mapping[str, Any], name: str) -> list[str]:
    value = sent[name]
    if not isinstance(value, list) or not all(isinstance(member, str) for member in value):
        raise Refusal(Reason.FIELD_TYPE, field=name)
    if len(value) > 100 or any(len(member) > _LONGEST_URI or not member.isprintable() for member in value):
        raise Refusal(Reason.FIELD_INVALID, field=name)
    return value

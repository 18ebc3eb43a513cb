"""Requests as Authlib takes them (`server.py`)."""

import base64
from collections.abc import Mapping
from urllib.parse import unquote_plus

from authlib.oauth2.rfc6749 import OAuth2Payload, OAuth2Request

_ENDPOINT = "https://here/oauth2/token"  # Authlib wants one that begins so; TLS ends at the proxy


class _Payload(OAuth2Payload):
    """The parameters of a form, each once."""

    def __init__(self, form: Mapping[str, str]) -> None:
        self._form = dict(form)

    @property
    def data(self) -> dict[str, str]:
        """By name."""
        return self._form


def _headers(authorization: str) -> dict[str, str]:
    """The header as Authlib reads it. It neither decodes the form's encoding of id and secret (RFC 6749 §2.3.1), which
    oauth4webapi applies, nor survives what is no UTF-8."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return {}
    try:
        name, colon, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
        plain = unquote_plus(name, errors="strict") + colon + unquote_plus(secret, errors="strict")
    except ValueError:
        return {}
    if not colon:
        return {}
    return {"Authorization": f"Basic {base64.b64encode(plain.encode()).decode()}"}


class FormRequest(OAuth2Request):
    """A request as Authlib takes it: a form, and who says they sent it."""

    def __init__(self, form: Mapping[str, str], *, authorization: str = "", ip: str = "") -> None:
        super().__init__("POST", _ENDPOINT, headers=_headers(authorization))
        self.payload = _Payload(form)
        self.ip = ip

    @property
    def form(self) -> dict[str, str]:
        """By name."""
        return self.payload.data

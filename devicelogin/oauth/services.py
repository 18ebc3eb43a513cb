"""The small verbs of OAuth: what its views ask for, that is not a grant of its own."""

from collections.abc import Mapping
from typing import Any

from accounts import emails, minting, policy, subjects, tokens
from accounts.errors import Reason, Refusal
from devicelogin.oauth import clients, scopes, server, sessions, signing_keys
from devicelogin.oauth.client_metadata import Metadata
from devicelogin.oauth.clients import FLOW
from devicelogin.oauth.protocol import required

grant_types = clients.grant_types
keys = signing_keys.published


def register(metadata: Metadata, *, ip: str) -> dict[str, Any]:
    """The body of a registration (RFC 7591 §3.2.1)."""
    program, secret = clients.register(metadata, ip=ip)
    body = {
        "client_id": program.client_id,
        "client_id_issued_at": int(program.created_at.timestamp()),
        **program.metadata,
    }
    return body | ({"client_secret": secret, "client_secret_expires_at": 0} if secret else {})


def revoke(form: Mapping[str, str], *, authorization: str, ip: str) -> None:
    """Ends the session of a token (section 6).

    FIELD_MISSING without `token`; CREDENTIAL_WRONG for a wrong secret. Whoever names no program, or one that is gone,
    is served too: the token itself is proof enough to end it.
    """
    token = required(form, "token")
    client_id = form.get("client_id", "")
    known = clients.find(client_id) if client_id else None
    if authorization or "client_secret" in form or (known is not None and not known.is_public):
        client_id = server.authenticated(form, authorization=authorization).client_id
    sessions.end(token, client_id=client_id, ip=ip)


def userinfo(secret: str, *, ip: str) -> dict[str, Any]:
    """Whose access token it is (OpenID Connect Core §5.3).

    TOKEN_UNKNOWN, ACCOUNT_LOCKED, NOT_ADMITTED; FORBIDDEN without the scope openid.
    """
    bearer = tokens.check(secret, flow=FLOW, ip=ip) if minting.is_genuine(secret, minting.ACCESS) else None
    if bearer is None:
        raise Refusal(Reason.TOKEN_UNKNOWN)
    if bearer.locked:
        raise Refusal(Reason.ACCOUNT_LOCKED)
    policy.admit(FLOW, subjects.of_bearer(bearer, ip=ip))
    granted = scopes.granted(bearer.scope)
    if scopes.OPENID not in granted:
        raise Refusal(Reason.FORBIDDEN, field="scope")
    body: dict[str, Any] = {"sub": bearer.sub, "username": bearer.username}
    addresses = emails.confirmed(bearer.user_id) if scopes.EMAIL in granted else ()
    return body | ({"email": next(iter(addresses))} if addresses else {})

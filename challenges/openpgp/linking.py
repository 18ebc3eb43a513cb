"""Keys of a person who is signed in at whichever door: adding one by proving it, choosing which one is served
(one-origin.md §2, "Linking", "Several keys")."""

from collections.abc import Mapping
from typing import Any, Protocol

from django.conf import settings
from django.db import transaction

from accounts import credentials, names, policy, subjects, throttle, tokens, users
from accounts.errors import Reason, Refusal
from accounts.models import OpenPGPKey, User
from challenges.openpgp import jwts, payloads, proofs, protocol, registration, sign_in
from challenges.openpgp.protocol import Explained
from challenges.openpgp.records import FLOW


class Asker(Protocol):
    """Somebody signed in: the bearer of a token, or a person at the account page."""

    @property
    def user_id(self) -> int:
        """The account's primary key."""

    @property
    def username(self) -> str:
        """The account's name."""


def bearer(secret: str, *, ip: str) -> tokens.Bearer:
    """Who asks, by a live access token of any door.

    TOKEN_MISSING, TOKEN_UNKNOWN, ACCOUNT_LOCKED, NOT_ADMITTED; FORBIDDEN for a token of a limited scope (a guest's, an
    application's): it was given for something else than what opens the account.
    """
    if not secret:
        raise Refusal(Reason.TOKEN_MISSING)
    found = tokens.check_any(secret, ip=ip)
    if found is None:
        raise Refusal(Reason.TOKEN_UNKNOWN)
    if found.locked:
        raise Refusal(Reason.ACCOUNT_LOCKED)
    policy.admit(found.flow, subjects.of_bearer(found, ip=ip))
    if found.scope:
        raise Refusal(Reason.FORBIDDEN, field="scope")
    return found


def challenge(asker: Asker, *, ip: str) -> str:
    """A session token for the asker's account, to be signed with the key that is to be added."""
    limit = throttle.Limit.of("openpgp-challenge", settings.OPENPGP_CHALLENGE_RATE)
    throttle.hit(limit, throttle.address_key(ip))
    return jwts.session_text(asker.username, lifetime=settings.OPENPGP_SESSION_TOKEN_LIFETIME)


def keys(asker: Asker) -> list[dict[str, Any]]:
    """The asker's keys, the one added first at the head."""
    return [_rendered(key) for key in credentials.openpgp_keys(users.by_id(asker.user_id))]


def add(asker: Asker, fields: Mapping[str, Any], *, ip: str) -> dict[str, Any]:
    """Gives the asker's account the key in `publicKey`, proved by `signature` over a `KEY_ADD_REQUEST`.

    FIELD_MISSING, FIELD_TYPE, FIELD_INVALID (the key), RATE_LIMITED, CREDENTIAL_WRONG, CREDENTIAL_TAKEN, NOT_ADMITTED,
    FORBIDDEN (too many keys), ACCOUNT_SUSPENDED, ACCOUNT_LOCKED, ACCOUNT_DEACTIVATED.
    """
    signature, armored = protocol.text(fields, "signature"), protocol.text(fields, "publicKey")
    name = names.fold(asker.username)
    proofs.peek_failures(name, ip)
    certificate = registration.certificate_of(armored)
    try:
        proof = proofs.read(signature, armored, fingerprint=certificate.fingerprint, username=name, msg=payloads.ADD)
        with transaction.atomic():
            policy.hold()
            key = credentials.add_openpgp_key(users.by_id(asker.user_id), certificate)
            _require_free(users.by_id(asker.user_id))
            policy.admit(FLOW, sign_in.subject(asker.user_id, name, certificate.fingerprint, ip))
            proofs.use_up(proof)
    except Refusal as refusal:
        if refusal.reason is Reason.CREDENTIAL_WRONG:
            proofs.note_failure(name, ip)
        if refusal.reason is Reason.FORBIDDEN:
            most = credentials.MOST_OPENPGP_KEYS
            raise Explained(Reason.FORBIDDEN, f"An account has {most} keys at most.", field="publicKey") from None
        raise
    return _rendered(key)


def publish(asker: Asker, fingerprint: str) -> dict[str, Any]:
    """Chooses the key that the directory serves and that signs in. NOT_FOUND and what `add` says of the account."""
    canonical = protocol.fingerprint(fingerprint)
    if not canonical:
        raise Refusal(Reason.NOT_FOUND, field="key")
    with transaction.atomic():
        credentials.publish_openpgp_key(users.by_id(asker.user_id), canonical)
        user = users.by_id(asker.user_id)
        _require_free(user)
    return next(_rendered(key) for key in credentials.openpgp_keys(user) if key.fingerprint == canonical)


def _require_free(user: User) -> None:
    """For an account whose row is held: its state is what it is until the transaction ends."""
    if user.deactivated_at:
        raise Refusal(Reason.ACCOUNT_DEACTIVATED)
    if user.locked_at:
        raise Refusal(Reason.ACCOUNT_LOCKED)
    if user.suspended_at:
        raise Refusal(Reason.ACCOUNT_SUSPENDED)


def _rendered(key: OpenPGPKey) -> dict[str, Any]:
    return {
        "fingerprint": key.fingerprint,
        "publicKey": key.armored,
        "algorithm": key.algorithm,
        "bits": key.bits,
        "isPublished": key.is_published,
        "createdAt": key.created_at.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "expiresAt": key.expires_at and key.expires_at.isoformat(timespec="seconds").replace("+00:00", "Z"),
    }

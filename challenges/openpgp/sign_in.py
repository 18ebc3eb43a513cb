"""The verbs of signing in: a session token, a signed answer to it, the auth token it gives (laverna.md §3, §4)."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.db import transaction

from accounts import audit, clock, credentials, names, policy, subjects, throttle, tokens, users
from accounts.errors import Reason, Refusal
from accounts.models import User
from challenges.openpgp import directory, jwts, payloads, proofs, records
from challenges.openpgp.records import FLOW, Person


def session_token(username: str, *, ip: str) -> str:
    """A challenge for the user; nothing is stored (section 3).

    NOT_FOUND for who is not there, or whom the lists refuse; RATE_LIMITED. With `OPENPGP_HIDE_USERS` every name gets
    one, and the login refuses.
    """
    throttle.hit(_challenges(), throttle.address_key(ip))
    user = records.known(username)
    if settings.OPENPGP_HIDE_USERS:
        return _challenge(user.username if user else records.folded(username))
    if user is None or not policy.decide(FLOW, subject(user.user_id, user.folded, user.fingerprint, ip)).admitted:
        raise Refusal(Reason.NOT_FOUND, field="username")
    return _challenge(user.username)


def log_in(fields: Mapping[str, Any], *, ip: str) -> str:
    """The auth token for a signed challenge; refuses in the order of section 4.

    NOT_FOUND; FIELD_INVALID (`fingerprint`); then RATE_LIMITED, or what means "Invalid signature". RATE_LIMITED instead
    of the first two for who may not look into the directory any more: these answers tell as much (section 6.10).
    """
    person = _person(fields.get("username"), ip=ip)
    proofs.peek_failures(person.folded, ip)
    try:
        fingerprint, signature = fields.get("fingerprint"), fields.get("signature")
        if not isinstance(fingerprint, str) or fingerprint.strip().lower() != person.fingerprint:
            directory.count_look(ip)
            raise Refusal(Reason.FIELD_INVALID, field="fingerprint")
        if not isinstance(signature, str):
            raise Refusal(Reason.CREDENTIAL_WRONG, field="signature")
        return _log_in(person, signature, ip=ip)
    except Refusal as refusal:
        note_failure(refusal, person, ip=ip)
        raise


def bearer(token: str, *, username: str, ip: str) -> tokens.Bearer:
    """Who bears an auth token and calls themselves `username` (any case); its `credential` is the key's fingerprint.

    TOKEN_MISSING, TOKEN_UNKNOWN (not an auth token, over, revoked, another user's), ACCOUNT_LOCKED, NOT_ADMITTED.
    """
    if not token:
        raise Refusal(Reason.TOKEN_MISSING)
    claims = jwts.read_auth(token)
    name = records.folded(username)
    if claims is None or not name:
        raise Refusal(Reason.TOKEN_UNKNOWN)
    found = tokens.require(token, flow=FLOW, ip=ip)
    if names.fold(found.username) != name or found.credential != claims.fingerprint:
        raise Refusal(Reason.TOKEN_UNKNOWN, detail="another user's")
    policy.admit(FLOW, subjects.of_bearer(found, ip=ip))
    return found


def subject(user_id: int, name: str, fingerprint: str, ip: str) -> policy.Subject:
    """The owner of a key as the lists see them."""
    emails = subjects.confirmed_emails(user_id)
    return policy.Subject(username=name, fingerprint=fingerprint, ip=ip, emails=emails)


def note_failure(refusal: Refusal, person: Person, *, ip: str, event: str = "login") -> None:
    """Failures use up the allowance of the address with this user; while some is left, each is in the audit log."""
    if refusal.reason in {Reason.RATE_LIMITED, Reason.OVERLOADED} or not proofs.note_failure(person.folded, ip):
        return
    audit.record(event, outcome=audit.REFUSED, reason=refusal.reason, flow=FLOW, subject=person.username, ip=ip)


def hold(person: Person, *, ip: str) -> User:
    """Holds lists and account still for the caller's transaction, and makes sure that the key that was asked is the
    person's key still. NOT_ADMITTED, ACCOUNT_LOCKED, ACCOUNT_DEACTIVATED, CREDENTIAL_WRONG."""
    policy.hold()
    user = users.held(person.user_id)
    if user.deactivated_at:
        raise Refusal(Reason.ACCOUNT_DEACTIVATED)
    if user.locked_at:
        raise Refusal(Reason.ACCOUNT_LOCKED)
    policy.admit(FLOW, subject(person.user_id, user.folded_username, person.fingerprint, ip))
    now = records.person_by_id(person.user_id)
    if now is None or (now.fingerprint, now.armored) != (person.fingerprint, person.armored):
        raise Refusal(Reason.CREDENTIAL_WRONG, field="signature", detail="the key was changed meanwhile")
    return user


def _log_in(person: Person, signature: str, *, ip: str) -> str:
    policy.admit(FLOW, subject(person.user_id, person.folded, person.fingerprint, ip))
    if person.locked:
        raise Refusal(Reason.ACCOUNT_LOCKED)
    proof = proofs.read(
        signature, person.armored, fingerprint=person.fingerprint, username=person.folded, msg=payloads.SIGN_IN
    )
    with transaction.atomic():
        user = hold(person, ip=ip)
        proofs.use_up(proof)
        return _opened(user, person, ip=ip)


def _opened(user: User, person: Person, *, ip: str) -> str:
    """The token, for a held account. Which device it is of, only the socket says that is opened with it."""
    text, claims = jwts.auth_text(person.username, person.fingerprint, lifetime=settings.OPENPGP_TOKEN_LIFETIME)
    minted = tokens.Minted(text, max(claims.exp - clock.now().timestamp(), 0.001))
    tokens.issue(minted, user=user, flow=FLOW, credential=person.fingerprint, amr="hwk")
    credentials.note_use_of_openpgp_key(person.fingerprint)
    audit.record("login", flow=FLOW, subject=person.username, ip=ip, facts={"key": person.fingerprint})
    return text


def _person(username: object, *, ip: str) -> Person:
    person = records.person(username) if isinstance(username, str) else None
    if person is None:
        directory.count_look(ip)
        raise Refusal(Reason.NOT_FOUND, field="username")
    return person


def _challenge(username: str) -> str:
    return jwts.session_text(username, lifetime=settings.OPENPGP_SESSION_TOKEN_LIFETIME)


def _challenges() -> throttle.Limit:
    return throttle.Limit.of("openpgp-challenge", settings.OPENPGP_CHALLENGE_RATE)

"""Proving a key: a session token of ours, signed with it, for one purpose, used once (laverna.md §3, §4, §6.11)."""

from dataclasses import dataclass

from django.conf import settings

from accounts import aio, clock, ledger, names, throttle
from accounts.errors import Reason, Refusal
from challenges.openpgp import jwts, payloads
from challenges.openpgp.records import FLOW
from challenges.openpgp.verifying import NotSigned, verify

_PURPOSE = "session-token"
_EARLY = 300  # seconds a signature may seem older than the token it signs


@dataclass(frozen=True, slots=True)
class Proof:
    """A good signature over a session token that has still to be used up."""

    session: jwts.Session
    public_key: object


def read(signed: str, armored: str, *, fingerprint: str, username: str, msg: str) -> Proof:
    """The proof in an armored cleartext message by the key, made by the user (folded name) for `msg`.

    CREDENTIAL_WRONG for everything that is not good; OVERLOADED. Slow: never inside a transaction.
    """
    aio.lend_connection()
    try:
        found = verify(signed, armored, fingerprint=fingerprint, now=clock.now())
    except NotSigned as reason:
        raise _wrong(str(reason)) from None
    payload = payloads.read(found.text, msg=msg, username=username)
    session = jwts.read_session(payload.session_token)
    if session is None or names.fold(session.username) != username:
        raise _wrong("the session token is not ours, over, or another user's")
    if found.created_at.timestamp() < session.iat - clock.ahead() - _EARLY:
        raise _wrong("signed before the session token was made")
    return Proof(session, payload.public_key)


def use_up(proof: Proof) -> None:
    """Uses the session token up, in the transaction that does what it is for; CREDENTIAL_WRONG when it was used."""
    left = max(1.0, proof.session.exp - clock.now().timestamp())
    try:
        ledger.consume_stateless(proof.session.jti, flow=FLOW, purpose=_PURPOSE, lifetime=left)
    except Refusal as refusal:
        raise _wrong("the session token was used before") from refusal


def peek_failures(username: str, ip: str) -> None:
    """RATE_LIMITED when this address has failed too often with this user; then nothing is verified (R38)."""
    throttle.peek(_failures(), username, throttle.address_key(ip))


def note_failure(username: str, ip: str) -> bool:
    """Uses up one failure; False when none is left, so that an attack does not fill the audit log."""
    try:
        throttle.hit(_failures(), username, throttle.address_key(ip))
    except Refusal:
        return False
    return True


def _failures() -> throttle.Limit:
    return throttle.Limit.of("openpgp-failure", settings.OPENPGP_FAILURE_RATE)


def _wrong(detail: str) -> Refusal:
    return Refusal(Reason.CREDENTIAL_WRONG, field="signature", detail=detail)

"""A new account with a key as its one credential: POST /api/users (laverna.md §2; one-origin.md §2, §3)."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.db import transaction

from accounts import (
    audit,
    clock,
    credentials,
    homeserver,
    names,
    patterns,
    policy,
    registration_tokens,
    throttle,
    users,
)
from accounts.errors import Reason, Refusal
from challenges.openpgp import directory, protocol
from challenges.openpgp.protocol import Explained
from challenges.openpgp.records import FLOW
from challenges.openpgp.verifying import Certificate, KeyRefused, read_certificate

_TOKEN_WANTED = (
    "New accounts on this server need a registration token, and this application sent none that is valid. "
    "Ask the people who run the server for an account."
)


def register(fields: Mapping[str, Any], *, ip: str) -> None:
    """Makes the account. The unique indexes decide races for a name or a key.

    REGISTRATION_CLOSED, FIELD_MISSING, FIELD_TYPE, NAME_INVALID, NAME_RESERVED, NAME_TAKEN, CREDENTIAL_TAKEN,
    FIELD_INVALID (the key, with a sentence that says why), NOT_ADMITTED, FORBIDDEN (`registrationToken`), RATE_LIMITED,
    UNAVAILABLE.
    """
    if settings.REGISTRATION == "closed":
        raise Refusal(Reason.REGISTRATION_CLOSED)
    directory.count_look(ip)
    throttle.peek(_registrations(), throttle.address_key(ip))
    name = protocol.new_name(protocol.text(fields, "username"))
    armored = protocol.text(fields, "publicKey")
    certificate = certificate_of(armored)  # before the database is asked: meanwhile a connection would stand idle
    token = fields.get("registrationToken")
    if settings.REGISTRATION == "token" and not (isinstance(token, str) and registration_tokens.is_valid(token)):
        raise Explained(Reason.REGISTRATION_CLOSED, _TOKEN_WANTED)
    _check_name(name)
    if credentials.is_known_openpgp_key(certificate.fingerprint):
        raise Refusal(Reason.CREDENTIAL_TAKEN, field="publicKey")
    throttle.hit(_registrations(), throttle.address_key(ip))
    _ask_homeserver(name)
    try:
        _create(name, certificate, token=str(token), ip=ip)
    except Refusal as refusal:
        audit.record("registration", outcome=audit.REFUSED, reason=refusal.reason, flow=FLOW, subject=name, ip=ip)
        raise


def certificate_of(armored: str) -> Certificate:
    """The key in an upload, if it can open an account now; FIELD_INVALID with a sentence for its owner."""
    try:
        return read_certificate(armored, now=clock.now())
    except KeyRefused as refused:
        raise Explained(Reason.FIELD_INVALID, refused.words, field="publicKey") from None


def _check_name(name: str) -> None:
    names.check_new(name)
    if users.find(name) is not None:
        raise _taken()


def _ask_homeserver(name: str) -> None:
    """A name that somebody has at the homeserver behind this server is taken here too."""
    try:
        homeserver.check_name(name)
    except Refusal as refusal:
        raise _taken() if refusal.reason is Reason.NAME_TAKEN else refusal from None


def _create(name: str, certificate: Certificate, *, token: str, ip: str) -> None:
    """Addresses in the key's user ids are what its owner says: enough for the lists here, confirmed by nothing."""
    with transaction.atomic():
        policy.hold()
        subject = policy.Subject(
            username=name, fingerprint=certificate.fingerprint, ip=ip, emails=_addresses(certificate)
        )
        policy.admit(FLOW, subject)
        if settings.REGISTRATION == "token":
            _use(token)
        try:
            user = users.create(name, flow=FLOW, actor=name)
        except Refusal as refusal:
            raise _taken() if refusal.reason is Reason.NAME_TAKEN else refusal from None
        credentials.set_first_openpgp_key(user, certificate)
        audit.record("registration", flow=FLOW, subject=name, ip=ip, facts={"key": certificate.fingerprint})


def _use(token: str) -> None:
    try:
        registration_tokens.use(token)
    except Refusal:
        raise Explained(Reason.REGISTRATION_CLOSED, _TOKEN_WANTED) from None


def _addresses(certificate: Certificate) -> tuple[str, ...]:
    """Those that could be somebody's: lists compare them in their canonical form."""
    found = []
    for text in certificate.emails:
        try:
            found.append(patterns.email_address(text))
        except Refusal:
            continue
    return tuple(found)


def _taken() -> Explained:
    words = (
        "That name is taken. If the account is yours, sign in on its account page and add your key there: "
        f"{settings.PUBLIC_URL}/account/"
    )
    return Explained(Reason.NAME_TAKEN, words, field="username")


def _registrations() -> throttle.Limit:
    return throttle.Limit.of("openpgp-registration", settings.OPENPGP_REGISTRATION_RATE)

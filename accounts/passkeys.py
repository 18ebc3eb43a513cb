"""Passkeys (Web Authentication): django-allauth and fido2 speak the protocol, the ledger decides what happens once.

A passkey here is always one that proves its owner by itself: it is found by the browser without a name, and asks for
PIN, finger or face. So it opens the account alone, or stands for the second factor after a password.
"""

import json
from collections.abc import Callable
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.internal import auth
from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from fido2.utils import websafe_decode

from accounts import audit, clock, ledger, second_factors
from accounts.errors import Reason, Refusal
from accounts.models import Flow, User

FLOW = Flow.DEVICELOGIN
MOST = 20  # passkeys of an account
_BEGUN = "passkey_begun_at"
_SECONDS = 300.0  # a question waits for the person
_MOST_ANSWER = 20_000  # characters


def listed(user: User) -> list[Authenticator]:
    """The account's passkeys, the oldest first; `.wrap().name` is what its owner calls it."""
    return list(_of(user).order_by("pk"))


def begin_adding(request: HttpRequest, user: User) -> dict[str, Any]:
    """What the browser is asked to make: `PublicKeyCredentialCreationOptions` in JSON. FORBIDDEN with too many."""
    if _of(user).count() >= MOST:
        raise Refusal(Reason.FORBIDDEN, field="passkey")
    options: dict[str, Any] = auth.begin_registration(user, passwordless=True)
    request.session[_BEGUN] = clock.seconds()
    return options


def add(request: HttpRequest, user: User, *, name: str, answer: str) -> Authenticator:
    """Takes up the passkey that the browser made. CHALLENGE_INVALID for an answer that does not fit the question;
    CREDENTIAL_TAKEN for a passkey that is known."""
    credential, challenge = _parsed(answer), _challenge(request)
    try:
        binding = auth.complete_registration(credential)
    except (ValidationError, ValueError, TypeError, KeyError) as error:
        raise Refusal(Reason.CHALLENGE_INVALID, field="passkey", detail=type(error).__name__) from None
    made = binding.credential_data.credential_id if binding.credential_data else b""
    with transaction.atomic():
        _use_up(challenge)
        if any(row.wrap().authenticator_data.credential_data.credential_id == made for row in _of(user)):
            raise Refusal(Reason.CREDENTIAL_TAKEN, field="passkey")
        added = auth.WebAuthn.add(user, _name(name), credential).instance
        audit.record_or_fail("second-factor-added", actor=user, subject=user.username, facts={"kind": "passkey"})
    return added


def rename(user: User, passkey_id: int, name: str) -> None:
    """Sets what its owner calls it; NOT_FOUND."""
    with transaction.atomic():
        row = _of(user).select_for_update().filter(pk=passkey_id).first()
        if row is None:
            raise Refusal(Reason.NOT_FOUND, field="passkey")
        row.wrap().name = _name(name)
        row.save(update_fields=["data"])


def remove(user: User, passkey_id: int, *, actor: audit.Actor = None) -> None:
    """Takes it away. NOT_FOUND; the caller sees to it that something else still opens the account."""
    with transaction.atomic():
        if not _of(user).filter(pk=passkey_id).delete()[0]:
            raise Refusal(Reason.NOT_FOUND, field="passkey")
        second_factors.note_removed(user, "passkey", actor=actor)


def begin(request: HttpRequest, user: User | None = None) -> dict[str, Any]:
    """What the browser is asked to sign: `PublicKeyCredentialRequestOptions` in JSON, for any account or this one."""
    options: dict[str, Any] = auth.begin_authentication(user)
    request.session[_BEGUN] = clock.seconds()
    return options


def check(request: HttpRequest, answer: str, *, expected: User | None = None) -> tuple[User, Callable[[], None]]:
    """Whose passkey signed, and what uses the question up: to be called in the transaction that opens the sign-in.

    CREDENTIAL_WRONG: no such passkey, a wrong signature, a question that is not ours or too old; another account's
    than `expected`.
    """
    try:
        parsed, challenge = _parsed(answer), _challenge(request)
        user = expected or _owner(parsed)
        passkey = auth.complete_authentication(user, parsed)
    except (ObjectDoesNotExist, ValidationError, ValueError, TypeError, LookupError, AttributeError, Refusal) as error:
        raise Refusal(Reason.CREDENTIAL_WRONG, field="passkey", detail=type(error).__name__) from None

    def use() -> None:
        _use_up(challenge)
        Authenticator.objects.filter(pk=passkey.pk).update(last_used_at=clock.now())

    return user, use


def _of(user: User) -> QuerySet[Authenticator]:
    found: QuerySet[Authenticator] = Authenticator.objects.filter(user=user, type=Authenticator.Type.WEBAUTHN)
    return found


def _owner(parsed: dict[str, Any]) -> User:
    """Whose passkey the browser says it is: the user handle is the account's `sub`."""
    handle = websafe_decode(parsed["response"]["userHandle"]).decode("ascii")
    if not handle.isalnum():  # Postgres takes no NUL, not even to say that nobody has it
        raise Refusal(Reason.CREDENTIAL_WRONG, field="passkey")
    return User.objects.get(sub=handle)


def _parsed(answer: str) -> dict[str, Any]:
    try:
        parsed = json.loads(answer) if len(answer) <= _MOST_ANSWER else None
    except (ValueError, RecursionError):
        parsed = None
    if not isinstance(parsed, dict):
        raise Refusal(Reason.CHALLENGE_INVALID, field="passkey", detail="no answer of a browser")
    return parsed


def _challenge(request: HttpRequest) -> str:
    """The question that waits in the session; CHALLENGE_INVALID when none does, or it waited too long."""
    state, begun_at = auth.get_state(), request.session.get(_BEGUN, 0.0)
    if not state or not clock.seconds() - _SECONDS < begun_at:
        raise Refusal(Reason.CHALLENGE_INVALID, field="passkey", detail="no question was asked")
    return str(state["challenge"])


def _use_up(challenge: str) -> None:
    ledger.consume_stateless(f"passkey {challenge}", flow=FLOW, purpose="passkey", lifetime=2 * _SECONDS)


def _name(name: str) -> str:
    shown = "".join(char for char in name if char.isprintable()).strip()
    return shown[:80] or "Passkey"

"""Stages of user-interactive auth that a person completes in a browser (matrix.md §14)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings

from accounts import throttle
from accounts.errors import Reason, Refusal
from accounts.matrix import accounts_named, address_proofs, identifiers, interactive, stages
from accounts.matrix.interactive import StageFailed
from accounts.models import Challenge

Form = Mapping[str, str]

_COMPLAINTS: Mapping[tuple[Reason, str], str] = {
    (Reason.CREDENTIAL_WRONG, ""): "That is not the password.",
    (Reason.FIELD_INVALID, "email"): "That is not an e-mail address.",
    (Reason.CREDENTIAL_TAKEN, "email"): "That address belongs to an account already.",
    (Reason.NOT_FOUND, "email"): "No account has that address.",
    (Reason.NOT_ADMITTED, "email"): "That address is not accepted here.",
}


@dataclass(frozen=True, slots=True)
class Shown:
    """What the page of a stage shows next: that it is done, or its form with a complaint and these facts."""

    is_done: bool = False
    complaint: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


# What a proof is asked for, so that nobody confirms for a stranger what the stranger has begun.
_WISHES = {
    "POST account/deactivate": "to end your account for ever",
    "POST account/password": "to set a new password",
    "POST account/3pid": "to add an e-mail address to your account",
    "POST login/get_token": "to sign in another device",
    "POST delete_devices": "to sign out devices of yours",
    "DELETE devices": "to sign out a device of yours",
}


def begin(stage: str, session: str, *, languages: list[str]) -> Shown:
    """The page of a stage. PATH_UNKNOWN for a stage without a page or not offered, FIELD_MISSING, CHALLENGE_INVALID."""
    row = _session(stage, session)
    return _form(stage, row, languages=languages)


def submit(stage: str, session: str, form: Form, *, languages: list[str], ip: str) -> Shown:
    """Completes the stage with what the form brought, or says in words why not. Refuses as `begin`; RATE_LIMITED."""
    row = _session(stage, session)
    if stage in row.facts["completed"]:
        return Shown(is_done=True)
    try:
        fact = _PROOFS[stage](row, form, ip)
    except StageFailed as failed:
        return _form(stage, row, failed.error, languages=languages, more=failed.waiting)
    except Refusal as refusal:
        complaint = _COMPLAINTS.get((refusal.reason, refusal.field))
        if complaint is None:
            raise
        return _form(stage, row, complaint, languages=languages)
    interactive.complete_in_browser(session, stage, fact)
    return Shown(is_done=True)


def wish_of(row: Challenge) -> str:
    """What a session of interactive auth would do, in English words."""
    return next((words for name, words in _WISHES.items() if row.binding.startswith(name)), "something")


def _session(stage: str, session: str) -> Challenge:
    if stage not in _PROOFS:
        raise Refusal(Reason.PATH_UNKNOWN)
    if not session:
        raise Refusal(Reason.FIELD_MISSING, field="session")
    row = interactive.challenge_of(session)
    if not any(stage in flow for flow in row.facts["flows"]):
        raise Refusal(Reason.PATH_UNKNOWN)
    return row


def _form(
    stage: str, row: Challenge, complaint: str = "", *, languages: list[str], more: Mapping[str, Any] | None = None
) -> Shown:
    """The form. After a mail went out `more` holds what the next visit needs: nothing of it is kept here."""
    if stage in row.facts["completed"]:
        return Shown(is_done=True)
    facts: dict[str, Any] = dict(more or {})
    if stage == stages.TERMS:
        facts["documents"] = _documents(languages)
    if row.user is not None:
        facts["user_id"] = accounts_named.user_id(row.user.username)
        facts["wish"] = wish_of(row)
    if stage == stages.SSO:
        facts["confirm_url"] = f"{settings.PUBLIC_URL}/account/sso/stage/"
    return Shown(complaint=complaint, facts=facts)


def _documents(languages: list[str]) -> list[dict[str, str]]:
    """Name and address of each document, in the reader's language if there is one, else English, else any."""
    shown = []
    for policy in settings.TERMS.values():
        known = {key.lower(): document for key, document in policy.items() if key != "version"}
        wanted = next((language for language in [*languages, "en"] if language in known), next(iter(known)))
        shown.append(known[wanted])
    return shown


def _accept(row: Challenge, form: Form, ip: str) -> dict[str, str]:
    return stages.accepted_documents()


def _registration_token(row: Challenge, form: Form, ip: str) -> str:
    throttle.hit(throttle.Limit.of("matrix-validity", settings.MATRIX_VALIDITY_RATE), throttle.address_key(ip))
    return stages.hold_registration_token(form.get("token", "").strip(), row)


def _password(row: Challenge, form: Form, ip: str) -> bool:
    assert row.user is not None
    stages.check_password(row.user, form.get("password", ""), ip=ip)
    return True


def _confirmed(row: Challenge, form: Form, ip: str) -> bool:
    """The account's page notes the stage itself; whoever presses the button before that is told so."""
    raise StageFailed("M_UNAUTHORIZED", "Not confirmed yet: open the account page first.")


def _email(row: Challenge, form: Form, ip: str) -> dict[str, str]:
    """First an address, to which a link goes; then the credentials, once the link was opened."""
    purpose = address_proofs.RESET if stages.proves_for_reset(row.binding) else address_proofs.REGISTER
    sid, secret = form.get("sid", ""), form.get("client_secret", "")
    address, complaint = form.get("address", "").strip(), "The link in the mail is not opened yet."
    if not sid:
        secret, complaint = identifiers.new_opaque(), ""
        sid = address_proofs.request(
            address=address, client_secret=secret, send_attempt=1, purpose=purpose, next_link="", ip=ip
        )
    proved = address_proofs.proved(sid=sid, client_secret=secret, purpose=purpose)
    if proved is None:
        waiting = {"sid": sid, "client_secret": secret, "address": address}
        raise StageFailed("M_UNAUTHORIZED", complaint, waiting=waiting)
    return {"address": proved, "sid": sid}


_PROOFS: Mapping[str, Callable[[Challenge, Form, str], Any]] = {
    stages.TERMS: _accept,
    stages.REGISTRATION_TOKEN: _registration_token,
    stages.PASSWORD: _password,
    stages.EMAIL: _email,
    stages.SSO: _confirmed,
}

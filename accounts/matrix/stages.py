"""The stages of user-interactive auth: what proves each of them (matrix.md §5)."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings

from accounts import guesses, registration_tokens, throttle
from accounts.errors import Reason, Refusal
from accounts.matrix import accounts_named, address_proofs, login_tokens, messages, sessions
from accounts.matrix.interactive import Call, StageFailed
from accounts.models import Challenge, User

DUMMY, TERMS = "m.login.dummy", "m.login.terms"
PASSWORD, TOKEN = "m.login.password", "m.login.token"
SSO = "m.login.sso"
EMAIL, REGISTRATION_TOKEN = "m.login.email.identity", "m.login.registration_token"


def flows_of(user: User) -> tuple[tuple[str, ...], ...]:
    """How the account's owner proves to be there: by the password; without one on the account's pages, which ask for
    what the account has, or by a login token."""
    if user.has_usable_password():
        return ((PASSWORD,),)
    return ((SSO,), (TOKEN,)) if settings.MATRIX_SSO else ((TOKEN,),)


def check(stage: str, auth: Mapping[str, Any] | None, call: Call, session: Challenge | None) -> Any:
    """What was learned by the stage; StageFailed where the client may try again.

    Without `auth` only what waits in the session is looked at: a link in a mail.
    """
    if stage == EMAIL:
        return _email(auth, call, session)
    assert auth is not None
    match stage:
        case "m.login.password":
            return _password(auth, call)
        case "m.login.token":
            return _login_token(auth, call)
        case "m.login.registration_token":
            return _registration_token(auth, session)
        case "m.login.sso":
            raise StageFailed("M_UNAUTHORIZED", "Not confirmed in the browser yet")
        case "m.login.terms":
            return accepted_documents()
    return True  # m.login.dummy


def accepted_documents() -> dict[str, str]:
    """Document → version, as they are shown now."""
    return {document: policy["version"] for document, policy in settings.TERMS.items()}


def hold_registration_token(token: str, session: Challenge) -> str:
    """Holds a use of a registration token for the session; StageFailed when none is left."""
    if not registration_tokens.hold(token, session):
        raise StageFailed("M_UNAUTHORIZED", "The registration token is not good")
    return token


def check_password(user: User, given: str, *, ip: str, device_id: str = "") -> None:
    """Refuses like a login with a wrong password: CREDENTIAL_WRONG, RATE_LIMITED, ACCOUNT_LOCKED …

    The device that asks with a live token is not hindered by strangers' wrong passwords.
    """
    guesses.password(
        user,
        given,
        claimed=user.username,
        flow=sessions.FLOW,
        ip=ip,
        address_limit=throttle.Limit.of("matrix-login", settings.MATRIX_LOGIN_RATE),
        device_id=device_id,
    )


def proves_for_reset(binding: str) -> bool:
    """Whether the e-mail stage of a call, or of a session bound to it, is that of a password reset."""
    return binding.startswith("POST account/password")


def _password(auth: Mapping[str, Any], call: Call) -> bool:
    assert call.user is not None
    claim = messages.claim(auth)
    given = messages.required_text(auth, "password")
    if not _is_owner(claim, call.user):
        raise Refusal(Reason.FORBIDDEN, field="auth.identifier")
    try:
        check_password(call.user, given, ip=call.ip, device_id=call.device_id)
    except Refusal as refusal:
        if refusal.reason is Reason.CREDENTIAL_WRONG:
            raise StageFailed("M_FORBIDDEN", "Invalid password") from None
        raise
    return True


def _is_owner(claim: messages.Claim, user: User) -> bool:
    found = accounts_named.account_of(claim)
    return found is not None and found.pk == user.pk


def _login_token(auth: Mapping[str, Any], call: Call) -> str:
    assert call.user is not None
    token = messages.required_text(auth, "token")
    try:
        login_tokens.use_as_proof(token, user=call.user)
    except Refusal:
        raise StageFailed("M_FORBIDDEN", "Invalid login token") from None
    return messages.text(auth, "txn_id") or ""


def _email(auth: Mapping[str, Any] | None, call: Call, session: Challenge | None) -> dict[str, str]:
    """The address that was proved. Until its link is opened the sid waits in the session."""
    purpose = address_proofs.RESET if proves_for_reset(call.binding) else address_proofs.REGISTER
    if auth is None:
        assert session is not None
        sid = session.facts["waiting"]["sid"]
        return _proved(sid, address_proofs.confirmed(sid=sid, purpose=purpose), is_open=True)
    credentials = auth.get("threepid_creds") or auth.get("threepidCreds")
    if not isinstance(credentials, dict):
        raise StageFailed("M_MISSING_PARAM", "Missing: threepid_creds")
    sid = messages.required_text(credentials, "sid")
    secret = messages.required_text(credentials, "client_secret")
    address = address_proofs.proved(sid=sid, client_secret=secret, purpose=purpose)
    is_open = address_proofs.is_open(sid=sid, client_secret=secret, purpose=purpose)
    return _proved(sid, address, is_open=is_open)


def _proved(sid: str, address: str | None, *, is_open: bool) -> dict[str, str]:
    if address is None:
        waiting = {"type": EMAIL, "sid": sid} if is_open else None
        raise StageFailed("M_UNAUTHORIZED", "The address is not confirmed yet", waiting=waiting)
    return {"address": address, "sid": sid}


def _registration_token(auth: Mapping[str, Any], session: Challenge | None) -> str:
    assert session is not None
    token = auth.get("token")
    if not isinstance(token, str):
        raise StageFailed("M_MISSING_PARAM", "Missing: token")
    return hold_registration_token(token, session)

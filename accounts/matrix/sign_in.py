"""Logging in (matrix.md §6)."""

from typing import Any

from django.conf import settings
from django.db import transaction

from accounts import audit, guesses, homeserver, minting, throttle, users
from accounts.errors import Reason, Refusal
from accounts.matrix import accounts_named, interactive, login_tokens, messages, sessions, stages
from accounts.matrix.messages import Claim, Fields, Wish
from accounts.models import User
from accounts.tokens import Bearer


def log_in(fields: Fields, *, ip: str, user_agent: str) -> sessions.Opened:
    """A session for a password or a login token.

    CREDENTIAL_WRONG with one text for everything that does not open an account; ACCOUNT_LOCKED and
    ACCOUNT_DEACTIVATED only after the right password; CHALLENGE_INVALID for a login token.
    """
    if messages.login_type(fields) == messages.TOKEN:
        secret = messages.required_text(fields, "token")
        return _with_token(secret, messages.wish(fields), ip=ip, user_agent=user_agent)
    password = messages.required_text(fields, "password")
    claim, wish = messages.claim(fields), messages.wish(fields)
    user = _with_password(claim, password, device_id=wish.device_id, ip=ip)
    wish = sessions.with_device_id(wish)
    with homeserver.preparing(user, wish.device_id, wish.display_name):
        return sessions.open_session(user, wish, ip=ip, user_agent=user_agent, amr="pwd")


def login_token(bearer: Bearer, fields: dict[str, Any], *, ip: str) -> str:
    """A login token for another device of the same person; always asks for a proof."""
    if sessions.is_oauth(bearer):  # it signs others in by a device code; as Synapse answers (matrix-oauth.md §7)
        raise Refusal(Reason.PATH_UNKNOWN)
    auth = interactive.parse_auth(fields)
    user = users.by_id(bearer.user_id)
    if not (user.has_usable_password() or settings.MATRIX_SSO):
        raise Refusal(Reason.FIELD_INVALID, field="auth: the account has no password")
    call = interactive.Call(
        name="POST login/get_token",
        user=user,
        flows=stages.flows_of(user),
        fields=fields,
        ip=ip,
        replayable=False,
        device_id=bearer.device_id or "",
    )
    proved = interactive.prove(call, auth, stages.check)
    login_tokens.limit(user.pk)
    made: list[str] = []

    def issue() -> dict[str, Any]:
        made.append(login_tokens.issue(user, issuer=bearer, ip=ip))
        audit.record("login-token", flow=sessions.FLOW, subject=user.username, ip=ip)
        return {}

    interactive.perform(proved, issue)
    return made[0]


def _with_password(claim: Claim, password: str, *, device_id: str, ip: str) -> User:
    return guesses.password(
        accounts_named.account_of(claim),
        password,
        claimed=accounts_named.bucket_of(claim),
        flow=sessions.FLOW,
        ip=ip,
        address_limit=_failures(),
        device_id=device_id,
    )


def _with_token(secret: str, wish: Wish, *, ip: str, user_agent: str) -> sessions.Opened:
    throttle.peek(_failures(), throttle.address_key(ip))
    wish = sessions.with_device_id(wish)
    try:
        owner = login_tokens.owner(secret)
        with homeserver.preparing(owner, wish.device_id, wish.display_name), transaction.atomic():
            user = login_tokens.consume(secret)
            if user.locked_at:
                raise Refusal(Reason.ACCOUNT_LOCKED)
            return sessions.open_session(user, wish, ip=ip, user_agent=user_agent, amr="mlt")
    except Refusal as refusal:
        if refusal.reason in {Reason.CHALLENGE_INVALID, Reason.NOT_ADMITTED}:
            claimed = minting.localpart_of(secret) if minting.is_genuine(secret, minting.LOGIN) else ""
            _note_failure(claimed, refusal.reason, ip=ip)
        raise


def _note_failure(claimed: str, reason: Reason, *, ip: str) -> None:
    """A wrong login token uses up the allowance of the address."""
    try:
        throttle.hit(_failures(), throttle.address_key(ip))
    except Refusal:
        return
    audit.record("login", outcome=audit.REFUSED, reason=reason, flow=sessions.FLOW, subject=claimed, ip=ip)


def _failures() -> throttle.Limit:
    return throttle.Limit.of("matrix-login", settings.MATRIX_LOGIN_RATE)

"""Who bears a token, whichever door issued it (one-origin.md §4)."""

from accounts import emails, policy, subjects, tokens
from accounts.api.protocol import Me
from accounts.errors import Reason, Refusal

_GUEST = "guest"  # the scope of tokens of Matrix guests, whom nothing identifies


def me(secret: str, *, ip: str) -> Me:
    """The account behind a live access token of any door.

    TOKEN_UNKNOWN, ACCOUNT_LOCKED, NOT_ADMITTED (the lists of the token's own flow), FORBIDDEN for a guest.
    """
    bearer = tokens.check_any(secret, ip=ip)
    if bearer is None:
        raise Refusal(Reason.TOKEN_UNKNOWN)
    if bearer.locked:
        raise Refusal(Reason.ACCOUNT_LOCKED)
    policy.admit(bearer.flow, subjects.of_bearer(bearer, ip=ip))
    if bearer.scope == _GUEST:
        raise Refusal(Reason.FORBIDDEN, field="guest")
    return Me(
        user_id=bearer.user_id,
        username=bearer.username,
        display_name=bearer.display_name,
        emails=tuple(emails.confirmed(bearer.user_id)),
        flow=bearer.flow,
        amr=tuple(bearer.amr.split()),
        expires_at=bearer.expires_at,
    )

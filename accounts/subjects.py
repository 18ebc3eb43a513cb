"""Accounts, keys and bearers as the lists see them (one-origin.md §4, R49)."""

from allauth.account.models import EmailAddress

from accounts import names, policy, tokens, users
from accounts.models import User


def of_account(user: User, *, ip: str = "", pubkey: str = "", fingerprint: str = "") -> policy.Subject:
    """The account as the lists see it, opened with this credential from this address."""
    return policy.Subject(
        username=user.folded_username,
        pubkey=pubkey,
        fingerprint=fingerprint,
        ip=ip,
        emails=confirmed_emails(user.pk),
    )


def of_key(public_key: str, *, ip: str) -> policy.Subject:
    """A Session key as the lists see it: with its account's name and addresses when a rule looks at those."""
    if not policy.asks_for("username", "email", "domain"):
        return policy.Subject(pubkey=public_key, ip=ip)
    user = users.of_x25519_key(public_key)
    if user is None:
        return policy.Subject(username=public_key, pubkey=public_key, ip=ip)
    return of_account(user, ip=ip, pubkey=public_key)


def of_bearer(bearer: tokens.Bearer, *, ip: str) -> policy.Subject:
    """A token's bearer as the lists see it."""
    is_key = names.is_key_name(bearer.credential)
    return policy.Subject(
        username=names.fold(bearer.username),
        pubkey=bearer.credential if is_key else "",
        fingerprint="" if is_key else bearer.credential,
        ip=ip,
        emails=confirmed_emails(bearer.user_id),
    )


def confirmed_emails(user_id: int) -> tuple[str, ...]:
    """The confirmed addresses, asked for only when a rule looks at addresses."""
    if not policy.asks_for("email", "domain"):
        return ()
    return tuple(EmailAddress.objects.filter(user_id=user_id, verified=True).values_list("email", flat=True))

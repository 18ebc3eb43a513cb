"""Changing one's own password (R29)."""

from django.conf import settings
from django.db import transaction

from accounts import browser, ledger, passwords, users
from accounts.errors import Reason, Refusal
from accounts.models import Challenge, Token
from accounts.pages import notices, sign_in


def may_set_first(who: browser.Browser) -> bool:
    """Whether somebody without a password proved recently enough who they are to set one."""
    return who.is_fresh(settings.RECENT_SIGN_IN)


def change(who: browser.Browser, *, old: str, new: str) -> None:
    """Sets the new one: every other session of every door ends, and mailed links die.

    CREDENTIAL_WRONG, RATE_LIMITED (the old one); PASSWORD_WEAK, also for the old one again; CHALLENGE_INVALID when the
    password was changed meanwhile.
    """
    user = who.user
    if user.has_usable_password():
        sign_in.own_password(user, old, ip=who.ip)
        if passwords.prepare(old) == passwords.prepare(new):
            raise Refusal(Reason.PASSWORD_WEAK, field="password", detail="this is the old password")
    encoded = passwords.hashed(new, username=user.folded_username)
    with transaction.atomic():
        if users.held(user.pk).password != user.password:
            raise Refusal(Reason.CHALLENGE_INVALID, detail="changed meanwhile")
        users.set_encoded_password(user, encoded, keep=Token.objects.filter(pk=who.token_id), actor=user)
        ledger.expire(Challenge.objects.filter(user=user, purpose__startswith="page:"))
        notices.tell(user, notices.PASSWORD)

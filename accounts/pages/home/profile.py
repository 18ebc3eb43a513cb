"""What others see of an account, and its name."""

from django.db import transaction

from accounts import audit, browser, homeserver, names, users
from accounts.errors import Reason, Refusal
from accounts.models import User


def may_rename(user: User) -> bool:
    """Whether the account was made by a key and still has its name from it (one-origin.md §3)."""
    return names.is_key_name(user.username) and user.renamed_at is None


def set_display_name(who: browser.Browser, display_name: str) -> None:
    """FIELD_INVALID, ACCOUNT_SUSPENDED."""
    if who.user.suspended_at:
        raise Refusal(Reason.ACCOUNT_SUSPENDED)
    with transaction.atomic():
        users.set_display_name(who.user_id, display_name)
        _note("display-name-set", who)


def rename(who: browser.Browser, name: str) -> None:
    """Gives the account its one own name. NAME_INVALID, NAME_RESERVED, NAME_TAKEN; FORBIDDEN when it had one;
    ACCOUNT_SUSPENDED; UNAVAILABLE when the homeserver, which has to have the name free too, does not answer."""
    if who.user.suspended_at:
        raise Refusal(Reason.ACCOUNT_SUSPENDED)
    if not may_rename(who.user):
        raise Refusal(Reason.FORBIDDEN, field="username")
    folded = names.fold(name)
    names.check_new(folded)
    homeserver.check_name(folded)
    with transaction.atomic():
        users.rename(who.user, folded)
        facts = {"before": who.username}
        audit.record_or_fail("user-renamed", actor=folded, subject=folded, ip=who.ip, flow=browser.FLOW, facts=facts)


def _note(event: str, who: browser.Browser) -> None:
    audit.record_or_fail(event, actor=who.user, subject=who.username, ip=who.ip, flow=browser.FLOW)

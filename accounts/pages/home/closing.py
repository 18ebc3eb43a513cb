"""Closing one's account for good (matrix.md §11)."""

from django.db import transaction

from accounts import browser, emails, mail, names, users
from accounts.errors import Reason, Refusal
from accounts.models import User
from accounts.pages import notices

_LENGTH_OF_KEY = 8  # characters of a name that is a key: nobody types 66


def confirmation(user: User) -> str:
    """What has to be typed."""
    return user.username[:_LENGTH_OF_KEY] if names.is_key_name(user.username) else user.username


def close(who: browser.Browser, *, typed: str, erase: bool) -> None:
    """Ends the account; nothing gives it back.

    FIELD_INVALID with field typed; FORBIDDEN for the only administrator. `erase` asks a homeserver to hide what the
    person wrote as well.
    """
    if names.fold(typed.strip()) != names.fold(confirmation(who.user)):
        raise Refusal(Reason.FIELD_INVALID, field="typed")
    if is_only_administrator(who.user):
        raise Refusal(Reason.FORBIDDEN, field="administrator")
    told = emails.confirmed(who.user_id)[:1]
    with transaction.atomic():
        users.deactivate(who.user, erase=erase, actor=who.user)
        for address in told:
            mail.send("page-notice", to=address, facts={"username": who.username, "what": notices.CLOSED})


def is_only_administrator(user: User) -> bool:
    """Whether nobody would be left who can look after the site."""
    others = User.objects.filter(is_staff=True, deactivated_at=None, locked_at=None).exclude(pk=user.pk)
    return user.is_staff and not others.exists()

"""A new password by a mailed link (R13, R15, R29)."""

import secrets
from urllib.parse import urlencode

from django.conf import settings
from django.db import transaction
from django.urls import reverse

from accounts import browser, ledger, mail, passwords, users
from accounts.models import Challenge, User
from accounts.pages import mailed_codes, notices

_PURPOSE = "page:reset"


def begin(address: str, *, ip: str) -> None:
    """Mails a link to whoever owns the address; the same is done, and undone, for nobody's (R13).

    FIELD_INVALID, RATE_LIMITED, and as `mailed_codes.usable_owner`.
    """
    canonical = mailed_codes.count_mail(address, ip=ip)
    owner = mailed_codes.usable_owner(canonical, ip=ip)
    secret = secrets.token_urlsafe(32)
    link = f"{settings.PUBLIC_URL}{reverse('pages:reset-new')}?{urlencode({'token': secret})}"
    facts = {"link": link, "username": owner.username if owner else "", "minutes": settings.PAGE_LINK_LIFETIME // 60}
    with transaction.atomic():
        ledger.open(
            secret, flow=browser.FLOW, purpose=_PURPOSE, lifetime=settings.PAGE_LINK_LIFETIME, user=owner, ip=ip
        )
        mail.send("page-reset", to=canonical, facts=facts, lifetime=settings.PAGE_LINK_LIFETIME)
        if owner is None:
            transaction.set_rollback(True)


def owner(secret: str) -> User:
    """Whose password the link sets; CHALLENGE_INVALID for one that is unknown, expired or used."""
    row = ledger.find(secret, flow=browser.FLOW, purpose=_PURPOSE)
    assert row.user is not None
    return row.user


def finish(secret: str, password: str) -> User:
    """Sets the password, once: every session of every door ends, every other link too. PASSWORD_WEAK leaves the link
    as it is; CHALLENGE_INVALID."""
    row = ledger.find(secret, flow=browser.FLOW, purpose=_PURPOSE)
    assert row.user is not None
    encoded = passwords.hashed(password, username=row.user.folded_username)
    with transaction.atomic():
        users.held(row.user.pk)
        ledger.consume(row)
        users.set_encoded_password(row.user, encoded, actor=row.user)
        ledger.expire(Challenge.objects.filter(user=row.user, purpose=_PURPOSE))
        notices.tell(row.user, notices.PASSWORD)
    return row.user

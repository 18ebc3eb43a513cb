"""Signing in, signing up and connecting with an account of another site (OpenID Connect)."""

from dataclasses import asdict, dataclass
from typing import Any

from allauth.socialaccount.models import SocialAccount, SocialLogin
from django.conf import settings
from django.db import IntegrityError, transaction
from django.http import HttpRequest

from accounts import audit, browser, clock, credentials, emails, names, patterns, upstream_providers, users
from accounts.errors import Reason, Refusal
from accounts.models import User
from accounts.pages import notices, sign_up

_WAITING = "upstream_identity"
_LONGEST_UID = 191  # characters, as the column
_SECONDS = 1800.0  # to choose a name


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the other site says it is. `email` is there only when that site is trusted with addresses and vouches."""

    provider: str
    uid: str
    shown: str
    name: str = ""
    email: str = ""


def providers() -> list[Any]:
    """The sites that are offered."""
    return upstream_providers.listed()


def identity_of(login: SocialLogin) -> Identity:
    """What is taken over. CHALLENGE_INVALID when id_token and userinfo name different people (OIDC Core §5.3.2)."""
    told = login.account.extra_data
    token, info = told.get("id_token") or {}, told.get("userinfo") or {}
    if token and info and token.get("sub") != info.get("sub"):
        raise Refusal(Reason.CHALLENGE_INVALID, detail="userinfo of somebody else")
    if not str(login.account.uid).isprintable() or len(str(login.account.uid)) > _LONGEST_UID:
        raise Refusal(Reason.CHALLENGE_INVALID, detail="no identifier that can be kept")
    merged = {**token, **info}
    app = next((row for row in providers() if row.provider_id == login.account.provider), None)
    trusted = app is not None and upstream_providers.trusts_addresses(app.settings)
    email = str(merged.get("email") or "") if trusted and merged.get("email_verified") is True else ""
    shown = next((str(merged[key]) for key in ("email", "preferred_username", "name") if merged.get(key)), "")
    return Identity(
        provider=login.account.provider,
        uid=str(login.account.uid),
        shown=shown[:80],
        name=_suggested(str(merged.get("preferred_username") or "")),
        email=_canonical(email),
    )


def account_of(identity: Identity) -> User | None:
    """The account it is connected with."""
    row = SocialAccount.objects.filter(provider=identity.provider, uid=identity.uid).select_related("user").first()
    return row.user if row else None


def connect(who: browser.Browser, identity: Identity) -> None:
    """Lets the other site's account sign in to this one. CREDENTIAL_TAKEN when it opens another one here."""
    owner = account_of(identity)
    if owner is not None and owner.pk == who.user_id:
        return
    if owner is not None:
        raise Refusal(Reason.CREDENTIAL_TAKEN, field="upstream")
    with transaction.atomic():
        _attach(who.user, identity)
        notices.tell(who.user, notices.CONNECTED)


def connected(user: User) -> list[dict[str, Any]]:
    """What the account is connected with, in words."""
    names_of = {row.provider_id: row.name for row in providers()}
    rows = SocialAccount.objects.filter(user=user).order_by("pk")
    return [
        {
            "id": row.pk,
            "provider_id": row.provider,
            "name": names_of.get(row.provider, row.provider),
            "shown": row.extra_data.get("shown", ""),
        }
        for row in rows
    ]


def disconnect(who: browser.Browser, connection_id: int) -> None:
    """LAST_CREDENTIAL when nothing else opens the account; NOT_FOUND."""
    with transaction.atomic():
        users.held(who.user_id)  # of two removals at once one sees what the other left
        row = SocialAccount.objects.filter(user=who.user, pk=connection_id).first()
        if row is None:
            raise Refusal(Reason.NOT_FOUND)
        row.delete()
        if credentials.count(who.user) == 0:
            raise Refusal(Reason.LAST_CREDENTIAL)
        audit.record_or_fail("upstream-disconnected", actor=who.user, subject=row.provider)
        notices.tell(who.user, notices.FACTOR_REMOVED)


def keep_waiting(request: HttpRequest, identity: Identity) -> None:
    """Remembers who came while they choose a name."""
    request.session[_WAITING] = {**asdict(identity), "at": clock.seconds()}


def waiting(request: HttpRequest) -> Identity:
    """Who is choosing a name here; CHALLENGE_INVALID for nobody."""
    held = dict(request.session.get(_WAITING) or {})
    if not held or held.pop("at") < clock.seconds() - _SECONDS:
        raise Refusal(Reason.CHALLENGE_INVALID)
    return Identity(**held)


def forget(request: HttpRequest) -> None:
    """The name is chosen."""
    request.session.pop(_WAITING, None)


def make_account(identity: Identity, wish: sign_up.Wish, *, ip: str) -> User:
    """A new account that the other site opens. Refuses as `sign_up.begin`; FORBIDDEN with field address where every
    account has to prove an address and the other site vouches for none; CREDENTIAL_TAKEN with field upstream."""
    if settings.REGISTRATION_EMAIL == "required" and not identity.email:
        raise Refusal(Reason.FORBIDDEN, field="address")
    sign_up.check(wish, ip=ip)
    if account_of(identity) is not None:
        raise Refusal(Reason.CREDENTIAL_TAKEN, field="upstream")
    email = identity.email if identity.email and emails.owner(identity.email) is None else ""
    full = sign_up.Wish(wish.name, email=email, token=wish.token)
    return sign_up.create(full, encoded="", ip=ip, also=lambda user: _attach(user, identity))


def _attach(user: User, identity: Identity) -> None:
    row = SocialAccount(user=user, provider=identity.provider, uid=identity.uid, extra_data={"shown": identity.shown})
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError:
        raise Refusal(Reason.CREDENTIAL_TAKEN, field="upstream") from None
    audit.record_or_fail("upstream-connected", actor=user, subject=user.username, facts={"provider": identity.provider})


def _suggested(name: str) -> str:
    """A name like the one over there, if it could be one here."""
    folded = names.fold(name.partition("@")[0])
    try:
        names.check_new(folded)
    except Refusal:
        return ""
    return folded


def _canonical(address: str) -> str:
    try:
        return patterns.email_address(address) if address else ""
    except Refusal:
        return ""

"""New accounts at the sign-up page: the same rules as at the Matrix door (matrix.md §7, one-origin.md §2)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import transaction

from accounts import (
    browser,
    emails,
    homeserver,
    ledger,
    mail,
    names,
    passwords,
    policy,
    registration_tokens,
    throttle,
    users,
)
from accounts.errors import Reason, Refusal
from accounts.models import AcceptedDocument, Challenge, User
from accounts.pages import mailed_codes

_CALLS = throttle.Limit("sign-up-call", 60, 60)  # each tells whether a name is taken


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person wants to be called and signed in with; what is not asked for is empty."""

    name: str
    password: str = ""
    email: str = ""
    token: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """Terms as they are shown: name, address, and the version that is accepted."""

    key: str
    version: str
    name: str
    url: str


def is_open() -> bool:
    """Whether anybody may make an account here."""
    return bool(settings.REGISTRATION != "closed")


def documents(language: str) -> list[Document]:
    """The terms in the reader's language if there is one, else English, else any."""
    found = []
    for key, terms in settings.TERMS.items():
        spoken = {code.lower(): text for code, text in terms.items() if code != "version"}
        wanted = next((code for code in (language, "en") if code in spoken), next(iter(spoken)))
        found.append(Document(key, terms["version"], spoken[wanted]["name"], spoken[wanted]["url"]))
    return found


def begin(wish: Wish, *, ip: str) -> tuple[User | None, str]:
    """The new account; or, where an address has to be proved first, None and the handle of the mailed code.

    REGISTRATION_CLOSED, RATE_LIMITED, NAME_INVALID, NAME_RESERVED, NAME_TAKEN, PASSWORD_WEAK, FIELD_INVALID,
    NOT_ADMITTED, FORBIDDEN with field registrationToken. A known address is not told: its owner gets a mail (R13).
    """
    check(wish, ip=ip)
    complaint = passwords.weakness(passwords.prepare(wish.password), username=names.fold(wish.name))
    if complaint:
        raise Refusal(Reason.PASSWORD_WEAK, field="password", detail=complaint)
    email = _admitted_address(wish.email, ip=ip) if wish.email else ""
    encoded = passwords.encode(wish.password)
    if not email:
        return create(wish, encoded=encoded, ip=ip), ""
    return None, _mailed(wish, email, encoded, ip=ip)


def finish(row: Challenge, *, ip: str) -> User:
    """The account of a sign-up whose code was answered; once. Refuses as `begin`, and CHALLENGE_INVALID."""
    wish = Wish(name=row.facts["name"], email=row.facts["address"])
    return create(wish, encoded=row.facts["password"], ip=ip, held=row)


def check(wish: Wish, *, ip: str) -> None:
    """What can be said before anything is written. A whitelist decides only when the account is made."""
    if not is_open():
        raise Refusal(Reason.REGISTRATION_CLOSED)
    throttle.peek(_limit(), throttle.address_key(ip))
    throttle.hit(_CALLS, throttle.address_key(ip))
    name = names.fold(wish.name)
    names.check_new(name)
    if users.find(name) is not None:
        raise Refusal(Reason.NAME_TAKEN, field="username")
    _refuse_denied(policy.Subject(username=name, ip=ip), field="")
    if settings.REGISTRATION == "token" and not registration_tokens.is_valid(wish.token):
        raise Refusal(Reason.FORBIDDEN, field="registrationToken")
    homeserver.check_name(name)


def create(
    wish: Wish, *, encoded: str, ip: str, held: Challenge | None = None, also: Callable[[User], None] | None = None
) -> User:
    """Makes the account with what it accepts; `held` is the challenge that proved its address and holds its token,
    `also` what else is done in its transaction."""
    throttle.hit(_limit(), throttle.address_key(ip))
    name = names.fold(wish.name)
    with transaction.atomic():
        policy.hold()
        policy.admit(browser.FLOW, policy.Subject(username=name, ip=ip, emails=(wish.email,) if wish.email else ()))
        if held is not None:
            ledger.consume(held, answered=True)
        user = users.create(name, encoded=encoded, email=wish.email, display_name=name, flow=browser.FLOW, actor=name)
        _keep_acceptance(user)
        if held is not None:
            registration_tokens.complete(held)
        elif settings.REGISTRATION == "token":
            registration_tokens.use(wish.token)
        if also is not None:
            also(user)
    return user


def _mailed(wish: Wish, email: str, encoded: str, *, ip: str) -> str:
    owner = emails.owner(email)
    facts: dict[str, Any] = {"name": names.fold(wish.name), "password": encoded}
    with transaction.atomic():
        handle, row = mailed_codes.send(
            mailed_codes.SIGN_UP,
            email,
            template="page-sign-up-code",
            lifetime=settings.PAGE_LINK_LIFETIME,
            user=None,
            goes=owner is None,
            ip=ip,
            facts=facts,
        )
        if owner is not None:
            mail.send("address-in-use", to=email, facts={"username": owner.username})
        if settings.REGISTRATION == "token" and not registration_tokens.hold(wish.token, row):
            raise Refusal(Reason.FORBIDDEN, field="registrationToken")
    return handle


def _admitted_address(address: str, *, ip: str) -> str:
    canonical = mailed_codes.count_mail(address, ip=ip)
    if not settings.HIDE_ADDRESSES and emails.owner(canonical) is not None:
        raise Refusal(Reason.CREDENTIAL_TAKEN, field="email")
    _refuse_denied(policy.Subject(ip=ip, emails=(canonical,)), field="email")
    return canonical


def _refuse_denied(subject: policy.Subject, *, field: str) -> None:
    decision = policy.decide(browser.FLOW, subject)
    if decision.rule is not None and not decision.admitted:
        raise Refusal(Reason.NOT_ADMITTED, field=field, detail=decision.cause)


def _keep_acceptance(user: User) -> None:
    accepted: Sequence[AcceptedDocument] = [
        AcceptedDocument(user=user, document=key, version=terms["version"]) for key, terms in settings.TERMS.items()
    ]
    AcceptedDocument.objects.bulk_create(accepted)


def _limit() -> throttle.Limit:
    return throttle.Limit.of("sign-up", settings.SIGN_UP_RATE)

"""Proofs of an e-mail address by a link in a mail (matrix.md §12).

A proof is a challenge of the ledger. Its `sid` is made from purpose, address, client secret and account: asking again
finds the same proof, and nobody learns whether an address is known. What the link carries is made from the sid and a
number kept in the row: a second mail holds the same link, and the database alone opens nothing.
"""

import base64
import contextlib
import hmac
import secrets
import string
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from accounts import clock, emails, ledger, mail, patterns, policy, throttle
from accounts.errors import Reason, Refusal
from accounts.matrix import identifiers
from accounts.models import Challenge, Flow, User
from accounts.tokens import digest

REGISTER, RESET, ADD = "email:register", "email:reset-password", "email:add"
PATHS = {
    REGISTER: "/_matrix/client/unstable/registration/email/submit_token",
    ADD: "/_matrix/client/unstable/add_threepid/email/submit_token",
    RESET: "/_matrix/client/unstable/password_reset/email/submit_token",
}
_TEMPLATES = {REGISTER: "register", ADD: "add-address", RESET: "reset-password"}
_ALPHABET = string.ascii_letters + string.digits
_TOKEN_LENGTH = 32
_TRIES = 50  # visits of one link: mail scanners open it again and again
_LONGEST_LINK = 2048


@dataclass(frozen=True, slots=True)
class Proof:
    """A confirmed address, and when its link was opened."""

    address: str
    validated_at: datetime


def request(
    *,
    address: str,
    client_secret: str,
    send_attempt: int,
    purpose: str,
    next_link: str,
    user: User | None = None,
    ip: str,
) -> str:
    """The sid of the proof; the link goes out if `send_attempt` is greater than any before.

    FIELD_INVALID, RATE_LIMITED; NOT_ADMITTED with field email for a denied address. With HIDE_ADDRESSES off also
    CREDENTIAL_TAKEN (a used address to register or add), NOT_FOUND with field email (nobody's, to reset).
    """
    address = _canonical(address)
    identifiers.check_opaque(client_secret, "client_secret")
    _check_next_link(next_link)
    limit = throttle.Limit.of("mail", settings.MAIL_RATE)
    throttle.hit(limit, "ip", throttle.address_key(ip))
    throttle.hit(limit, "address", address)
    _refuse_denied(address, ip=ip)
    owner = emails.owner(address)
    if not settings.HIDE_ADDRESSES:
        _refuse_openly(purpose, owner)
    sid = next(_sids(purpose, address, client_secret, user.pk if user else None))
    with transaction.atomic():
        row = _held_or_opened(sid, purpose, address, user=user, ip=ip)
        if send_attempt > row.facts["send_attempt"] and "validated_at" not in row.facts:
            facts = {**row.facts, "send_attempt": send_attempt, "next_link": next_link}
            ledger.note(row, facts=facts, lifetime=settings.MATRIX_MAIL_TOKEN_LIFETIME)
            _mail(row, sid, client_secret, owner)
    return sid


def is_open(*, sid: str, client_secret: str, purpose: str) -> bool:
    """Whether a link of this proof can still be opened; what the link carries is not looked at."""
    row = _row(sid, client_secret, purpose)
    return row is not None and row.used_at is None and row.expires_at > clock.now()


def confirm(*, sid: str, client_secret: str, token: str, purpose: str) -> str:
    """Marks the address as confirmed, for what the link was sent for only; answers the `next_link`, "" without.

    CHALLENGE_INVALID with field sid: unknown, expired, used, another secret, or the wrong token.
    """
    row = _row(sid, client_secret, purpose)
    try:
        if row is None or not ledger.answer(row, token):
            raise Refusal(Reason.CHALLENGE_INVALID)
        with transaction.atomic():
            held = ledger.hold(sid, flow=Flow.MATRIX, purpose=purpose)
            if "validated_at" not in held.facts:
                facts = {**held.facts, "validated_at": clock.now().isoformat()}
                ledger.note(held, facts=facts, lifetime=settings.MATRIX_UIA_MAIL_LIFETIME)
    except Refusal as refusal:
        raise Refusal(Reason.CHALLENGE_INVALID, field="sid", detail=refusal.detail) from None
    return str(held.facts["next_link"])


def proved(*, sid: str, client_secret: str, purpose: str) -> str | None:
    """The confirmed address; None while it is not, and for what is unknown, expired, used or another secret's."""
    return confirmed(sid=sid, purpose=purpose) if _row(sid, client_secret, purpose) is not None else None


def confirmed(*, sid: str, purpose: str) -> str | None:
    """The same for somebody who was seen to hold the client secret before."""
    found = Challenge.objects.filter(digest=digest(sid), flow=Flow.MATRIX, purpose=purpose, used_at=None)
    row = found.filter(expires_at__gt=clock.now()).first()
    return str(row.facts["address"]) if row is not None and "validated_at" in row.facts else None


def holds(*, sid: str, client_secret: str, purpose: str, user: User) -> bool:
    """Whether the secret is that of the sid, and the proof nobody else's; in whatever state it is."""
    row = _row(sid, client_secret, purpose)
    return row is not None and row.user_id in {None, user.pk}


def use(*, sid: str, purpose: str) -> Proof:
    """Uses the proof up inside the caller's transaction: of several at once one wins.

    CHALLENGE_INVALID with field sid when it is used, expired or not confirmed.
    """
    row = Challenge.objects.filter(digest=digest(sid), flow=Flow.MATRIX, purpose=purpose).first()
    if row is None or "validated_at" not in row.facts:
        raise Refusal(Reason.CHALLENGE_INVALID, field="sid")
    try:
        ledger.consume(row, answered=True)
    except Refusal:
        raise Refusal(Reason.CHALLENGE_INVALID, field="sid") from None
    return Proof(row.facts["address"], datetime.fromisoformat(row.facts["validated_at"]))


def _canonical(address: str) -> str:
    try:
        canonical = patterns.email_address(address)
    except Refusal:
        canonical = ""
    if not canonical or not canonical.isascii():  # no mail server is sure to take another local part
        raise Refusal(Reason.FIELD_INVALID, field="email")
    return canonical


def _check_next_link(link: str) -> None:
    """Only http(s) to a named host. Browsers read backslashes and blanks otherwise than we do."""
    if not link:
        return
    try:
        parts = urlsplit(link)
        leads_on = parts.scheme in {"http", "https"} and parts.hostname in settings.MATRIX_NEXT_LINK_HOSTS
    except ValueError:
        leads_on = False
    if (
        not leads_on
        or "@" in parts.netloc
        or len(link) > _LONGEST_LINK
        or not link.isprintable()
        or set(link) & set(" \\")
    ):
        raise Refusal(Reason.FIELD_INVALID, field="next_link")


def _refuse_denied(address: str, *, ip: str) -> None:
    """Only what a rule denies; a whitelist decides on the whole account, when it is made."""
    decision = policy.decide(Flow.MATRIX, policy.Subject(ip=ip, emails=(address,)))
    if decision.rule is not None and not decision.admitted:
        field = "" if decision.rule.field == "ip" else "email"
        raise Refusal(Reason.NOT_ADMITTED, field=field, detail=decision.cause)


def _refuse_openly(purpose: str, owner: User | None) -> None:
    if purpose == RESET and owner is None:
        raise Refusal(Reason.NOT_FOUND, field="email")
    if purpose != RESET and owner is not None:
        raise Refusal(Reason.CREDENTIAL_TAKEN, field="email")


def _held_or_opened(sid: str, purpose: str, address: str, *, user: User | None, ip: str) -> Challenge:
    """The live row, locked; one that expired or was used makes place for a new one."""
    try:
        return ledger.hold(sid, flow=Flow.MATRIX, purpose=purpose)
    except Refusal:
        pass
    dead = Q(expires_at__lte=clock.now()) | Q(used_at__isnull=False)
    Challenge.objects.filter(dead, digest=digest(sid)).delete()
    nonce = secrets.token_hex(16)
    with contextlib.suppress(Refusal):  # the same request came twice at once: the other one's row counts
        ledger.open(
            sid,
            flow=Flow.MATRIX,
            purpose=purpose,
            lifetime=settings.MATRIX_MAIL_TOKEN_LIFETIME,
            user=user,
            facts={"address": address, "nonce": nonce, "send_attempt": -1, "next_link": ""},
            code=_token(sid, nonce),
            tries=_TRIES,
            ip=ip,
        )
    return ledger.hold(sid, flow=Flow.MATRIX, purpose=purpose)


def _mail(row: Challenge, sid: str, client_secret: str, owner: User | None) -> None:
    """Mails the link, or tells the owner of a used address. For nobody's address the same work is done and undone."""
    address, purpose, lifetime = row.facts["address"], row.purpose, settings.MATRIX_MAIL_TOKEN_LIFETIME
    if purpose != RESET and owner is not None:
        mail.send("address-in-use", to=address, facts={"username": owner.username})
        return
    query = urlencode({"token": _token(sid, row.facts["nonce"]), "client_secret": client_secret, "sid": sid})
    account = owner or row.user
    facts = {"link": f"{settings.PUBLIC_URL}{PATHS[purpose]}?{query}", "username": account.username if account else ""}
    with transaction.atomic():
        mail.send(_TEMPLATES[purpose], to=address, facts=facts, lifetime=lifetime)
        if purpose == RESET and owner is None:
            transaction.set_rollback(True)


def _row(sid: str, client_secret: str, purpose: str) -> Challenge | None:
    """The proof in whatever state, if the client secret belongs to it."""
    row = Challenge.objects.filter(digest=digest(sid), flow=Flow.MATRIX, purpose=purpose).first()
    if row is None:
        return None
    made = _sids(purpose, row.facts["address"], client_secret, row.user_id)
    return row if any(hmac.compare_digest(sid, one) for one in made) else None


def _sids(purpose: str, address: str, client_secret: str, user_id: int | None) -> Iterator[str]:
    """The sid under the current key, then under those before (R31)."""
    text = "\0".join((purpose, address, client_secret, str(user_id or "")))
    for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
        mac = hmac.digest(_derived(key), b"sid\0" + text.encode("utf-8", "surrogatepass"), "sha256")
        yield base64.urlsafe_b64encode(mac).rstrip(b"=").decode()


def _token(sid: str, nonce: str) -> str:
    """What the link carries: 190 bits. A sid is asked for under the current key only, so no older key is needed."""
    mac = hmac.digest(_derived(settings.SECRET_KEY), f"token\0{sid}\0{nonce}".encode(), "sha256")
    number, characters = int.from_bytes(mac), []
    for _ in range(_TOKEN_LENGTH):
        number, index = divmod(number, len(_ALPHABET))
        characters.append(_ALPHABET[index])
    return "".join(characters)


def _derived(key: str) -> bytes:
    return hmac.digest(key.encode(), b"latchkey matrix address proof", "sha256")

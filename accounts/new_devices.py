"""A mail about each new device of an account, at whichever door, with a link that ends it (qr-login.md §7.6).

It goes to the primary confirmed address. What is new is decided here: a device whose row is new, or, where each sign-in
makes a new row, one whose `mark` the account does not know. The first device of an account that was just made is not
told of, nor is it where `NEW_DEVICE_MAILS` is off. `new_device_links` has the other end of the link.
"""

import hashlib
import logging
import secrets
from dataclasses import dataclass
from functools import cache
from urllib.parse import urlencode

from allauth.account.models import EmailAddress
from django.conf import settings
from django.core.signing import Signer
from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from accounts import addresses, clock, device_words, inserts, ledger, mail, throttle
from accounts.browser import agents
from accounts.errors import Refusal
from accounts.models import Device, Flow, KnownDevice, User
from accounts.programs import Program

_log = logging.getLogger("latchkey.mail")
FLOW, PURPOSE = Flow.DEVICELOGIN, "new-device"
LIFETIME = 30 * 86_400.0  # seconds a link is good
PATH = "/account/new-device/"
SIGNER = Signer(salt="latchkey new device")
_JUST_MADE = 3_600.0  # seconds in which the first device of an account is its owner's
_KNOWN_FOR = 400 * 86_400.0  # seconds without a sign-in after which a device is new again


@dataclass(frozen=True, slots=True)
class Arrival:
    """What was signed in. Without a `device` it is the session of a program, named by the `family` of its tokens.

    `mark` tells it from other devices of the account where its row cannot: "" where a new row means a new device.
    """

    ip: str
    user_agent: str
    device: Device | None = None
    family: str = ""
    program: Program | None = None
    mark: str = ""


def tell(user: User, arrival: Arrival) -> None:
    """Queues the mail in the caller's transaction if this is new. Never fails the sign-in.

    One query for an account without a confirmed address.
    """
    if not settings.NEW_DEVICE_MAILS:
        return
    address = _address(user.pk)
    if not address:
        return
    try:
        with transaction.atomic():
            if _is_new(user, arrival) and not _is_first(user, arrival) and _may_be_told(user):
                _send(user, arrival, address)
    except Exception:  # a template of the operator, a full disk: the person signs in all the same
        _log.exception("no mail about a new device of account %d", user.pk)


def comes_from_elsewhere(known: Device, *, user_agent: str, ip: str) -> bool:
    """Whether who presents the id of a known device is another program in another network: ids are no secrets.

    What is not known of a device, such as one that was imported, tells nothing.
    """
    programs = {agents.in_words(text) or text for text in (known.user_agent, user_agent)} - {""}
    networks = {addresses.neighbourhood(text) for text in (known.last_seen_ip or "", ip)} - {""}
    return len(programs) == len(networks) == 2


def forget(devices: QuerySet[Device]) -> None:
    """Called before somebody ends devices that are not their own: whoever signs in there again is told of again."""
    KnownDevice.objects.filter(device__in=devices.values("pk")).delete()


def purge(*, batch: int = 1000) -> int:
    """Deletes one batch of marks that nobody came with for long; answers how many."""
    old = KnownDevice.objects.filter(seen_at__lt=clock.after(-_KNOWN_FOR))
    ids = list(old.values_list("pk", flat=True)[:batch])
    KnownDevice.objects.filter(pk__in=ids).delete()
    return len(ids)


def _is_new(user: User, arrival: Arrival) -> bool:
    if not arrival.mark:
        return True
    row = KnownDevice(user=user, mark=_digest(arrival), device=arrival.device, seen_at=clock.now())
    if inserts.insert(row):
        return True
    KnownDevice.objects.filter(user=user, mark=row.mark).update(device=arrival.device, seen_at=row.seen_at)
    return False


def _digest(arrival: Arrival) -> bytes:
    kind = arrival.device.kind if arrival.device else "program"
    return hashlib.sha256(f"{kind} {arrival.mark}".encode("utf-8", "surrogatepass")).digest()


def _is_first(user: User, arrival: Arrival) -> bool:
    """Whether the account was just made and this is what it was made on, or for."""
    if user.created_at < clock.after(-_JUST_MADE):
        return False
    others = Device.objects.filter(user=user)
    if arrival.device is not None:
        others = others.exclude(pk=arrival.device.pk)
    known = KnownDevice.objects.filter(user=user, device=None)  # of devices that have signed out
    return not others.exists() and not known.exists()


def _may_be_told(user: User) -> bool:
    try:
        throttle.hit(throttle.Limit.of("new-device-mail", settings.NEW_DEVICE_MAIL_RATE), str(user.pk))
    except Refusal:
        _log.warning("account %d has too many new devices for a mail about each", user.pk)
        return False
    return True


def _send(user: User, arrival: Arrival, address: str) -> None:
    secret = SIGNER.sign(secrets.token_urlsafe(24))
    facts = _in_words(arrival)
    _keep(secret, user, arrival, facts)
    query = urlencode({"token": secret})
    moment = f"{clock.now():%Y-%m-%d %H:%M} UTC"
    link = f"{settings.PUBLIC_URL}{PATH}?{query}"
    more = {"username": user.username, "ip": arrival.ip or _("unknown"), "when": moment, "link": link}
    mail.send("new-device", to=address, facts={**facts, **more})


def _keep(secret: str, user: User, arrival: Arrival, words: dict[str, str]) -> None:
    """The link's row: a digest of its secret, what it ends, and what its page shows (R7, R15)."""
    ends = {
        "device": arrival.device.pk if arrival.device else None,
        "family": arrival.family,
        "mark": _digest(arrival).hex(),
    }
    facts_of_row = {"ends": ends, "words": words}
    ledger.open(secret, flow=FLOW, purpose=PURPOSE, lifetime=LIFETIME, user=user, facts=facts_of_row, ip=arrival.ip)


def _in_words(arrival: Arrival) -> dict[str, str]:
    """Program, its host, device and door. Names are chosen by whoever signs in: they are cut."""
    device, program = arrival.device, arrival.program
    agent = agents.in_words(arrival.user_agent)
    name = device.display_name or str(device_words.UNNAMED[device.kind]) if device else ""
    return {
        "name": (program.name if program else name or _("A program"))[:80],
        "host": program.host if program else "",
        "device": name[:80],
        "agent": agent,
        "door": str(device_words.DOORS[device.kind]) if device else "",
        "kind": device.kind if device else "",
    }


def _address(user_id: int) -> str:
    """The address that gets the mails; "" for none."""
    with connection.cursor() as cursor:
        cursor.execute(_statement(), [user_id, True])
        row = cursor.fetchone()
    return row[0] if row else ""


@cache
def _statement() -> str:
    table, primary = EmailAddress._meta.db_table, connection.ops.quote_name("primary")
    order = f"ORDER BY {primary} DESC, id LIMIT 1"
    return f"SELECT email FROM {table} WHERE user_id = %s AND verified = %s {order}"  # noqa: S608  # the library's names

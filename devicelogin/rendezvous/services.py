"""The verbs on rendezvous sessions (qr-login.md §2, §3). What is in a session is never looked at, and never logged.

Creating may need a login, the rest never does: whoever knows the id may read, write and delete.
"""

import hashlib
import secrets
from collections import Counter
from contextlib import suppress
from functools import cache

from django.conf import settings

from accounts import clock, minting, policy, subjects, throttle, tokens
from accounts.errors import Reason, Refusal
from accounts.models import Flow
from devicelogin.rendezvous import modes, protocol, store_database, stores
from devicelogin.rendezvous.answers import Conflict
from devicelogin.rendezvous.protocol import Form, Held
from devicelogin.rendezvous.store import Caps, Listed, New, Store

FLOW = Flow.DEVICELOGIN
_SIGNED_IN = (Flow.MATRIX, Flow.DEVICELOGIN)  # whose tokens may create: what opens the client-server API
_API = frozenset({"urn:matrix:client:api:*", "urn:matrix:org.matrix.msc2967.client:api:*"})
_GUEST = "guest"
_TOKEN_BYTES = 16


def now_ms() -> int:
    """This moment in unix milliseconds."""
    return int(clock.now().timestamp() * 1000)


def may_create(form: Form, *, authorization: str = "", ip: str) -> bool:
    """What a client is told before it offers the feature; PATH_UNKNOWN while nothing is served, NOT_ADMITTED."""
    admit(ip)
    try:
        creator(form, authorization=authorization, ip=ip)
    except Refusal:
        return False
    return True


def creator(form: Form, *, authorization: str, ip: str) -> int | None:
    """The account that creates, None where nobody asks who does.

    TOKEN_MISSING (the 2024 form, which knows no login: FORBIDDEN), TOKEN_UNKNOWN, TOKEN_EXPIRED, ACCOUNT_LOCKED,
    NOT_ADMITTED.
    """
    if modes.current() == modes.OPEN:
        return None
    secret = protocol.bearer(authorization)
    if not secret:
        raise Refusal(Reason.FORBIDDEN if form is Form.TEXT else Reason.TOKEN_MISSING)
    return _bearer(secret, ip).user_id


def create(form: Form, data: bytes, *, ip: str, user: int | None = None) -> tuple[str, Held]:
    """A new session that holds the data, with its id; RATE_LIMITED when too many are made, or live."""
    address = throttle.address_key(ip)
    throttle.hit(throttle.Limit.of("rendezvous-create", settings.RENDEZVOUS_CREATE_RATE), address)
    moment = now_ms()
    held = Held(data, _new_token(), moment, moment + settings.RENDEZVOUS_LIFETIME * 1000)
    *preferred, last = stores.in_use()
    for store in preferred:
        try:
            return _kept(store, form, held, address, user)
        except Refusal as refusal:
            if refusal.reason is not Reason.UNAVAILABLE:
                raise
    return _kept(last, form, held, address, user)


def read(session_id: str) -> Held:
    """The session as it is; NOT_FOUND, RATE_LIMITED."""
    held = find(session_id)
    if held is None:
        raise Refusal(Reason.NOT_FOUND)
    _note_read(session_id)
    return held


def quick(session_id: str) -> Held | None:
    """`admit` and `read` at once, on the event loop (SQLite); None where the ordinary way has to be taken."""
    if not stores.is_in_database(session_id):
        return None
    found = store_database.quick(session_id, now_ms())
    if found is None:
        return None
    held, revision, turned = found
    if not policy.asks_no_address(revision) or modes.of_position(turned) == modes.OFF:
        return None
    _note_read(session_id)
    return held


def find(session_id: str) -> Held | None:
    """The session as it is, None when there is none."""
    return stores.of(session_id).find(session_id, now_ms())


def write(session_id: str, seen: str, data: bytes, *, transaction: str = "") -> Held:
    """Puts the data in, if `seen` is the token in force: of several writers with one token one wins.

    A repeat of what is there already changes nothing, whatever token it names: its answer was lost (section 2.4, rule
    5; section 3, trap 2). One that names its transaction gets the answer of the first time even when the other device
    has written since. NOT_FOUND, RATE_LIMITED; `Conflict` when somebody else wrote first.
    """
    throttle.hit(_writing(), session_id)
    token = _token_of(session_id, transaction, seen, data) if transaction else _new_token()
    written = stores.of(session_id).write(session_id, seen=seen, data=data, token=token, now_ms=now_ms())
    if written is None:
        raise Refusal(Reason.NOT_FOUND)
    if written.won or written.held.data == data:
        return written.held
    if written.previous == token:
        return written.held._replace(token=token)
    raise Conflict(written.held)


def delete(session_id: str) -> None:
    """Ends the session; NOT_FOUND when there is none."""
    if not stores.of(session_id).delete(session_id, now_ms()):
        raise Refusal(Reason.NOT_FOUND)


def admit(ip: str) -> None:
    """PATH_UNKNOWN while the mode is off; NOT_ADMITTED when a deny rule names the address (R49).

    Whitelists name accounts: they do not count where nobody asks for one.
    """
    if modes.current() == modes.OFF:
        raise Refusal(Reason.PATH_UNKNOWN)
    if not policy.asks_for("ip"):
        return
    rule = policy.decide(FLOW, policy.Subject(ip=ip)).rule
    if rule is not None and rule.effect == "deny":
        raise Refusal(Reason.NOT_ADMITTED, detail=str(rule))


def listed(*, most: int) -> list[Listed]:
    """Live sessions as an administrator sees them, the newest first; without those of a store that is away."""
    found: list[Listed] = []
    for store in stores.in_use():
        with suppress(Refusal):
            found += store.listed(now_ms(), most=most)
    return sorted(found, key=lambda one: -one.expires_ms)[:most]


def counts() -> dict[Form, int]:
    """How many live, by form; without those of a store that is away."""
    found: Counter[Form] = Counter()
    for store in stores.in_use():
        with suppress(Refusal):
            found.update(store.counts(now_ms()))
    return dict(found)


def is_advertised(form: Form) -> bool:
    """Whether clients of this form are told that they can sign in devices here.

    Those of 2024 never send a token: told of a server where that is needed, they would offer what must fail.
    """
    return modes.current() == modes.OPEN if form is Form.TEXT else modes.current() != modes.OFF


def _kept(store: Store, form: Form, held: Held, address: str, user: int | None) -> tuple[str, Held]:
    session_id = protocol.new_id(form, store.letter, secrets.token_urlsafe(18))
    store.create(New(session_id, form, held, address, user), _caps())
    return session_id, held


def _caps() -> Caps:
    """Those of addresses and accounts grow with the installation, that of everybody is about memory."""
    of_address, of_user, scale = (
        settings.RENDEZVOUS_PER_ADDRESS,
        settings.RENDEZVOUS_PER_USER,
        settings.RATE_LIMIT_SCALE,
    )
    return Caps(settings.RENDEZVOUS_MOST, max(1, int(of_address * scale)), max(1, int(of_user * scale)))


def _bearer(secret: str, ip: str) -> tokens.Bearer:
    found = tokens.check_any(secret, ip=ip) if minting.is_genuine(secret, minting.ACCESS) else None
    if found is None:
        raise Refusal(Reason.TOKEN_EXPIRED if tokens.has_lapsed(secret, flows=_SIGNED_IN) else Reason.TOKEN_UNKNOWN)
    is_oauth = found.flow == Flow.DEVICELOGIN
    if found.flow not in _SIGNED_IN or (is_oauth and _API.isdisjoint(found.scope.split())):
        raise Refusal(Reason.TOKEN_UNKNOWN)
    if found.locked:
        raise Refusal(Reason.ACCOUNT_LOCKED)
    if found.scope == _GUEST:  # nobody to sign in elsewhere
        raise Refusal(Reason.FORBIDDEN)
    decision = policy.decide(found.flow, subjects.of_bearer(found, ip=ip))
    if not decision.admitted:  # soft: whoever is admitted again keeps the keys
        raise Refusal(Reason.TOKEN_EXPIRED, detail=decision.cause)
    return found


def _new_token() -> str:
    """It is also the entity tag: letters and digits only, so that no proxy's ending looks like a part of it."""
    return secrets.token_hex(_TOKEN_BYTES)


def _token_of(session_id: str, transaction: str, seen: str, data: bytes) -> str:
    """The token of a write that names its transaction: the same for the same write, and nobody else can make it."""
    asked = b"\0".join((session_id.encode(), transaction.encode("utf-8", "surrogatepass"), seen.encode(), data))
    return hashlib.blake2b(asked, digest_size=_TOKEN_BYTES, key=_derived(str(settings.SECRET_KEY))).hexdigest()


@cache
def _derived(key: str) -> bytes:
    return hashlib.sha256(b"latchkey rendezvous writes" + key.encode()).digest()


def _note_read(session_id: str) -> None:
    """RATE_LIMITED when the session is read oftener than two devices ever would. Each process counts for itself."""
    throttle.hit(_reading(), session_id)


def _reading() -> throttle.Limit:
    return throttle.Limit.of("rendezvous-read", settings.RENDEZVOUS_READ_RATE, kept=False, shared=False)


def _writing() -> throttle.Limit:
    return throttle.Limit.of("rendezvous-write", settings.RENDEZVOUS_WRITE_RATE, kept=False)

"""Second factors: what an account has, what it must have, checking a code (R15, R17, R47).

A code from an app, or a recovery code; passkeys are in `passkeys.py`. Rows are django-allauth's `Authenticator`, but
what happens once is decided in the ledger: the library notes a used code in a cache, which processes may not share.
"""

from collections.abc import Callable
from dataclasses import dataclass

from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal import auth as totp
from django.conf import settings
from django.db import IntegrityError, transaction

from accounts import audit, clock, ledger, recovery_codes, throttle
from accounts.errors import Reason, Refusal
from accounts.models import Flow, User

FLOW = Flow.DEVICELOGIN
# One secret is protected: no allowance is scaled (operations.md §2).
_WRONG_CODES = throttle.Limit("second-factor", 5, 900, scaled=False)
_CODE_SECONDS = 120.0  # a used code stays used for longer than it could be shown


@dataclass(frozen=True, slots=True)
class State:
    """What an account has: an app that shows codes, so many passkeys, so many unused recovery codes."""

    totp: bool
    passkeys: int
    recovery_codes: int

    @property
    def any(self) -> bool:
        """Whether a sign-in with a password asks for more. Recovery codes alone are none: they stand in for one."""
        return self.totp or self.passkeys > 0


def of(user: User) -> State:
    """What the account has now."""
    kinds = list(Authenticator.objects.filter(user=user).values_list("type", flat=True))
    passkeys = kinds.count(Authenticator.Type.WEBAUTHN)
    return State(Authenticator.Type.TOTP in kinds, passkeys, recovery_codes.left(user))


def is_required(user: User) -> bool:
    """Whether the account must have a second factor: everybody's, or staff's."""
    return bool(settings.REQUIRE_2FA or (user.is_staff and settings.ADMIN_REQUIRE_2FA))


def new_secret() -> str:
    """160 random bits in base32, as apps take them."""
    return str(totp.generate_totp_secret())


def provisioning(user: User, secret: str) -> tuple[str, str]:
    """The `otpauth:` URI of a secret, and its QR code as a `data:` URI."""
    uri = get_adapter().build_totp_url(user, secret)
    return uri, get_adapter().build_totp_svg(uri)


def add_totp(user: User, secret: str, code: str) -> None:
    """Takes the secret up once its app has shown a right code; the one before goes. CREDENTIAL_WRONG, RATE_LIMITED."""
    throttle.peek(_WRONG_CODES, str(user.pk))
    if not totp.validate_totp_code(secret, _digits(code)):
        raise _wrong(user)
    try:
        with transaction.atomic():
            _use_up(user, code)
            Authenticator.objects.filter(user=user, type=Authenticator.Type.TOTP).delete()
            totp.TOTP.activate(user, secret)
            audit.record_or_fail("second-factor-added", actor=user, subject=user.username, facts={"kind": "totp"})
    except IntegrityError:  # the form was sent twice at once
        raise Refusal(Reason.CHALLENGE_INVALID) from None


def remove_totp(user: User, *, actor: audit.Actor = None) -> bool:
    """Takes the app away; with the last second factor the recovery codes go too. False when there was none."""
    with transaction.atomic():
        removed, _ = Authenticator.objects.filter(user=user, type=Authenticator.Type.TOTP).delete()
        if not removed:
            return False
        note_removed(user, "totp", actor=actor)
    return True


def note_removed(user: User, kind: str, *, actor: audit.Actor = None) -> None:
    """Within the transaction that took a second factor away."""
    if not of(user).any:
        recovery_codes.remove(user)
    audit.record_or_fail("second-factor-removed", actor=actor or user, subject=user.username, facts={"kind": kind})


def remove_all(user: User) -> None:
    """Takes every second factor away, within a verb that audits it."""
    Authenticator.objects.filter(user=user).delete()
    recovery_codes.remove(user)


def check(user: User, given: str) -> Callable[[], None]:
    """Looks at a code of the app, or a recovery code; answers what uses it up, to be called in the transaction that
    issues what it opens: of several simultaneous uses one wins, the others get CHALLENGE_INVALID.

    CREDENTIAL_WRONG; RATE_LIMITED after five wrong ones, then the right one is not looked at either (R38).
    """
    throttle.peek(_WRONG_CODES, str(user.pk))
    app = Authenticator.objects.filter(user=user, type=Authenticator.Type.TOTP).first()
    if app is not None:
        secret = get_adapter().decrypt(app.data["secret"])
        if totp.validate_totp_code(secret, _digits(given)):
            return lambda: _use_app(app, given)
    if recovery_codes.is_good(user, given):
        return lambda: recovery_codes.use(user, given)
    raise _wrong(user)


def _use_app(app: Authenticator, given: str) -> None:
    _use_up(app.user, given)
    Authenticator.objects.filter(pk=app.pk).update(last_used_at=clock.now())


def _use_up(user: User, code: str) -> None:
    secret = f"totp {user.pk} {_digits(code)}"
    try:
        ledger.consume_stateless(secret, flow=FLOW, purpose="totp", lifetime=_CODE_SECONDS)
    except Refusal as refusal:
        raise Refusal(refusal.reason, field="code") from None


def _wrong(user: User) -> Refusal:
    try:
        throttle.hit(_WRONG_CODES, str(user.pk))
    except Refusal:  # raced others past the allowance: refused all the same
        pass
    else:
        reason = Reason.CREDENTIAL_WRONG
        audit.record("second-factor", outcome=audit.REFUSED, reason=reason, flow=FLOW, subject=user.username)
    return Refusal(Reason.CREDENTIAL_WRONG, field="code")


def _digits(code: str) -> str:
    """Apps show `123 456`."""
    return "".join(code.split())

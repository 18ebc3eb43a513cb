"""The verbs on accounts (one-origin.md §2–4)."""

import secrets

from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX, make_password
from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from accounts import (
    audit,
    clock,
    devices,
    emails,
    homeserver,
    hub,
    inserts,
    names,
    new_devices,
    passwords,
    patterns,
    recent,
    second_factors,
    tokens,
    user_rows,
)
from accounts.errors import Reason, Refusal
from accounts.models import Device, Token, User, X25519Key


def create(
    name: str,
    *,
    password: str = "",
    email: str = "",
    display_name: str = "",
    administrator: bool = False,
    by_administrator: bool = False,
    must_change_password: bool = False,
    encoded: str = "",
    flow: str = "",
    actor: audit.Actor = None,
) -> User:
    """A new account. NAME_INVALID, NAME_RESERVED, NAME_TAKEN, PASSWORD_WEAK, CREDENTIAL_TAKEN (the address).

    The address counts as confirmed: it was proved, or an administrator gives it. `encoded` is a hash made before, in
    place of a password. The unique index decides races for a name.
    """
    folded = names.fold(name)
    names.check_new(folded, by_administrator=by_administrator)
    encoded = passwords.hashed(password, username=folded) if password else encoded
    address = patterns.email_address(email) if email else ""
    with transaction.atomic():
        user = _insert(folded, display_name=display_name)
        user.is_staff = user.is_superuser = administrator
        user.must_change_password = must_change_password
        if encoded:
            user.password = encoded
        user.save()
        if address:
            emails.add_confirmed(user, address, actor=actor or "command")
        homeserver.account_created(user)
        facts = {"administrator": administrator}
        audit.record_or_fail("user-created", actor=actor, subject=folded, flow=flow, facts=facts)
    return user


def create_imported(name: str, *, flow: str, actor: audit.Actor) -> User:
    """An account of another server without credentials, under the name it had there; NAME_INVALID, NAME_TAKEN."""
    if not names.is_importable(name):
        raise Refusal(Reason.NAME_INVALID, field="username")
    with transaction.atomic():
        user = _insert(names.fold(name), username=name)
        audit.record_or_fail("user-imported", actor=actor, subject=name, flow=flow)
    return user


def create_guest(name: str, *, flow: str) -> User:
    """An account without credentials under a name of digits, which nobody may choose (matrix.md §7); NAME_TAKEN."""
    with transaction.atomic():
        user = _insert(name)
        audit.record_or_fail("guest-created", actor=name, subject=name, flow=flow)
    return user


def find(name: str) -> User | None:
    """The account of this name: exactly so, else folded (imported names keep their capitals)."""
    exact = User.objects.filter(username=name).first()
    return exact or User.objects.filter(folded_username=names.fold(name)).first()


def by_id(user_id: int) -> User:
    """The account of a bearer; NOT_FOUND when it is gone."""
    user = User.objects.filter(pk=user_id).first()
    if user is None:
        raise Refusal(Reason.NOT_FOUND, field="username")
    return user


def held(user_id: int) -> User:
    """The account as it is now, its row locked until the caller's transaction ends: whatever begins or ends a session
    takes it first, so that one sees what the other did. NOT_FOUND."""
    found = user_rows.find(user_id, hold=True)
    if found is None:
        raise Refusal(Reason.NOT_FOUND, field="username")
    return found


def hold(user: User) -> User:
    """`held`, for a session that begins.

    CREDENTIAL_WRONG when the password is another one than when `user` was read; ACCOUNT_DEACTIVATED, ACCOUNT_LOCKED.
    """
    now = held(user.pk)
    if now.deactivated_at:
        raise Refusal(Reason.ACCOUNT_DEACTIVATED)
    if now.locked_at:
        raise Refusal(Reason.ACCOUNT_LOCKED)
    if now.password != user.password:
        raise Refusal(Reason.CREDENTIAL_WRONG, detail="the password was changed meanwhile")
    return now


def get(name: str) -> User:
    """`find`, refusing with NOT_FOUND."""
    user = find(name)
    if user is None:
        raise Refusal(Reason.NOT_FOUND, field="username")
    return user


def of_x25519_key(public_key: str, *, hold: bool = False) -> User | None:
    """The account this canonical key opens; with `hold` its row is locked until the caller's transaction ends."""
    owner = user_rows.owner_of_x25519_key(public_key)
    return None if owner is None else user_rows.find(owner, hold=hold)


def of_x25519_key_or_new(public_key: str) -> tuple[User, bool]:
    """The account this canonical key opens, made with the key's name at its first login; True when it is new.

    Of two first logins at once the unique index lets one make the account, the other finds it.
    """
    known = of_x25519_key(public_key, hold=True)
    if known is not None:
        return known, False
    with transaction.atomic(savepoint=False):
        try:
            made = _insert(public_key)
            if inserts.insert(X25519Key(user=made, public_key=public_key)):
                return made, True
        except Refusal:
            made = None
        found = of_x25519_key(public_key, hold=True)
        if made is not None or found is None:  # the name without the key, or the key under another name
            raise Refusal(Reason.NAME_TAKEN, field="username", detail="a key's account changed meanwhile")
        return found, False


def rename(user: User, name: str, *, by_administrator: bool = False) -> None:
    """Gives a key-only account its one new name. FORBIDDEN when it had one; else as `create`."""
    recent.forget_on_commit()
    folded = names.fold(name)
    if user.renamed_at or not names.is_key_name(user.username):
        raise Refusal(Reason.FORBIDDEN, field="username")
    names.check_new(folded, by_administrator=by_administrator)
    try:
        with transaction.atomic():
            if not User.objects.filter(pk=user.pk, renamed_at=None, deactivated_at=None).update(
                username=folded, folded_username=folded, renamed_at=clock.now()
            ):
                raise Refusal(Reason.FORBIDDEN, field="username", detail="renamed meanwhile")
            homeserver.account_changed(user.pk)
    except IntegrityError:
        raise Refusal(Reason.NAME_TAKEN, field="username") from None


def set_display_name(user_id: int, display_name: str) -> None:
    """Sets what others see; at most 256 characters, FIELD_INVALID otherwise or with control characters."""
    if len(display_name) > 256 or any(ord(char) < 32 or ord(char) == 127 for char in display_name):
        raise Refusal(Reason.FIELD_INVALID, field="name")
    with transaction.atomic():
        User.objects.filter(pk=user_id).update(display_name=display_name)
        homeserver.account_changed(user_id)


def set_password(
    user: User,
    password: str,
    *,
    keep: QuerySet[Token] | None = None,
    must_change: bool = False,
    actor: audit.Actor = None,
) -> None:
    """Sets the password and ends every other session of every door (R29); `keep` are tokens that stay.

    PASSWORD_WEAK, or ACCOUNT_DEACTIVATED: a deactivated account stays without one.
    """
    encoded = passwords.hashed(password, username=user.folded_username)
    set_encoded_password(user, encoded, keep=keep, must_change=must_change, actor=actor)


def set_encoded_password(
    user: User,
    encoded: str,
    *,
    keep: QuerySet[Token] | None = None,
    must_change: bool = False,
    actor: audit.Actor = None,
) -> None:
    """`set_password` with a hash made before. Devices whose every token ends go too (matrix.md §11)."""
    with transaction.atomic():
        usable = User.objects.filter(pk=user.pk, deactivated_at=None)  # its UPDATE is the lock that `hold` waits for
        if not usable.update(password=encoded, must_change_password=must_change):
            raise Refusal(Reason.ACCOUNT_DEACTIVATED, field="username")
        kept = (keep if keep is not None else Token.objects.none()).filter(user=user)
        devices.end(Device.objects.filter(user=user).exclude(tokens__in=kept), reason="password")
        tokens.revoke(Token.objects.filter(user=user).exclude(pk__in=kept.values("pk")), reason="password")
        devices.end_remembered(user, reason="password")
        audit.record_or_fail("password-set", actor=actor, subject=user.username)
    user.refresh_from_db()


def lock(user: User, *, actor: audit.Actor = None) -> None:
    """Refuses every token and closes sockets at once; `unlock` gives the tokens back."""
    _set_state(user, "locked_at", "user-locked", actor)


def unlock(user: User, *, actor: audit.Actor = None) -> None:
    """Undoes `lock`."""
    _set_state(user, "locked_at", "user-unlocked", actor, undo=True)


def suspend(user: User, *, actor: audit.Actor = None) -> None:
    """Lets the account sign in, but not change what others see (matrix.md §16)."""
    _set_state(user, "suspended_at", "user-suspended", actor)


def unsuspend(user: User, *, actor: audit.Actor = None) -> None:
    """Undoes `suspend`."""
    _set_state(user, "suspended_at", "user-unsuspended", actor, undo=True)


def deactivate(user: User, *, erase: bool = False, actor: audit.Actor = None) -> None:
    """Ends the account for good: tokens, devices, password, addresses, keys go; the name stays taken.

    `erase`: a homeserver shall also hide what the person wrote (matrix.md §11).
    """
    with transaction.atomic():
        unusable = make_password(None)
        if not User.objects.filter(pk=user.pk, deactivated_at=None).update(
            deactivated_at=clock.now(), password=unusable
        ):
            return
        devices.end(Device.objects.filter(user=user), reason="deactivated")
        devices.end_remembered(user, reason="deactivated")
        tokens.revoke(Token.objects.filter(user=user), reason="deactivated")
        emails.remove_all(user)
        second_factors.remove_all(user)
        SocialAccount.objects.filter(user=user).delete()
        user.openpgp_keys.all().delete()
        user.known_devices.all().delete()
        homeserver.account_changed(user.pk, erase=erase)
        audit.record_or_fail("user-deactivated", actor=actor, subject=user.username)
    user.refresh_from_db()


def end_all_sessions(user: User, *, keep: QuerySet[Token] | None = None, actor: audit.Actor = None) -> int:
    """Ends every session of every door but those of `keep`; answers how many tokens died."""
    with transaction.atomic():
        held(user.pk)
        kept = (keep if keep is not None else Token.objects.none()).filter(user=user)
        others = Token.objects.filter(user=user).exclude(pk__in=kept.values("pk"))
        count = tokens.revoke(others, reason="all sessions ended")
        ending = Device.objects.filter(user=user).exclude(tokens__in=kept)
        new_devices.forget(ending)
        devices.end(ending, reason="all sessions ended")
        devices.end_remembered(user, reason="all sessions ended")
        audit.record_or_fail("sessions-ended", actor=actor, subject=user.username, facts={"tokens": count})
    return count


def _insert(folded: str, *, username: str = "", display_name: str = "") -> User:
    user = User(username=username or folded, folded_username=folded, display_name=display_name[:256])
    user.password = UNUSABLE_PASSWORD_PREFIX + secrets.token_hex(20)  # as Django's make_password(None), 100 µs faster
    if not inserts.insert(user):
        raise Refusal(Reason.NAME_TAKEN, field="username")
    return user


def _set_state(user: User, field: str, event: str, actor: audit.Actor, *, undo: bool = False) -> None:
    if user.deactivated_at:
        raise Refusal(Reason.ACCOUNT_DEACTIVATED, field="username")
    with transaction.atomic():
        unchanged = {f"{field}__isnull": undo}
        User.objects.filter(pk=user.pk).exclude(**unchanged).update(**{field: None if undo else clock.now()})
        hub.recheck([hub.user_group(user.pk)])
        homeserver.account_changed(user.pk)
        audit.record_or_fail(event, actor=actor, subject=user.username)
    user.refresh_from_db()

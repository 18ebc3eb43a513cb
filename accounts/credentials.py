"""Adding and removing what opens an account (one-origin.md §2, "Linking")."""

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.db import transaction
from django.db.models import QuerySet

from accounts import audit, names, tokens, users
from accounts.errors import Reason, Refusal
from accounts.models import OpenPGPKey, Token, User, X25519Key


def add_x25519_key(user: User, public_key: str) -> X25519Key:
    """Gives the account a key that its bearer has proved.

    A key that already made an account of its own moves only if that account has no other credential; the emptied
    account is deactivated and its tokens die. Otherwise CREDENTIAL_TAKEN.
    """
    with transaction.atomic():
        owner = users.of_x25519_key(public_key)
        if owner is None:
            return X25519Key.objects.create(user=user, public_key=public_key)
        if owner.pk == user.pk:
            return X25519Key.objects.get(public_key=public_key)
        if not names.is_key_name(owner.username) or count(owner) > 1:
            raise Refusal(Reason.CREDENTIAL_TAKEN, field="pubKey")
        X25519Key.objects.filter(public_key=public_key).update(user=user)
        users.deactivate(owner, actor=user)
        audit.record_or_fail("key-moved", actor=user, subject=public_key, facts={"from": owner.username})
        return X25519Key.objects.get(public_key=public_key)


def remove_x25519_key(user: User, public_key: str, *, actor: audit.Actor = None) -> None:
    """Takes a key away; what it opened ends. LAST_CREDENTIAL when nothing else opens the account."""
    _remove(user, X25519Key.objects.filter(user=user, public_key=public_key), public_key, actor)


def remove_openpgp_key(user: User, fingerprint: str, *, actor: audit.Actor = None) -> None:
    """Takes a key away; what it opened ends. LAST_CREDENTIAL when nothing else opens the account."""
    _remove(user, OpenPGPKey.objects.filter(user=user, fingerprint=fingerprint), fingerprint, actor)


def count(user: User) -> int:
    """How many things open the account; an address alone opens nothing, it goes with the password."""
    passkeys = Authenticator.objects.filter(user=user, type=Authenticator.Type.WEBAUTHN).count()
    return int(user.x25519_keys.count() + user.openpgp_keys.count() + passkeys + user.has_usable_password())


def addresses(user: User) -> list[EmailAddress]:
    """The account's e-mail addresses, the primary one first."""
    return list(EmailAddress.objects.filter(user=user).order_by("-primary", "email"))


def _remove(user: User, keys: QuerySet[X25519Key] | QuerySet[OpenPGPKey], credential: str, actor: audit.Actor) -> None:
    with transaction.atomic():
        removed, _ = keys.delete()
        if not removed:
            raise Refusal(Reason.NOT_FOUND, field="key")
        if count(user) == 0:
            raise Refusal(Reason.LAST_CREDENTIAL)
        tokens.revoke(Token.objects.filter(user=user, credential=credential), reason="key removed")
        audit.record_or_fail("key-removed", actor=actor or user, subject=credential)

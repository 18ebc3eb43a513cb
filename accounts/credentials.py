"""Adding and removing what opens an account (one-origin.md §2, "Linking")."""

from datetime import datetime
from typing import Any, Protocol

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.db import connection, transaction
from django.db.models import QuerySet

from accounts import audit, clock, inserts, names, second_factors, tokens, users
from accounts.errors import Reason, Refusal
from accounts.models import OpenPGPKey, Token, User, X25519Key

MOST_OPENPGP_KEYS = 50  # of an account: each may have 64 KiB
_LONGEST_USER_ID = 256
_NOTE_USE = f"UPDATE {OpenPGPKey._meta.db_table} SET last_used_at = %s WHERE fingerprint = %s"


class Certificate(Protocol):
    """What is kept of an OpenPGP key that its bearer has proved, or registers with."""

    @property
    def fingerprint(self) -> str:
        """Of the primary key, 40 or 64 lower-case hex digits."""

    @property
    def armored(self) -> str:
        """The text as uploaded."""

    @property
    def algorithm(self) -> str:
        """Of the primary key."""

    @property
    def bits(self) -> int | None:
        """Of an RSA key."""

    @property
    def expires_at(self) -> datetime | None:
        """None: never."""

    @property
    def user_ids(self) -> tuple[str, ...]:
        """What its owner calls themselves in it."""

    @property
    def revoked(self) -> bool:
        """Whether it holds its own revocation."""


def add_x25519_key(user: User, public_key: str) -> X25519Key:
    """Gives the account a key that its bearer has proved.

    A key that already made an account of its own moves only if that account has no other credential; the emptied
    account is deactivated and its tokens die. Otherwise CREDENTIAL_TAKEN, also while that account is locked or
    suspended, which moving would undo. ACCOUNT_DEACTIVATED.
    """
    with transaction.atomic():
        before = users.of_x25519_key(public_key)
        held = {
            pk: users.held(pk) for pk in sorted({user.pk, before.pk if before else user.pk})
        }  # always in this order
        if held[user.pk].deactivated_at:
            raise Refusal(Reason.ACCOUNT_DEACTIVATED, field="username")
        owner = users.of_x25519_key(public_key)
        if owner is None:
            audit.record_or_fail("key-added", actor=user, subject=public_key)
            return X25519Key.objects.create(user=user, public_key=public_key)
        if owner.pk == user.pk:
            return X25519Key.objects.get(public_key=public_key)
        if owner.pk not in held or owner.state is not User.State.ACTIVE:
            raise Refusal(Reason.CREDENTIAL_TAKEN, field="pubKey")
        if not names.is_key_name(owner.username) or count(owner) > 1:
            raise Refusal(Reason.CREDENTIAL_TAKEN, field="pubKey")
        X25519Key.objects.filter(public_key=public_key).update(user=user)
        users.deactivate(owner, actor=user)
        audit.record_or_fail("key-moved", actor=user, subject=public_key, facts={"from": owner.username})
        return X25519Key.objects.get(public_key=public_key)


def remove_x25519_key(user: User, public_key: str, *, actor: audit.Actor = None) -> None:
    """Takes a key away; what it opened ends. LAST_CREDENTIAL when nothing else opens the account."""
    _remove(user, X25519Key.objects.filter(user=user, public_key=public_key), public_key, actor)


def set_first_openpgp_key(user: User, certificate: Certificate) -> None:
    """The key an account is made with, in the transaction that makes it. CREDENTIAL_TAKEN, also by a race."""
    if not inserts.insert(_openpgp_row(user, certificate, is_published=True)):
        raise Refusal(Reason.CREDENTIAL_TAKEN, field="publicKey")
    audit.record_or_fail("key-added", actor=user, subject=certificate.fingerprint)


def add_openpgp_key(user: User, certificate: Certificate) -> OpenPGPKey:
    """Gives the account a key that its bearer has proved; the first one is served in the directory.

    A key that already made an account of its own moves only if that account has no other credential; the emptied
    account is deactivated and its tokens die. Otherwise CREDENTIAL_TAKEN, also while that account is locked or
    suspended, which moving would undo. Rules about the fingerprint follow the key. FORBIDDEN when the account has too
    many.
    """
    same = OpenPGPKey.objects.filter(fingerprint=certificate.fingerprint)
    with transaction.atomic():
        before = same.values_list("user_id", flat=True).first()
        accounts = {pk: users.held(pk) for pk in sorted({user.pk, before or user.pk})}  # always in this order
        known = same.first()
        if (known is None or known.user_id != user.pk) and user.openpgp_keys.count() >= MOST_OPENPGP_KEYS:
            raise Refusal(Reason.FORBIDDEN, field="publicKey", detail="too many keys")
        is_published = not OpenPGPKey.objects.filter(user=user, is_published=True).exists()
        if known is None:
            if not inserts.insert(_openpgp_row(user, certificate, is_published=is_published)):
                raise Refusal(Reason.CREDENTIAL_TAKEN, field="publicKey")
            audit.record_or_fail("key-added", actor=user, subject=certificate.fingerprint)
        elif known.user_id != user.pk:
            owner = accounts.get(known.user_id)
            if owner is None or owner.state is not User.State.ACTIVE or count(owner) > 1:
                raise Refusal(Reason.CREDENTIAL_TAKEN, field="publicKey")
            same.update(user=user, is_published=is_published)
            _write_copy(same, certificate)
            users.deactivate(owner, actor=user)
            audit.record_or_fail(
                "key-moved", actor=user, subject=certificate.fingerprint, facts={"from": owner.username}
            )
        return same.get()


def renew_openpgp_key(user: User, certificate: Certificate, *, usable: bool) -> None:
    """Keeps a newer copy of the account's own key. What the key opened ends if the copy opens nothing any more."""
    with transaction.atomic():
        users.held(user.pk)
        if not _write_copy(OpenPGPKey.objects.filter(user=user, fingerprint=certificate.fingerprint), certificate):
            raise Refusal(Reason.NOT_FOUND, field="key")
        if not usable:
            tokens.revoke(Token.objects.filter(user=user, credential=certificate.fingerprint), reason="key ended")
        facts = {"revoked": certificate.revoked, "expires_at": _written(certificate.expires_at)}
        audit.record_or_fail("key-renewed", actor=user, subject=certificate.fingerprint, facts=facts)


def publish_openpgp_key(user: User, fingerprint: str) -> None:
    """Chooses the key that the directory serves. What the one before it opened ends; NOT_FOUND."""
    with transaction.atomic():
        users.held(user.pk)
        keys = OpenPGPKey.objects.filter(user=user)
        chosen = keys.filter(fingerprint=fingerprint).first()
        if chosen is None:
            raise Refusal(Reason.NOT_FOUND, field="key")
        if chosen.is_published:
            return
        replaced = list(keys.filter(is_published=True).values_list("fingerprint", flat=True))
        keys.filter(is_published=True).update(is_published=False)
        keys.filter(pk=chosen.pk).update(is_published=True)
        tokens.revoke(Token.objects.filter(user=user, credential__in=replaced), reason="another key published")
        audit.record_or_fail("key-published", actor=user, subject=fingerprint, facts={"before": replaced})


def remove_openpgp_key(user: User, fingerprint: str, *, actor: audit.Actor = None) -> None:
    """Takes a key away; what it opened ends. LAST_CREDENTIAL when nothing else opens the account.

    If it was the one in the directory, the one that was added first takes its place.
    """
    with transaction.atomic():
        users.held(user.pk)
        _remove(user, OpenPGPKey.objects.filter(user=user, fingerprint=fingerprint), fingerprint, actor)
        left = openpgp_keys(user)
        if left and not any(key.is_published for key in left):
            OpenPGPKey.objects.filter(pk=left[0].pk).update(is_published=True)


def is_known_openpgp_key(fingerprint: str) -> bool:
    """Whether the key opens an account."""
    return OpenPGPKey.objects.filter(fingerprint=fingerprint).exists()


def note_use_of_openpgp_key(fingerprint: str) -> None:
    """Notes that the key opened a session now; raw, as every login does it."""
    with connection.cursor() as cursor:
        moment = connection.ops.adapt_datetimefield_value(clock.now())
        cursor.execute(_NOTE_USE, [moment, fingerprint])


def openpgp_keys(user: User) -> list[OpenPGPKey]:
    """The account's keys, the one added first at the head."""
    return list(user.openpgp_keys.order_by("pk"))


def remove_second_factors(user: User, *, actor: audit.Actor = None) -> None:
    """Takes app, passkeys and recovery codes away from somebody who lost them all; the password alone opens again.

    NOT_FOUND when there are none, LAST_CREDENTIAL when nothing would open the account any more.
    """
    with transaction.atomic():
        if not second_factors.of(user).any:
            raise Refusal(Reason.NOT_FOUND, field="factor")
        second_factors.remove_all(user)
        if count(user) == 0:
            raise Refusal(Reason.LAST_CREDENTIAL)
        audit.record_or_fail("second-factors-removed", actor=actor, subject=user.username)


def count(user: User) -> int:
    """How many things open the account; an address alone opens nothing, it goes with the password."""
    passkeys = Authenticator.objects.filter(user=user, type=Authenticator.Type.WEBAUTHN).count()
    upstream = SocialAccount.objects.filter(user=user).count()
    keys = user.x25519_keys.count() + user.openpgp_keys.count()
    return int(keys + passkeys + upstream + user.has_usable_password())


def addresses(user: User) -> list[EmailAddress]:
    """The account's e-mail addresses, the primary one first."""
    return list(EmailAddress.objects.filter(user=user).order_by("-primary", "email"))


def _remove(user: User, keys: QuerySet[X25519Key] | QuerySet[OpenPGPKey], credential: str, actor: audit.Actor) -> None:
    with transaction.atomic():
        users.held(user.pk)  # two removals at once do not both see the other's key
        removed, _ = keys.delete()
        if not removed:
            raise Refusal(Reason.NOT_FOUND, field="key")
        if count(user) == 0:
            raise Refusal(Reason.LAST_CREDENTIAL)
        tokens.revoke(Token.objects.filter(user=user, credential=credential), reason="key removed")
        facts = {"account": user.username}
        audit.record_or_fail("key-removed", actor=actor or user, subject=credential, facts=facts)


def _openpgp_row(user: User, certificate: Certificate, *, is_published: bool) -> OpenPGPKey:
    values = _facts(certificate)
    return OpenPGPKey(user=user, fingerprint=certificate.fingerprint, is_published=is_published, **values)


def _write_copy(key: QuerySet[OpenPGPKey], certificate: Certificate) -> int:
    return key.update(**_facts(certificate))


def _facts(certificate: Certificate) -> dict[str, Any]:
    return {
        "armored": certificate.armored,
        "algorithm": certificate.algorithm[:32],
        "bits": certificate.bits,
        "user_ids": [_shown(text) for text in certificate.user_ids],
        "expires_at": certificate.expires_at,
        "revoked_at": clock.now() if certificate.revoked else None,
    }


def _shown(text: str) -> str:
    """A user id without what no database stores and no page shows, cut."""
    return "".join(char if char.isprintable() else " " for char in text)[:_LONGEST_USER_ID]


def _written(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None

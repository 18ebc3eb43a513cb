"""The account, what opens it, and what is signed in to it (one-origin.md §2, §3)."""

import secrets
from typing import ClassVar

from allauth.account.models import EmailAddress
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.db.models import Q

from accounts import clock

CANONICAL_KEY_LENGTH = 66  # `05` and 64 hex digits


class Flow(models.TextChoices):
    """The doors as lists and commands name them (operations.md §3)."""

    SESSION = "session", "Session"
    MATRIX = "matrix", "Matrix"
    OTP = "otp", "E-mail code"
    OPENPGP = "openpgp", "Laverna"
    DEVICELOGIN = "devicelogin", "Sign-in pages, OAuth, QR"


class AccountManager(BaseUserManager["User"]):
    """Finds by name; creating is the verb `users.create`."""

    def get_by_natural_key(self, username: str | None) -> "User":
        """By exact name; what Django's own tools call."""
        return self.get(username=username)


def new_subject() -> str:
    """OAuth's `sub`: random, 128 bits, never reused (one-origin.md §2)."""
    return secrets.token_hex(16)


class User(AbstractBaseUser, PermissionsMixin):
    """The account: a person, or a key that logged in (one-origin.md §2)."""

    sub = models.CharField(max_length=32, unique=True, default=new_subject, editable=False)
    username = models.CharField("name", max_length=255, unique=True)
    folded_username = models.CharField(max_length=255, unique=True, editable=False)
    display_name = models.CharField(max_length=256, blank=True)
    is_staff = models.BooleanField("administrator", default=False)
    must_change_password = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    renamed_at = models.DateTimeField(null=True, blank=True, editable=False)
    locked_at = models.DateTimeField(null=True, blank=True, editable=False)
    suspended_at = models.DateTimeField(null=True, blank=True, editable=False)
    deactivated_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects: ClassVar[AccountManager] = AccountManager()

    USERNAME_FIELD = "username"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        verbose_name = "account"

    class State(models.TextChoices):
        """What an account may do; locked and suspended can be undone, deactivated cannot."""

        ACTIVE = "active"
        SUSPENDED = "suspended"
        LOCKED = "locked"
        DEACTIVATED = "deactivated"

    def __str__(self) -> str:
        return self.username

    @property
    def state(self) -> "User.State":
        """The gravest of what was done to the account."""
        if self.deactivated_at:
            return User.State.DEACTIVATED
        if self.locked_at:
            return User.State.LOCKED
        return User.State.SUSPENDED if self.suspended_at else User.State.ACTIVE

    @property
    def is_active(self) -> bool:  # type: ignore[override]  # Django declares a plain attribute
        """Whether the account may sign in at all; Django and django-allauth ask this."""
        return self.state in {User.State.ACTIVE, User.State.SUSPENDED}


class X25519Key(models.Model):
    """A Session identity: possession of the private key opens the account."""

    user = models.ForeignKey(User, models.CASCADE, related_name="x25519_keys")
    public_key = models.CharField(max_length=CANONICAL_KEY_LENGTH, unique=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name = "X25519 key"

    def __str__(self) -> str:
        return self.public_key


class OpenPGPKey(models.Model):
    """A Laverna identity. `armored` is kept as uploaded, byte for byte (laverna.md §2).

    The other facts of the key are read from it once. A revoked key stays in the directory, and opens nothing.
    """

    user = models.ForeignKey(User, models.CASCADE, related_name="openpgp_keys")
    fingerprint = models.CharField(max_length=64, unique=True)
    armored = models.TextField()
    algorithm = models.CharField(max_length=32, blank=True)
    bits = models.PositiveIntegerField(null=True, blank=True)
    user_ids = models.JSONField(
        default=list, db_default=models.Value([], models.JSONField()), blank=True, editable=False
    )
    is_published = models.BooleanField("served in the directory", default=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField("revocation uploaded", null=True, blank=True, editable=False)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name = "OpenPGP key"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["user"], condition=Q(is_published=True), name="one_published_openpgp_key")
        ]

    def __str__(self) -> str:
        return self.fingerprint


class Device(models.Model):
    """Something that is signed in. Ids are opaque, unique per (account, kind) (one-origin.md §3)."""

    class Kind(models.TextChoices):
        """Password and OAuth sessions of Matrix share one kind."""

        MATRIX = "matrix", "Matrix"
        SESSION = "session", "Session"
        OTP = "otp", "E-mail code"
        OPENPGP = "openpgp", "Laverna"
        BROWSER = "browser", "Browser"

    user = models.ForeignKey(User, models.CASCADE, related_name="devices")
    kind = models.CharField(max_length=16, choices=Kind.choices)
    device_id = models.CharField(max_length=512)
    display_name = models.CharField(max_length=256, blank=True)
    user_agent = models.CharField(max_length=1024, blank=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    last_seen_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_seen_ip = models.GenericIPAddressField(null=True, blank=True, editable=False)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["user", "kind", "device_id"], name="one_device_of_an_id")
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.display_name or self.device_id[:12]}"


class KnownDevice(models.Model):
    """Something an account was signed in on before: whoever comes with this `mark`, a digest, is nobody new.

    For devices that have a new row at each sign-in; it outlives the row (`new_devices`).
    """

    user = models.ForeignKey(User, models.CASCADE, related_name="known_devices")
    mark = models.BinaryField(max_length=32, editable=False)
    device = models.ForeignKey(Device, models.SET_NULL, null=True, blank=True, related_name="+")
    seen_at = models.DateTimeField(default=clock.now, db_index=True, editable=False)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["user", "mark"], name="one_known_device_of_a_mark")
        ]

    def __str__(self) -> str:
        return f"known device {self.pk}"


class AddressRecord(models.Model):
    """When an e-mail address came to its account, and when it was confirmed: django-allauth's row does not tell."""

    address = models.OneToOneField(EmailAddress, models.CASCADE, primary_key=True, related_name="record")
    added_at = models.DateTimeField(default=clock.now)
    validated_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"record of address {self.pk}"

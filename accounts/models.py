"""What the house remembers (architecture.md §3, one-origin.md §2–4). Verbs live beside it, not in it.

Secrets are stored as SHA-256 digests only (R7), short codes as HMACs (R9). E-mail addresses are django-allauth's
`EmailAddress` rows, second factors and passkeys its `Authenticator` rows: one truth for every door.
"""

import secrets
import uuid
from typing import Any, ClassVar

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
    """A Laverna identity. `armored` is kept as uploaded, byte for byte (laverna.md §2)."""

    user = models.ForeignKey(User, models.CASCADE, related_name="openpgp_keys")
    fingerprint = models.CharField(max_length=64, unique=True)
    armored = models.TextField()
    algorithm = models.CharField(max_length=32, blank=True)
    bits = models.PositiveIntegerField(null=True, blank=True)
    is_published = models.BooleanField("served in the directory", default=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
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


class Token(models.Model):
    """A secret that opens something, by its digest only. The flow mints the text (architecture.md §3).

    `family` ties all descendants of one login. `parent` is the refresh token that made this token, `successor` the
    refresh token that replaced this one; `used_at` is the first use: of an access token it confirms that the client
    got the answer, of a refresh token it means spent (matrix.md §8).
    """

    class Kind(models.TextChoices):
        """What the token is good for; one kind never passes as another."""

        ACCESS = "access"
        REFRESH = "refresh"
        REMEMBERED = "remembered"

    user = models.ForeignKey(User, models.CASCADE, related_name="tokens")
    device = models.ForeignKey(Device, models.SET_NULL, null=True, blank=True, related_name="tokens")
    flow = models.CharField(max_length=16, choices=Flow.choices)
    kind = models.CharField(max_length=16, choices=Kind.choices)
    digest = models.BinaryField(max_length=32, unique=True, editable=False)
    family = models.UUIDField(default=uuid.uuid4, db_index=True, editable=False)
    credential = models.CharField("opened by", max_length=128, blank=True, db_index=True)
    scope = models.CharField(max_length=1024, blank=True)
    amr = models.CharField("methods", max_length=64, blank=True)
    issued_at = models.DateTimeField(default=clock.now, editable=False)
    activated_at = models.DateTimeField(null=True, blank=True, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    idle_seconds = models.PositiveBigIntegerField(null=True, blank=True)
    idle_until = models.DateTimeField(null=True, blank=True, editable=False)
    used_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    revoked_for = models.CharField(max_length=64, blank=True, editable=False)
    parent = models.ForeignKey("self", models.SET_NULL, null=True, blank=True, related_name="children")
    successor = models.ForeignKey("self", models.SET_NULL, null=True, blank=True, related_name="+")

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["user", "revoked_at"], name="tokens_of_a_user"),
            # Partial: SQLite would else take "not revoked" for the narrowest condition and read every live token.
            models.Index(fields=["revoked_at"], name="tokens_by_end", condition=Q(revoked_at__isnull=False)),
            models.Index(fields=["expires_at"], name="tokens_by_expiry"),
            models.Index(fields=["idle_until"], name="tokens_by_idleness"),
        ]

    def __str__(self) -> str:
        return f"{self.flow} {self.kind} token {self.pk}"


class Challenge(models.Model):
    """A single-use secret or question: lives and dies here by one conditional UPDATE (R15–R17).

    `purpose` says what it opens, `binding` whom it was issued to (R16), `code_mac` holds the HMAC of a short code.
    """

    flow = models.CharField(max_length=16, choices=Flow.choices)
    purpose = models.CharField(max_length=64)
    digest = models.BinaryField(max_length=32, unique=True, editable=False)
    user = models.ForeignKey(User, models.CASCADE, null=True, blank=True, related_name="challenges")
    binding = models.CharField(max_length=512, blank=True)
    facts = models.JSONField(default=dict, blank=True)
    code_mac = models.BinaryField(max_length=32, null=True, blank=True, editable=False)
    key_version = models.CharField(max_length=16, blank=True, editable=False)
    tries_left = models.PositiveIntegerField(default=0)
    ip = models.GenericIPAddressField(null=True, blank=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    expires_at = models.DateTimeField(db_index=True)
    answered_at = models.DateTimeField(null=True, blank=True)
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["user", "flow", "purpose"], name="challenges_of_a_user"),
        ]

    def __str__(self) -> str:
        return f"{self.flow} {self.purpose} {self.pk}"


class AccessRule(models.Model):
    """One entry of a blacklist (deny) or whitelist (allow); `lookup` and `shape` are for `patterns`."""

    class Effect(models.TextChoices):
        """A live deny always wins (R48)."""

        DENY = "deny", "deny"
        ALLOW = "allow", "allow"

    class Field(models.TextChoices):
        """What of a subject the pattern is compared with."""

        PUBKEY = "pubkey", "Session key"
        USERNAME = "username", "name (* and ? allowed)"
        EMAIL = "email", "e-mail address"
        DOMAIN = "domain", "e-mail domain, with those below it"
        FINGERPRINT = "fingerprint", "OpenPGP fingerprint"
        IP = "ip", "address or network"

    class Scope(models.TextChoices):
        """A flow, or all of them."""

        ALL = "all", "all doors"
        SESSION = Flow.SESSION.value, Flow.SESSION.label
        MATRIX = Flow.MATRIX.value, Flow.MATRIX.label
        OTP = Flow.OTP.value, Flow.OTP.label
        OPENPGP = Flow.OPENPGP.value, Flow.OPENPGP.label
        DEVICELOGIN = Flow.DEVICELOGIN.value, Flow.DEVICELOGIN.label

    effect = models.CharField(max_length=8, choices=Effect.choices)
    field = models.CharField(max_length=16, choices=Field.choices)
    pattern = models.CharField(max_length=320)
    flow = models.CharField("door", max_length=16, choices=Scope.choices, default=Scope.ALL)
    lookup = models.CharField(max_length=340, db_index=True, editable=False)
    shape = models.CharField(max_length=32, db_index=True, editable=False)
    enabled = models.BooleanField(default=True)
    note = models.CharField(max_length=500, blank=True)
    author = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+", editable=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    expires_at = models.DateTimeField("until", null=True, blank=True)

    class Meta:
        verbose_name = "access rule"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["effect", "field", "pattern", "flow"], name="one_rule_of_a_kind")
        ]

    def __str__(self) -> str:
        return f"{self.effect} {self.field} {self.pattern} ({self.flow})"


class AccessMode(models.Model):
    """The switch of a flow: open, or whitelist mode, in which only listed subjects are admitted."""

    flow = models.CharField("door", max_length=16, choices=Flow.choices, primary_key=True)
    whitelist = models.BooleanField("whitelist mode", default=False)

    class Meta:
        verbose_name = "whitelist switch"
        verbose_name_plural = "whitelist switches"

    def __str__(self) -> str:
        return f"{self.get_flow_display()}: {'whitelist' if self.whitelist else 'open'}"


class Revision(models.Model):
    """How often something changed, so that other processes notice (`policy.changed`)."""

    name = models.CharField(max_length=32, primary_key=True)
    number = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.name} {self.number}"


class AuditEvent(models.Model):
    """What happened, append-only (R50). Never a secret."""

    class Outcome(models.TextChoices):
        """How it ended."""

        SUCCESS = "success"
        REFUSED = "refused"

    at = models.DateTimeField(default=clock.now, db_index=True)
    event = models.CharField(max_length=64, db_index=True)
    outcome = models.CharField(max_length=8, choices=Outcome.choices, default=Outcome.SUCCESS)
    reason = models.CharField(max_length=64, blank=True)
    flow = models.CharField("door", max_length=16, blank=True, choices=Flow.choices)
    actor = models.CharField(max_length=255, blank=True)
    subject = models.CharField(max_length=320, blank=True, db_index=True)
    ip = models.GenericIPAddressField("address", null=True, blank=True)
    request_id = models.CharField(max_length=32, blank=True)
    facts = models.JSONField(default=dict, blank=True)

    class Meta:
        verbose_name = "audit event"

    def __str__(self) -> str:
        return f"{self.event} {self.outcome}"


class Notice(models.Model):
    """Something live sockets of every process must hear, written in the transaction that caused it (`hub.close`)."""

    group = models.CharField(max_length=99)
    event = models.CharField(max_length=64)
    data: Any = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=clock.now, db_index=True)


class Allowance(models.Model):
    """A spent allowance of `throttle`, kept so that it survives a restart without Redis (R40)."""

    key = models.CharField(max_length=160, primary_key=True)
    full_at = models.FloatField()  # unix seconds at which the bucket is full again


class Lease(models.Model):
    """Which process does a background job; taken by one conditional UPDATE."""

    job = models.CharField(max_length=32, primary_key=True)
    holder = models.CharField(max_length=64, blank=True)
    until = models.DateTimeField()

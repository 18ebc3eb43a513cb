"""Whitelists and blacklists (R48)."""

from typing import ClassVar

from django.db import models

from accounts import clock
from accounts.models.people import Flow, User


class AccessRule(models.Model):
    """One entry of a blacklist (deny) or whitelist (allow); `lookup` and `shape` are for `patterns`.

    `author_name` is for what no account made: `latchkey` for what the server did by itself.
    """

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
    author_name = models.CharField(max_length=32, blank=True, db_default="", default="", editable=False)
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

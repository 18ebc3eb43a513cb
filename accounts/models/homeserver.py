"""What a Synapse behind this server is told: the accounts it knows from here, and what it must still hear
(matrix-oauth.md §8). Empty without one."""

from typing import ClassVar

from django.db import models

from accounts import clock
from accounts.models.people import User


class HomeserverAccount(models.Model):
    """What the homeserver was last told of an account. The row's claim makes calls about one account follow each other.

    `connected_at` is empty until it is certain that the homeserver's user of this name is this account.
    """

    class Problem(models.TextChoices):
        """Why an account is not connected."""

        NAME_TAKEN = "name-taken", "the homeserver has somebody else of this name"
        DEACTIVATED = "deactivated", "deactivated at the homeserver"

    user = models.OneToOneField(User, models.CASCADE, related_name="homeserver_account")
    localpart = models.CharField(max_length=255)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    connected_at = models.DateTimeField(null=True, blank=True, editable=False)
    provisioned_at = models.DateTimeField(null=True, blank=True, editable=False)
    problem = models.CharField(max_length=16, blank=True, choices=Problem.choices, db_index=True)
    sent = models.JSONField(default=dict, blank=True)  # displayname, emails, locked: as last told
    sync_due_at = models.DateTimeField(null=True, blank=True, db_index=True)
    claim = models.CharField(max_length=32, blank=True, editable=False)
    claimed_until = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name = "account at the homeserver"
        verbose_name_plural = "accounts at the homeserver"

    def __str__(self) -> str:
        return self.localpart


class HomeserverTask(models.Model):
    """Something to look at and make true at the homeserver, written in the transaction that caused it.

    One row for each thing, however often it changed: what is done is decided when it is done. `revision` is drawn anew
    with each change, so that one that comes meanwhile is not lost; while `held_until` a login is under way.
    """

    class Kind(models.TextChoices):
        """What to look at."""

        NEW_ACCOUNT = "new-account", "new account"
        ACCOUNT = "account", "account"
        DEVICE = "device", "device"
        DEVICE_NAME = "device-name", "name of a device"
        DEVICES = "devices", "all devices"

    user = models.ForeignKey(User, models.CASCADE, related_name="homeserver_tasks")
    kind = models.CharField(max_length=16, choices=Kind.choices)
    device_id = models.CharField(max_length=512, blank=True)
    erase = models.BooleanField("erase what was written", default=False)
    revision = models.BigIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    due_at = models.DateTimeField(default=clock.now, db_index=True)
    hold = models.CharField(max_length=32, blank=True, editable=False)
    held_until = models.DateTimeField(null=True, blank=True, editable=False)
    tries = models.PositiveIntegerField(default=0)
    last_error = models.CharField(max_length=200, blank=True)

    class Meta:
        verbose_name = "homeserver task"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["user", "kind", "device_id"], name="one_task_of_a_thing")
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.device_id[:24]}".strip()

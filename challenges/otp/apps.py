"""The door of one-time codes by e-mail as a Django application."""

from django.apps import AppConfig


class CodeDoorConfig(AppConfig):
    """Owns no tables: pending logins are rows of the ledger, confirmed ones rows of the token store."""

    name = "challenges.otp"
    label = "otp_door"
    verbose_name = "E-mail code door"

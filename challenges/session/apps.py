"""The Session door as a Django application."""

from django.apps import AppConfig


class SessionDoorConfig(AppConfig):
    """Named `session_door`: `session` alone would be taken for Django's own sessions in the admin."""

    name = "challenges.session"
    label = "session_door"
    verbose_name = "Session door"

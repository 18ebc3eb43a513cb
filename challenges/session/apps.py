"""The Session door as a Django application."""

from django.apps import AppConfig


class SessionDoorConfig(AppConfig):
    """Named `session_door`: `session` alone would be taken for Django's own sessions in the admin."""

    name = "challenges.session"
    label = "session_door"
    verbose_name = "Session door"

    def ready(self) -> None:
        """Its keys can be added to accounts that somebody is signed in to."""
        from challenges.session import linked_keys  # noqa: PLC0415  # models are ready only now

        linked_keys.register()

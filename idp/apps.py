"""The roof as a Django application: commands and system checks."""

from django.apps import AppConfig


class RoofConfig(AppConfig):
    """Loads the checks."""

    name = "idp"

    def ready(self) -> None:
        """Registers the system checks."""
        from idp import checks  # noqa: F401, PLC0415  # importing registers them

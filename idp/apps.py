"""The roof as a Django application: commands and system checks."""

from django.apps import AppConfig


class RoofConfig(AppConfig):
    """Loads the checks, and times the database."""

    name = "idp"

    def ready(self) -> None:
        """Registers the system checks, and hears of connections."""
        from idp import checks, checks_of_places  # noqa: F401, PLC0415  # importing registers them
        from idp.metrics import database  # noqa: PLC0415  # likewise after the models

        database.watch()

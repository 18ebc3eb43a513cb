"""Rendezvous sessions as a Django application."""

from django.apps import AppConfig


class RendezvousConfig(AppConfig):
    """Registers what the purge deletes, and what clients look for before they offer the feature."""

    name = "devicelogin.rendezvous"
    label = "rendezvous"
    verbose_name = "QR login"

    def ready(self) -> None:
        """The models are ready only now."""
        from accounts import features, retention, switches  # noqa: PLC0415
        from devicelogin.rendezvous import modes, services, store_database  # noqa: PLC0415
        from devicelogin.rendezvous.protocol import Form  # noqa: PLC0415

        switches.register(modes.SWITCH)
        retention.register("rendezvous sessions", store_database.purge)
        features.register("org.matrix.msc4108", lambda: services.is_advertised(Form.TEXT))
        features.register("io.element.msc4388", lambda: services.is_advertised(Form.JSON))

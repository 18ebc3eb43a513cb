"""OAuth as a Django application."""

from django.apps import AppConfig


class OAuthConfig(AppConfig):
    """Registers what the purge deletes and what a rotation of keys seals anew."""

    name = "devicelogin.oauth"
    label = "oauth"
    verbose_name = "OAuth"

    def ready(self) -> None:
        """Programs that nobody uses any more go with the purge; the others are known by name to the account page."""
        from accounts import programs, retention, sealed_rows, switches  # noqa: PLC0415  # models are ready only now
        from devicelogin.oauth import clients, device_grants, signing_keys  # noqa: PLC0415

        programs.register(clients.shown)
        switches.register(device_grants.LINKS)
        retention.register("OAuth clients", clients.purge)
        retention.register("signing keys", signing_keys.purge)
        sealed_rows.register(signing_keys.SEALED)

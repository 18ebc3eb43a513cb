"""The Laverna door as a Django application."""

from django.apps import AppConfig


class OpenPGPDoorConfig(AppConfig):
    """Owns invitations and who is connected; keys are rows of the ground floor."""

    name = "challenges.openpgp"
    label = "openpgp"
    verbose_name = "Laverna door"

    def ready(self) -> None:
        """Names what expires here to those who delete it; the account page can add keys."""
        from accounts import retention  # noqa: PLC0415  # models are there now, and not before
        from challenges.openpgp import linked_keys  # noqa: PLC0415
        from challenges.openpgp.signaling import invitations, presence  # noqa: PLC0415

        linked_keys.register()
        retention.register("invites", lambda size: invitations.purge(batch=size))
        retention.register("closed sockets", lambda size: presence.purge(batch=size))

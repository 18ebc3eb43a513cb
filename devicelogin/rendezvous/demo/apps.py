"""The demonstration of QR login as a Django application: so its templates and scripts are found."""

from django.apps import AppConfig


class RendezvousDemoConfig(AppConfig):
    """Without tables."""

    name = "devicelogin.rendezvous.demo"
    label = "rendezvous_demo"
    verbose_name = "QR login demonstration"

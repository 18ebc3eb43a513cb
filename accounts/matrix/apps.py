"""The Matrix door as a Django application."""

from django.apps import AppConfig


class MatrixDoorConfig(AppConfig):
    """Named `matrix_door`, as the other doors are."""

    name = "accounts.matrix"
    label = "matrix_door"
    verbose_name = "Matrix door"

"""The Laverna door in the administration: what its rooms register."""

from challenges.openpgp.signaling import admin

__all__ = ["admin"]

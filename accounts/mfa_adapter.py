"""How django-allauth keeps second factors here: secrets sealed, names of this site (`MFA_ADAPTER`)."""

from typing import Any

import segno
from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from django.conf import settings

from accounts import sealing
from accounts.models import User

LABEL = "second factor"


class MFAAdapter(DefaultMFAAdapter):
    """The library's hooks, filled in."""

    def encrypt(self, text: str) -> str:
        """A TOTP secret is never in the database in clear (R7)."""
        return sealing.seal(text, label=LABEL)

    def decrypt(self, encrypted_text: str) -> str:
        """Undoes `encrypt`."""
        return sealing.unseal(encrypted_text, label=LABEL)

    def get_totp_label(self, user: User) -> str:
        """What an app shows beside the code; the name, since addresses change."""
        return user.username

    def get_totp_issuer(self) -> str:
        """What an app shows above it."""
        return settings.PUBLIC_HOST

    def build_totp_svg(self, url: str) -> str:
        """The QR code as a `data:` URI for an image: black on white in dark mode too, or no camera reads it."""
        return str(segno.make(url, error="m").svg_data_uri(scale=4, border=3, dark="#000", light="#fff"))

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """Passkeys belong to the public host; without https, where browsers allow them on localhost only, to that."""
        asked = context.request.get_host().partition(":")[0]
        return {"id": settings.PUBLIC_HOST if settings.PUBLIC_IS_HTTPS else asked, "name": settings.PUBLIC_HOST}

    def get_public_key_credential_user_entity(self, user: User) -> dict[str, Any]:
        """The account in the list of a device's passkeys."""
        return {
            "id": user.sub.encode(),  # random, and tells nobody anything
            "display_name": user.display_name or user.username,
            "name": user.username,
        }

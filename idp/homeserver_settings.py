"""The settings of a Synapse behind this server in Django's terms; `idp/settings.py` takes them over."""

from idp.declared import values as _declared

MATRIX_HOMESERVER_URL: str = _declared["MATRIX_HOMESERVER_URL"]
MATRIX_HOMESERVER_SECRET: str = _declared["MATRIX_HOMESERVER_SECRET"].strip()  # of a file with a line end
MATRIX_HOMESERVER_PUBLIC_URL: str = _declared["MATRIX_HOMESERVER_PUBLIC_URL"] or MATRIX_HOMESERVER_URL
MATRIX_HOMESERVER_SYNC_INTERVAL: int = _declared["MATRIX_HOMESERVER_SYNC_INTERVAL"]

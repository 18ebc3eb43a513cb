"""The key of all signatures: made once when the operator gives none (R31)."""

import os
import secrets
from pathlib import Path

from idp.environment import UnknownValue


def own_secret_key(file: Path) -> str:
    """The key kept in `file` (mode 0600), written first if there is none.

    Two processes that start at once agree: the file appears whole under its name by one atomic link.
    """
    if not file.exists():
        try:
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise UnknownValue(f"VAR_DIR cannot be made: {error.strerror}") from None
        draft = file.with_name(f"{file.name}.{os.getpid()}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as stream:
            stream.write(secrets.token_urlsafe(48) + "\n")
        try:
            os.link(draft, file)
        except FileExistsError:
            pass  # another process was first: its key counts
        finally:
            draft.unlink()
    key = file.read_text().strip()
    if len(key) < 32:
        raise UnknownValue(f"{file.name} holds fewer than 32 characters: delete it to have a new key made")
    return key

"""The documents a new account accepts: `TERMS_FILE`, in the form of Matrix's `policies` (matrix.md §5)."""

import json
from pathlib import Path
from typing import Any

from idp.environment import UnknownValue


def read(name: str, *, folder: Path) -> dict[str, Any]:
    """Policy id → `{"version", language: {"name", "url"}}`; empty when no file is named."""
    if not name:
        return {}
    try:
        policies = json.loads((folder / name).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UnknownValue(f"TERMS_FILE={name!r} cannot be read as JSON: {error}") from None
    if not isinstance(policies, dict) or not policies or not all(map(_is_policy, policies.values())):
        raise UnknownValue(
            f'TERMS_FILE={name!r} holds no policies; allowed is {{"privacy_policy": {{"version": "1.0", '
            '"en": {"name": "Privacy policy", "url": "https://…"}}}'
        )
    return policies


def _is_policy(policy: Any) -> bool:
    if not isinstance(policy, dict) or not isinstance(policy.get("version"), str):
        return False
    documents = [document for key, document in policy.items() if key != "version"]
    return bool(documents) and all(map(_is_document, documents))


def _is_document(document: Any) -> bool:
    return (
        isinstance(document, dict)
        and isinstance(document.get("name"), str)
        and isinstance(document.get("url"), str)
        and document["url"].startswith(("https://", "http://"))
    )

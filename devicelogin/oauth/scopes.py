"""Scopes: what a program asks for (matrix-oauth.md §3). Pure."""

import re
from dataclasses import dataclass

from accounts.errors import Reason, Refusal

OPENID, EMAIL = "openid", "email"
SYNAPSE_ADMIN, OWN_ADMIN = "urn:synapse:admin:*", "urn:idp:admin"
_STABLE, _UNSTABLE = "urn:matrix:client:", "urn:matrix:org.matrix.msc2967.client:"
_ADMIN = frozenset({SYNAPSE_ADMIN, OWN_ADMIN})
_DEVICE_ID = re.compile(r"[A-Za-z0-9\-._~!$&'()*+,;=:@/]{10,512}")
_LONGEST = 1024  # characters, as the column
_WITH_SYNAPSE = 255


@dataclass(frozen=True, slots=True)
class Scope:
    """A scope that was understood: its words as they were sent, and what they mean."""

    words: tuple[str, ...]
    api: bool
    device_id: str

    def __str__(self) -> str:
        return " ".join(self.words)

    @property
    def openid(self) -> bool:
        """Whether an ID token is wanted."""
        return OPENID in self.words

    @property
    def email(self) -> bool:
        """Whether the person's address is wanted."""
        return EMAIL in self.words

    @property
    def for_administrators(self) -> bool:
        """Whether only administrators may grant it."""
        return not _ADMIN.isdisjoint(self.words)


def parse(text: str, *, longest_device_id: int = _WITH_SYNAPSE) -> Scope:
    """A requested scope; FIELD_MISSING or FIELD_INVALID with field `scope`.

    Stable and unstable words may not be mixed, a device needs the API, there is at most one, and every word is known.
    """
    words = tuple(dict.fromkeys(word for word in text.split(" ") if word))
    if not words:
        raise Refusal(Reason.FIELD_MISSING, field="scope")
    if len(text) > _LONGEST:
        raise _wrong("too long")
    prefixes = {prefix for word in words for prefix in (_STABLE, _UNSTABLE) if word.startswith(prefix)}
    if len(prefixes) > 1:
        raise _wrong("stable and unstable words")
    prefix = next(iter(prefixes), _STABLE)
    devices = [word.removeprefix(f"{prefix}device:") for word in words if word.startswith(f"{prefix}device:")]
    known = {f"{prefix}api:*", OPENID, EMAIL, *_ADMIN, *(f"{prefix}device:{device}" for device in devices)}
    if not known.issuperset(words):
        raise _wrong("unknown word")
    api = f"{prefix}api:*" in words
    if len(devices) > 1 or (devices and not api):
        raise _wrong("one device, with the API")
    device_id = devices[0] if devices else ""
    if devices and (not _DEVICE_ID.fullmatch(device_id) or len(device_id) > longest_device_id):
        raise _wrong("device id")
    return Scope(words, api, device_id)


def granted(text: str) -> frozenset[str]:
    """The words of a granted scope."""
    return frozenset(text.split())


def opens_matrix(text: str) -> bool:
    """Whether a granted scope opens the client-server API."""
    return not granted(text).isdisjoint({f"{_STABLE}api:*", f"{_UNSTABLE}api:*"})


def both_spellings(text: str) -> str:
    """A granted scope with the stable and the unstable form of each word (section 6)."""
    found: list[str] = []
    for word in text.split():
        for prefix in (_STABLE, _UNSTABLE):
            if word.startswith(prefix):
                rest = word.removeprefix(prefix)
                found += [f"{_STABLE}{rest}", f"{_UNSTABLE}{rest}"]
                break
        else:
            found.append(word)
    return " ".join(dict.fromkeys(found))


def of_legacy(device_id: str | None) -> str:
    """The scope of a token from the Matrix login: the API, and the device unless it is told beside the scope."""
    api = f"{_STABLE}api:*"
    return both_spellings(f"{api} {_STABLE}device:{device_id}" if device_id is not None else api)


def _wrong(detail: str) -> Refusal:
    return Refusal(Reason.FIELD_INVALID, field="scope", detail=detail)

"""The one vocabulary of refusals inside the house (architecture.md §6).

Every door's `protocol.py` holds a total map from `Reason` to its wire form; an architecture test proves it total.
No Django here: protocols may import this file.
"""

from enum import StrEnum


class Reason(StrEnum):
    """Why something was refused. Closed: a new reason is a change of every door's map."""

    # the request itself
    MALFORMED = "malformed"  # not parseable, or parseable and not storable
    FIELD_MISSING = "field-missing"
    FIELD_TYPE = "field-type"  # of another JSON type than the protocol says
    FIELD_INVALID = "field-invalid"
    PATH_UNKNOWN = "path-unknown"
    METHOD_NOT_ALLOWED = "method-not-allowed"
    TOO_LARGE = "too-large"
    UNSUPPORTED_MEDIA = "unsupported-media"
    # who asks
    NOT_ADMITTED = "not-admitted"  # the lists say no
    TOKEN_MISSING = "token-missing"
    TOKEN_UNKNOWN = "token-unknown"  # never issued, inert, expired, revoked
    TOKEN_EXPIRED = "token-expired"  # its session lives: the client signs in again and keeps what it has
    CREDENTIAL_WRONG = "credential-wrong"  # also: no such account, no such credential
    CHALLENGE_INVALID = "challenge-invalid"  # unknown, expired, used, issued to somebody else
    FORBIDDEN = "forbidden"
    ACCOUNT_LOCKED = "account-locked"
    ACCOUNT_SUSPENDED = "account-suspended"
    ACCOUNT_DEACTIVATED = "account-deactivated"
    # what is asked for
    NOT_FOUND = "not-found"
    NAME_TAKEN = "name-taken"
    NAME_INVALID = "name-invalid"
    NAME_RESERVED = "name-reserved"
    CREDENTIAL_TAKEN = "credential-taken"  # an address, key or fingerprint of another account
    LAST_CREDENTIAL = "last-credential"
    PASSWORD_WEAK = "password-weak"
    REGISTRATION_CLOSED = "registration-closed"
    # the server
    RATE_LIMITED = "rate-limited"
    OVERLOADED = "overloaded"
    UNAVAILABLE = "unavailable"  # database or another store does not answer
    INTERNAL = "internal"


class Refusal(Exception):
    """A verb's only way to say no.

    `field` names the part of the request at fault; `retry_after` is in seconds; `detail` goes to the log only.
    """

    def __init__(self, reason: Reason, *, field: str = "", retry_after: float | None = None, detail: str = "") -> None:
        super().__init__(f"{reason}{': ' + field if field else ''}{' (' + detail + ')' if detail else ''}")
        self.reason = reason
        self.field = field
        self.retry_after = retry_after
        self.detail = detail

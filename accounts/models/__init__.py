"""What the house remembers (architecture.md §3, one-origin.md §2–4). Verbs live beside it, not in it.

Secrets are stored as SHA-256 digests only (R7), short codes as HMACs (R9). E-mail addresses are django-allauth's
`EmailAddress` rows, second factors and passkeys its `Authenticator` rows: one truth for every door.
"""

from accounts.models.bookkeeping import Allowance, AuditEvent, Lease, Notice, QueuedMail, Revision, TurnedSwitch
from accounts.models.figures import HourlyCount, JobState, ServerProcess, StoredFigures
from accounts.models.homeserver import HomeserverAccount, HomeserverTask
from accounts.models.lists import AccessMode, AccessRule
from accounts.models.people import (
    CANONICAL_KEY_LENGTH,
    AddressRecord,
    Device,
    Flow,
    KnownDevice,
    OpenPGPKey,
    User,
    X25519Key,
    new_subject,
)
from accounts.models.registration import AcceptedDocument, PendingRegistration, RegistrationToken
from accounts.models.secrets_issued import Challenge, KeptKey, RecoveryCode, Token
from accounts.models.upstream import UpstreamProvider
from accounts.models.watching import (
    AttackedAccount,
    Condition,
    Delivery,
    ExemptNetwork,
    Guesser,
    Happening,
    Severity,
    Subscription,
)

__all__ = [
    "CANONICAL_KEY_LENGTH",
    "AcceptedDocument",
    "AccessMode",
    "AccessRule",
    "AddressRecord",
    "Allowance",
    "AttackedAccount",
    "AuditEvent",
    "Challenge",
    "Condition",
    "Delivery",
    "Device",
    "ExemptNetwork",
    "Flow",
    "Guesser",
    "Happening",
    "HomeserverAccount",
    "HomeserverTask",
    "HourlyCount",
    "JobState",
    "KeptKey",
    "KnownDevice",
    "Lease",
    "Notice",
    "OpenPGPKey",
    "PendingRegistration",
    "QueuedMail",
    "RecoveryCode",
    "RegistrationToken",
    "Revision",
    "ServerProcess",
    "Severity",
    "StoredFigures",
    "Subscription",
    "Token",
    "TurnedSwitch",
    "UpstreamProvider",
    "User",
    "X25519Key",
    "new_subject",
]

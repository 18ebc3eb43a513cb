"""What administrators can be told of: every kind once, with how much it matters, and which audit events are one.

docs/events.md lists the same; a test holds both together.
"""

from collections.abc import Callable
from dataclasses import dataclass

from accounts.models import AuditEvent, Severity

_SERVER = "latchkey"
_INFO, _WARNING, _CRITICAL = Severity.INFO, Severity.WARNING, Severity.CRITICAL
_ORDER = [_INFO, _WARNING, _CRITICAL]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of event. `title` begins a mail's subject; `when` says when it is told."""

    name: str
    severity: Severity
    title: str
    when: str


def _kind(name: str, severity: Severity, title: str, when: str) -> tuple[str, Kind]:
    return name, Kind(name, severity, title, when)


ALL: dict[str, Kind] = dict(
    (
        _kind("admin-signed-in", _INFO, "Administrator signed in", "an administrator's password was right"),
        _kind("admin-refused", _WARNING, "Administration refused a sign-in", "a sign-in to the administration failed"),
        _kind("admin-made", _WARNING, "New administrator", "an account with administrator's rights was made"),
        _kind("rules-changed", _INFO, "Lists changed", "a rule or an exemption was added, changed or removed"),
        _kind("whitelist-switched", _WARNING, "Whitelist switched", "a door was put in whitelist mode, or opened"),
        _kind("key-rotated", _INFO, "Key rotated", "a new signing key was made, or the server's key changed"),
        _kind(
            "guesser-blocked", _WARNING, "Guesser blocked", "an address or network was put on the blacklist by itself"
        ),
        _kind("account-attacked", _CRITICAL, "Account attacked", "many addresses fail with one account"),
        _kind(
            "token-replayed", _WARNING, "Stolen token", "a spent refresh token or code came again, its session ended"
        ),
        _kind(
            "second-factors-removed", _WARNING, "Second factors removed", "all second factors of an account were taken"
        ),
        _kind("all-sessions-ended", _WARNING, "All sessions ended", "every session of everybody was ended"),
        _kind("providers-changed", _WARNING, "Upstream providers changed", "a site that signs people in was changed"),
        _kind("log-exported", _INFO, "Audit log downloaded", "the audit log was downloaded"),
        _kind("subscriptions-changed", _WARNING, "Subscriptions changed", "somebody changed who is told what"),
        _kind("mail-stuck", _CRITICAL, "Mail is stuck", "a mail waits longer than `MAIL_STUCK_AFTER`"),
        _kind("mail-flows", _INFO, "Mail flows again", "after it was stuck"),
        _kind("mail-lost", _WARNING, "Mail given up", "a mail could not be sent before its end"),
        _kind(
            "homeserver-silent", _CRITICAL, "Homeserver unreachable", "it does not answer for `HOMESERVER_SILENT_AFTER`"
        ),
        _kind("homeserver-answers", _INFO, "Homeserver answers again", "after it was unreachable"),
        _kind("homeserver-conflict", _WARNING, "Homeserver conflict", "an account's name is somebody else's there"),
        _kind("job-failing", _CRITICAL, "Background job fails", "a job fails for `JOB_FAILING_AFTER` seconds"),
        _kind("job-works", _INFO, "Background job works again", "after it was told that it fails"),
        _kind(
            "message-given-up", _WARNING, "Message given up", "a subscription could not be told for `EVENT_PATIENCE`"
        ),
        _kind("test", _INFO, "Test", "somebody pressed the button; goes to that subscription alone"),
    )
)
CHOSEN = [name for name in ALL if name != "test"]

_OF_AUDIT: dict[tuple[str, str], str] = {
    ("admin-login", "success"): "admin-signed-in",
    ("admin-login", "refused"): "admin-refused",
    ("user-created", "success"): "admin-made",
    **{(f"rule-{verb}", "success"): "rules-changed" for verb in ("added", "changed", "removed", "enabled", "disabled")},
    ("exemption-added", "success"): "rules-changed",
    ("exemption-removed", "success"): "rules-changed",
    ("mode-changed", "success"): "whitelist-switched",
    ("signing-key-made", "success"): "key-rotated",
    ("keys-rotated", "success"): "key-rotated",
    ("guesser-blocked", "success"): "guesser-blocked",
    ("account-attacked", "success"): "account-attacked",
    ("refresh-token-replayed", "refused"): "token-replayed",
    ("authorization-code-replayed", "refused"): "token-replayed",
    ("device-code-replayed", "refused"): "token-replayed",
    ("second-factors-removed", "success"): "second-factors-removed",
    ("sessions-ended", "success"): "all-sessions-ended",
    **{(f"upstream-{verb}", "success"): "providers-changed" for verb in ("added", "changed", "removed")},
    ("audit-exported", "success"): "log-exported",
    **{(f"subscription-{verb}", "success"): "subscriptions-changed" for verb in ("added", "changed", "removed")},
    ("mail-lost", "refused"): "mail-lost",
    ("homeserver-conflict", "refused"): "homeserver-conflict",
}
# Of audit events that mean more than one thing, which are of the kind.
_ONLY: dict[str, Callable[[AuditEvent], bool]] = {
    "admin-made": lambda event: bool(event.facts.get("administrator")),
    "rules-changed": lambda event: event.actor != _SERVER,  # what guessers get has a kind of its own
    "all-sessions-ended": lambda event: event.subject == "*",
}


def of_audit(event: AuditEvent) -> Kind | None:
    """What the audit event is to administrators; None for nearly all."""
    name = _OF_AUDIT.get((event.event, event.outcome))
    if name is None or (name in _ONLY and not _ONLY[name](event)):
        return None
    return ALL[name]


def matters(severity: str, least: str) -> bool:
    """Whether something of this severity is told to who wants to hear of `least` and above."""
    return _ORDER.index(Severity(severity)) >= _ORDER.index(Severity(least))

"""Refusals in words for an administrator, in the browser and at the terminal alike."""

from accounts.errors import Reason, Refusal

_REASONS = {
    Reason.NAME_TAKEN: "This name is taken.",
    Reason.NAME_INVALID: ("A name holds a-z 0-9 . _ = / + -, does not begin with _ and is not only digits."),
    Reason.NAME_RESERVED: "This name is reserved: it has the form of a Session key, or a deny rule names it.",
    Reason.CREDENTIAL_TAKEN: "This address or key belongs to another account.",
    Reason.LAST_CREDENTIAL: (
        "This is the last thing that opens the account. Set a password first, or deactivate the account."
    ),
    Reason.ACCOUNT_DEACTIVATED: "This account is deactivated, for good.",
    Reason.FORBIDDEN: "Only an account named by its key can be renamed, and only once.",
    Reason.NOT_FOUND: "It is no longer there.",
    Reason.RATE_LIMITED: "Too many wrong passwords. Wait a while; until then even the right one is refused.",
    Reason.CREDENTIAL_WRONG: "This is not your password.",
    Reason.OVERLOADED: "The server is busy. Try again in a moment.",
}
_NARROWER = {
    (Reason.NAME_TAKEN, "token"): "There is a registration token of this text already; a revoked one stays so.",
}
_FIELDS = {
    "duplicate": "There is a rule that says the same.",
    "pubkey": "A Session key is 05 and 64 hex digits, and a point that keeps a secret.",
    "pubKey": "A Session key is 05 and 64 hex digits, and a point that keeps a secret.",
    "username": "A name holds letters, digits and . _ = / + - with * for any characters and ? for one.",
    "email": "An e-mail address looks like ann@example.org.",
    "domain": "A domain looks like example.org; it counts for the domains below it too.",
    "fingerprint": "An OpenPGP fingerprint is 40 or 64 hex digits; blanks between them are fine.",
    "ip": "An address or network looks like 192.0.2.7, 192.0.2.0/24 or 2001:db8::/32.",
    "password": "The password is too long, or holds what cannot be stored.",
    "field": "A field is pubkey, username, email, domain, fingerprint or ip.",
    "token": "A registration token has 1 to 64 characters, of A-Z a-z 0-9 . _ ~ and -.",
    "uses": "A registration token has 1 to 2,147,483,647 uses; none given means any number.",
    "until": "This moment has passed already.",
    "target": "A subscription is told at a mail address, or at a URL such as https://hooks.example.org/latchkey.",
    "kinds": "There is no such kind of event.",
    "subscriptions": "There are 100 subscriptions already; each event asks every one of them.",
    "note": "A note has at most 500 characters.",
    "name": "A display name has at most 256 characters and no control characters.",
}


def of(refusal: Refusal) -> str:
    """A sentence that says what was refused and, where it helps, what is allowed."""
    if refusal.reason is Reason.PASSWORD_WEAK:
        return f"This password cannot be used: {refusal.detail}."
    if refusal.reason is Reason.FIELD_INVALID:
        return pattern(refusal.field)
    if (refusal.reason, refusal.field) in _NARROWER:
        return _NARROWER[refusal.reason, refusal.field]
    return _REASONS.get(refusal.reason, f"Refused: {refusal.reason.value.replace('-', ' ')}.")


def pattern(field: str) -> str:
    """What the value of a field must look like."""
    return _FIELDS.get(field, "This value cannot be used.")


def count(number: int, noun: str) -> str:
    """`1 token`, `2 tokens`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"

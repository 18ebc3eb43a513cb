"""The answers of the code door: the truth table of `confirm_token` and the errors (websocket-otp.md §2, §3). Pure."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from accounts.errors import Reason, Refusal
from accounts.wire import Shape, Wire
from challenges.otp.messages import Code

REQUEST, CONFIRM = "request_login_token", "confirm_token"
EVENTS = frozenset({REQUEST, CONFIRM})


class Record(Enum):
    """What the server knows of a login token."""

    GONE = "gone"  # never issued, or forgotten since
    PENDING = "pending"
    CONFIRMED = "confirmed"
    REVOKED = "revoked"  # was confirmed
    DEAD = "dead"  # cancelled, out of tries or out of time before it was confirmed


@dataclass(frozen=True, slots=True)
class Claim:
    """The facts of one confirmation, with a token that we signed. `active` and `admitted`: the account, the lists."""

    past_end: bool
    record: Record
    same_client: bool
    active: bool
    admitted: bool
    code: Code

    @property
    def is_good(self) -> bool:
        """Section 3, "token good"; a token past its end is not."""
        found = self.record in {Record.PENDING, Record.CONFIRMED}
        return not self.past_end and found and self.same_client and self.active and self.admitted

    @property
    def has_ended(self) -> int:
        """Row 1 or 2 for a login that was good once, else 0. Whom the lists refuse does not hear of it (R49)."""
        if not self.admitted:
            return 0
        if self.past_end and self.record in {Record.CONFIRMED, Record.GONE}:
            return 1
        return 2 if self.record is Record.REVOKED else 0


def row(claim: Claim, *, code_is_right: Callable[[], bool], password_holds: Callable[[], bool]) -> int:
    """The row of section 3's table that decides, 1 to 10. A token that we did not sign is `bad_token_row`.

    `code_is_right` compares and costs a try: asked in rows 5 and 6 only. `password_holds` says whether the password
    that came, or did not come, will do: asked in rows 8 and 9 only.
    """
    if ended := claim.has_ended:
        return ended
    if not claim.is_good:
        return bad_token_row(claim.code)
    if claim.record is Record.PENDING and claim.code is not Code.WELL_FORMED:
        return 7
    if claim.record is Record.PENDING:
        return 5 if code_is_right() else 6
    if claim.code is not Code.FAKE:
        return 10
    return 8 if password_holds() else 9


def bad_token_row(code: Code) -> int:
    """Row 3 or 4: forged, unknown, cancelled, of another browser, of an account that may not sign in."""
    return 3 if code is Code.WELL_FORMED else 4


# Row → code and text. Rows 3 and 4 say the same of an unknown token and of a cancelled one.
_ROWS: Mapping[int, tuple[str, str]] = {
    1: ("1105", "The login has expired: sign in again"),
    2: ("1105", "The login has expired: sign in again"),
    3: ("1102", "The login is not known here: sign in again"),
    4: ("1101", "Neither the login nor the code is good: sign in again"),
    5: ("1104", "Signed in"),
    6: ("1103", "The code is wrong"),
    7: ("1101", "A code is needed, and this is none"),
    8: ("1103", "Signed in: this login is remembered"),
    9: ("1101", "The password is wrong or missing"),
    10: ("1101", "This login is confirmed already"),
}


def answer(number: int, **members: Any) -> dict[str, Any]:
    """The response to `confirm_token` for a row of the table."""
    code, text = _ROWS[number]
    return {"code": code, "message": text, **members}


def refused(refusal: Refusal) -> dict[str, Any]:
    """The error object for a refusal."""
    shape = SHAPES[refusal.reason]
    return _render(shape, shape.text.replace("{field}", refusal.field), refusal)


def _render(shape: Shape, text: str, refusal: Refusal) -> dict[str, Any]:
    body: dict[str, Any] = {"code": shape.extra["code"], "message": text}
    if shape.extra["code"] == "1107":
        body["retry_after_ms"] = max(1, math.ceil((refusal.retry_after or 1.0) * 1000))
    return body


def _malformed(status: int, text: str) -> Shape:
    return Shape(status, text, {"code": "1100"})


def _later(status: int, text: str) -> Shape:
    return Shape(status, text, {"code": "1107"})


_WRONG = Shape(401, "Wrong e-mail address or password", {"code": "1106"})
_UNUSABLE = _malformed(400, "The message cannot be used")

# Whoever may not sign in hears one text, whatever the reason (R12). Reasons that no verb of this door gives stand
# with their like.
SHAPES: Mapping[Reason, Shape] = {
    Reason.MALFORMED: _malformed(400, "The message is no object of the right form"),
    Reason.FIELD_MISSING: _malformed(400, "Missing: {field}"),
    Reason.FIELD_TYPE: _malformed(400, "Not a string: {field}"),
    Reason.FIELD_INVALID: _malformed(400, "Too long or not storable: {field}"),
    Reason.PATH_UNKNOWN: _malformed(404, "There is no such event"),
    Reason.METHOD_NOT_ALLOWED: _malformed(405, "There is no such event"),
    Reason.TOO_LARGE: _malformed(413, "The message is too large"),
    Reason.UNSUPPORTED_MEDIA: _malformed(415, "Only text is understood"),
    Reason.NOT_ADMITTED: _WRONG,
    Reason.TOKEN_MISSING: _WRONG,
    Reason.TOKEN_UNKNOWN: _WRONG,
    Reason.TOKEN_EXPIRED: _WRONG,
    Reason.CREDENTIAL_WRONG: _WRONG,
    Reason.CHALLENGE_INVALID: _WRONG,
    Reason.FORBIDDEN: _WRONG,
    Reason.ACCOUNT_LOCKED: _WRONG,
    Reason.ACCOUNT_SUSPENDED: _WRONG,
    Reason.ACCOUNT_DEACTIVATED: _WRONG,
    Reason.NOT_FOUND: _WRONG,
    Reason.NAME_TAKEN: _UNUSABLE,
    Reason.NAME_INVALID: _UNUSABLE,
    Reason.NAME_RESERVED: _UNUSABLE,
    Reason.CREDENTIAL_TAKEN: _UNUSABLE,
    Reason.LAST_CREDENTIAL: _UNUSABLE,
    Reason.PASSWORD_WEAK: _UNUSABLE,
    Reason.REGISTRATION_CLOSED: _UNUSABLE,
    Reason.RATE_LIMITED: _later(429, "Too many requests: try again later"),
    Reason.OVERLOADED: _later(503, "Busy: try again"),
    Reason.UNAVAILABLE: _later(503, "Not available at the moment: try again"),
    Reason.INTERNAL: _later(500, "Something failed here: try again"),
}

WIRE = Wire(SHAPES, _render)

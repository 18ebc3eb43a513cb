"""User-interactive auth: the same call again and again until its proofs are complete (matrix.md §5).

A session is a challenge of the ledger. It remembers the first body, without any password in clear, and which stages
are done; it is good for one call, of one person, and for a repeat of that call within a minute, because clients try
again when an answer was lost.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db import transaction

from accounts import ledger, passwords, throttle
from accounts.errors import Reason, Refusal
from accounts.matrix import identifiers
from accounts.matrix.messages import Fields
from accounts.models import Challenge, Flow, User

PURPOSE = "interactive-auth"
REPLAY_SECONDS = 60.0
_LONGEST_NAME = 400  # of a call's name, which holds a device id of up to 512 characters
_PASSWORDS = frozenset({"password", "new_password"})
_NEED_NO_SESSION = frozenset({"m.login.dummy", "m.login.password"})  # what they prove holds without a row


@dataclass(frozen=True, slots=True)
class Call:
    """The call that needs proofs: its name (`POST register`), whose it is, what it offers, and its body.

    Of the body only what the call `keeps`, and passwords, is remembered; what is `bound` must not change between
    requests. `device_id` is that of the token that asks.
    """

    name: str
    user: User | None
    flows: tuple[tuple[str, ...], ...]
    fields: Fields
    ip: str
    params: Mapping[str, Any] = field(default_factory=dict)
    keeps: frozenset[str] = frozenset()
    bound: frozenset[str] = frozenset()
    device_id: str = ""
    replayable: bool = True

    @property
    def binding(self) -> str:
        """What a session of this call is bound to."""
        name = self.name if len(self.name) <= _LONGEST_NAME else hashlib.sha256(self.name.encode()).hexdigest()
        return f"{name} {self.user.pk if self.user else ''}"

    def offers(self, stage: str) -> bool:
        """Whether any flow has this stage."""
        return any(stage in flow for flow in self.flows)


class Incomplete(Exception):
    """More proofs are needed: the 401 answer of section 5, whole."""

    def __init__(self, body: dict[str, Any]) -> None:
        super().__init__(body.get("errcode", "incomplete"))
        self.body = body


class StageFailed(Exception):
    """A stage was not proved; the client may try again. `waiting` is kept: a mail whose link is not opened yet."""

    def __init__(self, errcode: str, error: str, *, waiting: Mapping[str, Any] | None = None) -> None:
        super().__init__(errcode)
        self.errcode, self.error, self.waiting = errcode, error, waiting


@dataclass(frozen=True, slots=True)
class Proved:
    """A call whose proofs are complete. `fields` is its body, remembered members included; `hashes` the hashes of
    passwords in it; `facts` what the stages brought."""

    call: Call
    fields: Fields
    hashes: Mapping[str, str]
    facts: Mapping[str, Any]
    session: str = ""


CheckStage = Callable[[str, Mapping[str, Any] | None, Call, Challenge | None], Any]


def parse_auth(fields: dict[str, Any]) -> Mapping[str, Any]:
    """Takes `auth` out of a body; {} for everything that only opens a session."""
    auth = fields.pop("auth", None)
    if not isinstance(auth, dict):
        return {}
    auth = {key: value for key, value in auth.items() if value is not None}
    for key in ("type", "session"):
        if key in auth and not isinstance(auth[key], str):
            raise Refusal(Reason.FIELD_TYPE, field=f"auth.{key}")
    return auth if {"type", "session"} & set(auth) else {}


def replayed(call: Call, auth: Mapping[str, Any]) -> dict[str, Any] | None:
    """The outcome of this very call if its session was used up in the last minute; None when it was not."""
    session = auth.get("session")
    if not session or not call.replayable:
        return None
    row = _found(session)
    if row.used_at is None:
        return None
    _require_binding(row, call)
    return _outcome(row, *_merged(row, call))


def prove(call: Call, auth: Mapping[str, Any], check_stage: CheckStage) -> Proved:
    """The call with its proofs; Incomplete while some are missing.

    RATE_LIMITED; CHALLENGE_INVALID with field `session` (unknown) or `operation` (opened for another call or body).
    """
    whose = ("user", str(call.user.pk)) if call.user else ("ip", throttle.address_key(call.ip))
    throttle.hit(throttle.Limit("matrix-interactive-auth", 60, 60), *whose)  # each writes a row, many hash a password
    stage, session = auth.get("type"), auth.get("session")
    given: Mapping[str, Any] | None = auth
    if stage is None and session is None:
        raise Incomplete(_body(call, _open(call)))
    if stage is not None and not call.offers(stage):
        raise Refusal(Reason.FIELD_INVALID, field="auth.type")
    if session is None and (stage,) in call.flows and stage in _NEED_NO_SESSION:
        return _in_one_request(call, str(stage), auth, check_stage)
    session = session or _open(call)
    row, fields, hashes = _continue(session, call)
    waiting = row.facts.get("waiting")
    if stage is None and waiting:  # only the state is asked for: has the link in the mail been opened?
        stage, given = waiting["type"], None
    failure = None
    if stage is not None and stage not in row.facts["completed"]:
        try:
            fact = check_stage(stage, given, call, row)
            row = _note(session, lambda facts: {**facts, "completed": {**facts["completed"], stage: fact}})
        except StageFailed as failed:
            failure, waits = failed, failed.waiting
            if waits:
                _note(session, lambda facts: {**facts, "waiting": waits})
    completed = row.facts["completed"]
    if failure is None and any(set(flow) <= set(completed) for flow in call.flows):
        return Proved(call, fields, hashes, completed, session)
    raise Incomplete(_body(call, session, completed=list(completed), failure=failure))


def perform(proved: Proved, do: Callable[[], dict[str, Any]]) -> tuple[dict[str, Any], bool]:
    """Carries the call out, once: its outcome (kept for a repeat, so never a secret), and whether this did it."""
    with transaction.atomic():
        if not proved.session:
            return do(), True
        row = _held(proved.session)
        if row.used_at is not None:
            if not proved.call.replayable:
                raise Refusal(Reason.CHALLENGE_INVALID, field="session")
            return _outcome(row, proved.fields, proved.hashes), False
        outcome = do()
        done = {"fields": proved.fields, "hashes": proved.hashes, "outcome": outcome}  # another body may have come last
        ledger.note(row, facts={**row.facts, **done}, lifetime=settings.MATRIX_UIA_LIFETIME)
        ledger.consume(row)
        return outcome, True


def challenge_of(session: str) -> Challenge:
    """The challenge behind a session that is not used yet; CHALLENGE_INVALID. For pages that complete a stage."""
    row = _found(session)
    if row.used_at is not None:
        raise Refusal(Reason.CHALLENGE_INVALID, field="session")
    return row


def complete_in_browser(session: str, stage: str, fact: Any) -> None:
    """Notes a stage that a page completed."""
    _note(session, lambda facts: {**facts, "completed": {**facts["completed"], stage: fact}})


def _open(call: Call) -> str:
    session = identifiers.new_opaque()
    plain, hashes = _split(call)
    hashed = {key: passwords.encode(value) for key, value in hashes.items()}
    ledger.open(
        session,
        flow=Flow.MATRIX,
        purpose=PURPOSE,
        lifetime=settings.MATRIX_UIA_LIFETIME,
        binding=call.binding,
        user=call.user,
        facts={"completed": {}, "fields": plain, "hashes": hashed, "flows": call.flows, "params": call.params},
        ip=call.ip,
    )
    return session


def _in_one_request(call: Call, stage: str, auth: Mapping[str, Any], check_stage: CheckStage) -> Proved:
    """One stage is all there is to prove: no session is needed when it is right."""
    try:
        fact = check_stage(stage, auth, call, None)
    except StageFailed as failed:
        raise Incomplete(_body(call, _open(call), completed=[], failure=failed)) from None
    plain, clear = _split(call)
    return Proved(call, plain, {key: passwords.encode(value) for key, value in clear.items()}, {stage: fact})


def _continue(session: str, call: Call) -> tuple[Challenge, Fields, dict[str, str]]:
    """The session with the newest body remembered, and life for another hour."""
    row = _found(session)
    if row.used_at is not None and not call.replayable:
        raise Refusal(Reason.CHALLENGE_INVALID, field="session")
    _require_binding(row, call)
    fields, hashes = _merged(row, call)  # hashes before the row is held: it takes long
    return _note(session, lambda facts: {**facts, "fields": fields, "hashes": hashes}), fields, hashes


def _merged(row: Challenge, call: Call) -> tuple[Fields, dict[str, str]]:
    """The body that counts: a later one that is not empty replaces the first, but for what must not change."""
    fields, hashes = row.facts["fields"], dict(row.facts["hashes"])
    plain, clear = _split(call)
    if any(key in fields and plain[key] != fields[key] for key in call.bound & set(plain)):
        raise Refusal(Reason.CHALLENGE_INVALID, field="operation")
    for key, value in clear.items():
        if key in hashes and passwords.matches(hashes[key], value):
            continue
        if key in hashes and key in call.bound:
            raise Refusal(Reason.CHALLENGE_INVALID, field="operation")
        hashes[key] = passwords.encode(value)
    kept = {key: value for key, value in fields.items() if key in call.bound}
    return ({**kept, **plain} if plain else fields), hashes


def _split(call: Call) -> tuple[dict[str, Any], dict[str, str]]:
    """What is kept of a body, and its passwords."""
    plain = {key: value for key, value in call.fields.items() if key in call.keeps | call.bound - _PASSWORDS}
    return plain, {key: str(call.fields[key]) for key in sorted(_PASSWORDS & set(call.fields))}


def _require_binding(row: Challenge, call: Call) -> None:
    if row.binding != call.binding:
        raise Refusal(Reason.CHALLENGE_INVALID, field="operation")


def _outcome(row: Challenge, fields: Fields, hashes: Mapping[str, str]) -> dict[str, Any]:
    """What the call came to, for the identical call; `_merged` has given an equal password its old hash."""
    if fields != row.facts["fields"] or hashes != row.facts["hashes"]:
        raise Refusal(Reason.CHALLENGE_INVALID, field="operation")
    outcome: dict[str, Any] = row.facts["outcome"]
    return outcome


def _note(session: str, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Challenge:
    """Changes what is known of the session; of changes at once none is lost. One that waits for a mail lives longer."""
    with transaction.atomic():
        row = _held(session)
        if row.used_at is None:
            facts = change(row.facts)
            lifetime = settings.MATRIX_UIA_MAIL_LIFETIME if "waiting" in facts else settings.MATRIX_UIA_LIFETIME
            ledger.note(row, facts=facts, lifetime=lifetime)
        return row


def _held(session: str) -> Challenge:
    try:
        return ledger.hold(session, flow=Flow.MATRIX, purpose=PURPOSE, used_within=REPLAY_SECONDS)
    except Refusal:
        raise Refusal(Reason.CHALLENGE_INVALID, field="session") from None


def _found(session: str) -> Challenge:
    with transaction.atomic():
        return _held(session)


def _body(
    call: Call, session: str, *, completed: list[str] | None = None, failure: StageFailed | None = None
) -> dict[str, Any]:
    """The 401 body of section 5; `params` is always there."""
    body: dict[str, Any] = {
        "session": session,
        "flows": [{"stages": list(flow)} for flow in call.flows],
        "params": dict(call.params),
    }
    if completed or failure:
        body["completed"] = completed or []
    if failure:
        body |= {"errcode": failure.errcode, "error": failure.error}
    return body

"""The account as its owner changes it: password and deactivation (matrix.md §11)."""

from typing import Any

from accounts import emails, passwords, users
from accounts.errors import Reason, Refusal
from accounts.matrix import address_proofs, interactive, messages, sessions, stages
from accounts.matrix.interactive import Call, Proved
from accounts.models import Token, User
from accounts.tokens import Bearer

_PASSWORD_CALL = "POST account/password"


def change_password(fields: dict[str, Any], *, bearer: Bearer | None, ip: str) -> None:
    """Sets a new password: with a token after the old one, without after a proved address (a reset).

    FIELD_MISSING, PASSWORD_WEAK, CHALLENGE_INVALID with field sid for an address of nobody.
    """
    sessions.require_own_page(bearer)
    auth = interactive.parse_auth(fields)
    user = users.by_id(bearer.user_id) if bearer is not None else None
    flows = stages.flows_of(user) if user is not None else ((stages.EMAIL,),)
    call = Call(
        _PASSWORD_CALL,
        user,
        flows,
        fields,
        ip,
        keeps=frozenset({"logout_devices"}),
        bound=frozenset({"new_password"}),
        device_id=device_of(bearer),
    )
    ends_others = messages.flag(fields, "logout_devices", default=True)
    if interactive.replayed(call, auth) is not None:
        return
    password = messages.text(fields, "new_password")
    if password is None and not auth.get("session"):
        raise Refusal(Reason.FIELD_MISSING, field="new_password")
    if password is not None:
        complaint = passwords.weakness(passwords.prepare(password), username=user.username if user else "")
        if complaint:
            raise Refusal(Reason.PASSWORD_WEAK, field="new_password", detail=complaint)
    proved = interactive.prove(call, auth, stages.check)
    if "new_password" not in proved.hashes:
        raise Refusal(Reason.FIELD_MISSING, field="new_password")
    ends_others = messages.flag(proved.fields, "logout_devices", default=True)
    interactive.perform(proved, lambda: _set_password(proved, bearer, ends_others=ends_others))


def device_of(bearer: Bearer | None) -> str:
    """The id of the device that asks, "" without a token."""
    return (bearer.device_id or "") if bearer is not None else ""


def deactivate(fields: dict[str, Any], *, bearer: Bearer, ip: str) -> None:
    """Ends the account for good, after a proof; the name stays taken for ever."""
    sessions.require_own_page(bearer)
    auth = interactive.parse_auth(fields)
    erase = messages.flag(fields, "erase")
    user = users.by_id(bearer.user_id)
    name = "POST account/deactivate"
    device_id = device_of(bearer)
    call = Call(name, user, stages.flows_of(user), fields, ip, replayable=False, device_id=device_id)
    proved = interactive.prove(call, auth, stages.check)

    def end() -> dict[str, Any]:
        users.deactivate(user, erase=erase, actor=user)
        return {}

    interactive.perform(proved, end)


def _set_password(proved: Proved, bearer: Bearer | None, *, ends_others: bool) -> dict[str, Any]:
    """Keeps the calling token and what was refreshed with it; with `ends_others` off all but remembered logins."""
    user = proved.call.user or _owner_of_proved_address(proved)
    keep = Token.objects.none()
    if bearer is not None:
        keep = Token.objects.filter(family=bearer.family)
    if not ends_others:
        keep = Token.objects.filter(user=user).exclude(kind=Token.Kind.REMEMBERED)
    users.set_encoded_password(user, proved.hashes["new_password"], keep=keep, actor=user)
    return {}


def _owner_of_proved_address(proved: Proved) -> User:
    fact = proved.facts[stages.EMAIL]
    address_proofs.use(sid=fact["sid"], purpose=address_proofs.RESET)
    user = emails.owner(fact["address"])
    if user is None or user.deactivated_at:
        raise Refusal(Reason.CHALLENGE_INVALID, field="sid")
    return user

"""E-mail addresses of an account, as Matrix names them: third-party ids (matrix.md §12)."""

from typing import Any

from django.conf import settings

from accounts import emails, users
from accounts.errors import Reason, Refusal
from accounts.matrix import address_proofs, interactive, messages, sessions, stages
from accounts.matrix.interactive import Call
from accounts.models import User
from accounts.tokens import Bearer

EMAIL = "email"


def request_token(purpose: str, fields: messages.Fields, *, bearer: Bearer | None = None, ip: str) -> str:
    """Asks for a link that proves an address; answers the sid. See `address_proofs.request`.

    FIELD_MISSING, FIELD_TYPE; REGISTRATION_CLOSED where the proof would be for a new account.
    """
    if purpose == address_proofs.REGISTER and settings.REGISTRATION == "closed":
        raise Refusal(Reason.REGISTRATION_CLOSED)
    return address_proofs.request(
        client_secret=messages.required_text(fields, "client_secret"),
        address=messages.required_text(fields, "email"),
        send_attempt=messages.number(fields, "send_attempt"),
        next_link=messages.text(fields, "next_link") or "",
        purpose=purpose,
        user=users.by_id(bearer.user_id) if bearer is not None else None,
        ip=ip,
    )


def listed(bearer: Bearer) -> list[dict[str, Any]]:
    """The confirmed addresses of the bearer's account; times in milliseconds."""
    return [
        {
            "medium": EMAIL,
            "address": known.address,
            "validated_at": int(known.validated_at.timestamp() * 1000),
            "added_at": int(known.added_at.timestamp() * 1000),
        }
        for known in emails.listed(users.by_id(bearer.user_id))
    ]


def add(fields: dict[str, Any], *, bearer: Bearer, ip: str, name: str = "POST account/3pid/add") -> None:
    """Gives the account a proved address, after a proof of who asks.

    FIELD_MISSING; CHALLENGE_INVALID with field sid for an address that is not confirmed with these credentials;
    CREDENTIAL_TAKEN when it became another account's meanwhile.
    """
    sessions.require_own_page(bearer)
    auth = interactive.parse_auth(fields)
    user = users.by_id(bearer.user_id)
    call = Call(
        name,
        user,
        stages.flows_of(user),
        _claim(fields, auth, user),
        ip,
        keeps=frozenset({"is_holder"}),
        bound=frozenset({"sid"}),
        device_id=bearer.device_id or "",
    )
    if interactive.replayed(call, auth) is not None:
        return
    proved = interactive.prove(call, auth, stages.check)
    if not proved.fields.get("is_holder"):
        raise Refusal(Reason.CHALLENGE_INVALID, field="sid")

    def give() -> dict[str, Any]:
        proof = address_proofs.use(sid=proved.fields["sid"], purpose=address_proofs.ADD)
        emails.add_confirmed(user, proof.address, validated_at=proof.validated_at, actor=user)
        return {}

    interactive.perform(proved, give)


def add_as_in_2015(fields: dict[str, Any], *, bearer: Bearer, ip: str) -> None:
    """The deprecated twin: credentials in an object of their own, and no proof in its time. One is asked for here."""
    auth = fields.pop("auth", None)
    credentials = fields.get("three_pid_creds", fields.get("threePidCreds"))
    if credentials is None and not (isinstance(auth, dict) and "session" in auth):
        raise Refusal(Reason.FIELD_MISSING, field="three_pid_creds")
    if not isinstance(credentials, dict | None):
        raise Refusal(Reason.FIELD_TYPE, field="three_pid_creds")
    add({**(credentials or {}), "auth": auth}, bearer=bearer, ip=ip, name="POST account/3pid")


def delete(fields: messages.Fields, *, bearer: Bearer) -> None:
    """Takes an address away; one that the account does not have is no error. ACCOUNT_SUSPENDED."""
    medium, address = messages.required_text(fields, "medium"), messages.required_text(fields, "address")
    if bearer.suspended:
        raise Refusal(Reason.ACCOUNT_SUSPENDED)
    if medium == EMAIL:
        user = users.by_id(bearer.user_id)
        emails.remove(user, address, actor=user)


def _claim(fields: messages.Fields, auth: messages.Fields, user: User) -> dict[str, Any]:
    """What a session remembers of the body: whose proof it is, not the client's secret."""
    sid, secret = messages.text(fields, "sid"), messages.text(fields, "client_secret")
    if sid is None and secret is None and "session" in auth:
        return {}  # the session knows
    sid, secret = messages.required_text(fields, "sid"), messages.required_text(fields, "client_secret")
    holds = address_proofs.holds(sid=sid, client_secret=secret, purpose=address_proofs.ADD, user=user)
    return {"sid": sid, "is_holder": holds}

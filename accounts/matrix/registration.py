"""Registration (matrix.md §7): open? types, name, password, proofs, then the account."""

import secrets
from typing import Any

from django.conf import settings
from django.db import transaction

from accounts import homeserver, names, passwords, policy, registration_tokens, subjects, throttle, users
from accounts.errors import Reason, Refusal
from accounts.matrix import accounts_named, address_proofs, interactive, messages, sessions, stages
from accounts.matrix.interactive import Call, Proved
from accounts.models import AcceptedDocument, Device, User

_NAME_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"
_CALL = "POST register"
_KEPT = frozenset({"username", "device_id", "initial_device_display_name", "inhibit_login", "refresh_token"})


def register(fields: dict[str, Any], *, ip: str, user_agent: str) -> dict[str, Any]:
    """The answer to a complete registration; `interactive.Incomplete` while proofs are missing.

    REGISTRATION_CLOSED, FIELD_TYPE, NAME_INVALID, NAME_RESERVED, NAME_TAKEN, PASSWORD_WEAK, FIELD_MISSING (the
    password, only when everything else is proved), NOT_ADMITTED, RATE_LIMITED.
    """
    _require_open()
    throttle.peek(_limit(), throttle.address_key(ip))
    auth = interactive.parse_auth(fields)
    call = Call(name=_CALL, user=None, flows=flows(), fields=fields, ip=ip, params=_params(), keeps=_KEPT)
    messages.wish(fields)
    outcome = interactive.replayed(call, auth)
    if outcome is not None:
        return _again(outcome)
    _count_call(ip)
    try:
        proved = _proved(call, auth)
    except Refusal as refusal:
        outcome = interactive.replayed(call, auth) if refusal.reason is Reason.NAME_TAKEN else None
        if outcome is None:
            raise
        return _again(outcome)  # the same request came twice at once, and the other one has taken the name
    if "password" not in proved.hashes:
        raise Refusal(Reason.FIELD_MISSING, field="password")
    answers: list[dict[str, Any]] = []

    def create() -> dict[str, Any]:
        outcome, answer = _create(proved, ip=ip, user_agent=user_agent)
        answers.append(answer)
        return outcome

    outcome, is_new = interactive.perform(proved, create)
    if not is_new:
        return _again(outcome)
    _confirm(outcome)
    return answers[0]


def register_guest(fields: dict[str, Any], *, ip: str, user_agent: str) -> dict[str, Any]:
    """A guest's account and session; FORBIDDEN when guests are not admitted."""
    if not settings.MATRIX_GUESTS or homeserver.is_on():  # which would take a guest for a person
        raise Refusal(Reason.FORBIDDEN, field="guest")
    _require_open()
    wish = messages.guest_wish(fields)
    throttle.hit(_limit(), throttle.address_key(ip))
    with transaction.atomic():
        user = users.create_guest("".join(secrets.choice("0123456789") for _ in range(18)), flow=sessions.FLOW)
        opened = sessions.open_session(user, wish, ip=ip, user_agent=user_agent, amr="guest", scope=sessions.GUEST)
    return _rendered(opened)


def available(username: str | None, *, ip: str) -> None:
    """Refuses as `register` would for this name; FIELD_MISSING without one."""
    if username is None:
        raise Refusal(Reason.FIELD_MISSING, field="username")
    _require_open()
    _count_call(ip)
    _check_name(username, ip=ip)


def token_is_valid(token: str | None, *, ip: str) -> bool:
    """Whether a registration token would be taken now (section 7)."""
    if token is None:
        raise Refusal(Reason.FIELD_MISSING, field="token")
    _require_open()
    throttle.hit(throttle.Limit.of("matrix-validity", settings.MATRIX_VALIDITY_RATE), throttle.address_key(ip))
    return registration_tokens.is_valid(token)


def flows() -> tuple[tuple[str, ...], ...]:
    """What a new account proves, in the order of section 7."""
    first: list[str] = []
    if settings.REGISTRATION == "token":
        first.append(stages.REGISTRATION_TOKEN)
    if settings.TERMS:
        first.append(stages.TERMS)
    plain, mailed = (*first, stages.DUMMY), (*first, stages.EMAIL)
    return {"off": (plain,), "optional": (plain, mailed), "required": (mailed,)}[settings.REGISTRATION_EMAIL]


def _require_open() -> None:
    if settings.REGISTRATION == "closed":
        raise Refusal(Reason.REGISTRATION_CLOSED)


def _proved(call: Call, auth: messages.Fields) -> Proved:
    """The call with its proofs. The name is looked at before them and after: a proof may take two days."""
    _check(call.fields, ip=call.ip)
    proved = interactive.prove(call, auth, stages.check)
    _check(proved.fields, ip=call.ip)
    return proved


def _check(fields: messages.Fields, *, ip: str) -> None:
    """What can be said of a body before any proof."""
    username, password = messages.text(fields, "username"), messages.text(fields, "password")
    messages.flag(fields, "inhibit_login")
    if username is not None:
        _check_name(username, ip=ip)
    if password is not None:
        complaint = passwords.weakness(passwords.prepare(password), username=username or "")
        if complaint:
            raise Refusal(Reason.PASSWORD_WEAK, field="password", detail=complaint)


def _check_name(username: str, *, ip: str) -> None:
    name = names.fold(username)
    names.check_new(name)
    if users.find(name) is not None:
        raise Refusal(Reason.NAME_TAKEN, field="username")
    decision = policy.decide(sessions.FLOW, policy.Subject(username=name, ip=ip))
    if decision.rule is not None and not decision.admitted:  # a whitelist may still admit the address proved later
        raise Refusal(Reason.NOT_ADMITTED, detail=decision.cause)
    homeserver.check_name(name)


def _create(proved: Proved, *, ip: str, user_agent: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The account with what its proofs brought, and its first session: the outcome to keep, and the answer."""
    throttle.hit(_limit(), throttle.address_key(ip))
    username = messages.text(proved.fields, "username")
    name = names.fold(username) if username is not None else _new_name()
    email = _proved_address(proved)
    policy.hold()
    policy.admit(sessions.FLOW, policy.Subject(username=name, ip=ip, emails=(email,) if email else ()))
    encoded = proved.hashes["password"]
    user = users.create(name, encoded=encoded, email=email, display_name=name, flow=sessions.FLOW, actor=name)
    _keep_acceptance(user, proved.facts.get(stages.TERMS) or {})
    if proved.session:
        registration_tokens.complete(interactive.challenge_of(proved.session))
    if messages.flag(proved.fields, "inhibit_login"):
        return {"name": name, "password": encoded}, _without_session(name)
    opened = sessions.open_session(user, messages.wish(proved.fields), ip=ip, user_agent=user_agent, amr="pwd")
    outcome = {"name": name, "password": encoded, "device_id": opened.device_id, "token": opened.issued.digest}
    return outcome | {"refresh": opened.issued.refresh_token is not None}, _rendered(opened)


def _again(outcome: dict[str, Any]) -> dict[str, Any]:
    """The answer to a repeat: the same account and device. The tokens of the first answer stay alive, because which
    of the two answers reached the client is not known here; those of other repeats end.

    CHALLENGE_INVALID with field session when the account or its device is not any more what was made.
    """
    name, device_id = outcome["name"], outcome.get("device_id")
    if device_id is None:
        return _without_session(name)
    with transaction.atomic():
        policy.hold()
        user = User.objects.select_for_update(no_key=True).filter(username=name, password=outcome["password"]).first()
        device = Device.objects.filter(user=user, kind=Device.Kind.MATRIX, device_id=device_id).first()
        if user is None or device is None or not user.is_active or not _is_admitted(user):
            raise Refusal(Reason.CHALLENGE_INVALID, field="session")
        sessions.end_repeats(device, first=outcome["token"])
        issued = sessions.issue(user, device, refresh=outcome["refresh"], amr="pwd")
    sessions.confirm(user, device)
    return _rendered(sessions.Opened(accounts_named.user_id(name), device_id, issued))


def _confirm(outcome: dict[str, Any]) -> None:
    """A homeserver hears of the session before its tokens go out."""
    if homeserver.is_on() and "device_id" in outcome:
        device = Device.objects.select_related("user").get(
            user__username=outcome["name"], kind=Device.Kind.MATRIX, device_id=outcome["device_id"]
        )
        sessions.confirm(device.user, device)


def _is_admitted(user: User) -> bool:
    return policy.decide(sessions.FLOW, subjects.of_account(user)).admitted


def _proved_address(proved: Proved) -> str:
    """The address of the e-mail stage, whose proof is used up; "" without one."""
    fact = proved.facts.get(stages.EMAIL)
    if not fact:
        return ""
    address_proofs.use(sid=fact["sid"], purpose=address_proofs.REGISTER)
    return str(fact["address"])


def _keep_acceptance(user: User, documents: dict[str, str]) -> None:
    AcceptedDocument.objects.bulk_create(
        [AcceptedDocument(user=user, document=document, version=version) for document, version in documents.items()]
    )


def _new_name() -> str:
    return "u" + "".join(secrets.choice(_NAME_ALPHABET) for _ in range(12))


def _params() -> dict[str, Any]:
    return {stages.TERMS: {"policies": settings.TERMS}} if settings.TERMS else {}


def _without_session(name: str) -> dict[str, Any]:
    return {"user_id": accounts_named.user_id(name), "home_server": settings.MATRIX_SERVER_NAME}


def _rendered(opened: sessions.Opened) -> dict[str, Any]:
    return {
        "user_id": opened.user_id,
        "home_server": settings.MATRIX_SERVER_NAME,
        "device_id": opened.device_id,
        **opened.issued.render(),
    }


def _limit() -> throttle.Limit:
    return throttle.Limit.of("matrix-registration", settings.MATRIX_REGISTRATION_RATE)


def _count_call(ip: str) -> None:
    """Calls that write a row, or tell whether a name is taken."""
    throttle.hit(throttle.Limit("matrix-register-call", 60, 60), throttle.address_key(ip))

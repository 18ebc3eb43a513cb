"""Who moderates, and what a moderator may do to the lists of this door (session-open-group.md §6.3)."""

from django.db import transaction

from accounts import audit, rule_reach, rules, users
from accounts.errors import Reason, Refusal
from accounts.keys import canonical_x25519
from accounts.models import AccessRule, Flow, X25519Key
from challenges.session import services
from challenges.session.models import Moderator

_EFFECTS = {"blacklist": AccessRule.Effect.DENY, "whitelist": AccessRule.Effect.ALLOW}


def status(public_key: str) -> bool | str:
    """`moderator_status` of user_info: True for a global moderator, channel numbers, or False."""
    moderator = Moderator.objects.filter(public_key=public_key).first()
    if moderator is None:
        return False
    return moderator.is_global or moderator.channels


def add(public_key: str, *, channels: str = "", note: str | None = None, actor: audit.Actor = None) -> bool:
    """Makes a key a moderator, or changes its channels; False when it was one already. None keeps the note."""
    key = canonical_x25519(public_key)
    values = {"channels": channels} | ({} if note is None else {"note": note[:500]})
    with transaction.atomic():
        _, is_new = Moderator.objects.update_or_create(public_key=key, defaults=values)
        facts = {"channels": channels}
        audit.record_or_fail("moderator-added", actor=actor, flow=Flow.SESSION, subject=key, facts=facts)
    return is_new


def remove(public_key: str, *, actor: audit.Actor = None) -> bool:
    """Takes moderator rights away; False when there were none."""
    key = canonical_x25519(public_key)
    with transaction.atomic():
        removed, _ = Moderator.objects.filter(public_key=key).delete()
        if removed:
            audit.record_or_fail("moderator-removed", actor=actor, flow=Flow.SESSION, subject=key)
    return bool(removed)


def of_channel(number: int) -> list[str]:
    """The keys that moderate a channel, global moderators included."""
    rows = Moderator.objects.order_by("pk").values_list("public_key", "channels")
    return [key for key, channels in rows if not channels or str(number) in channels.replace(" ", "").split(",")]


def require_global(secret: str, *, ip: str) -> str:
    """The key of the bearer if a global moderator; FORBIDDEN otherwise, else as `services.bearer`."""
    key = services.bearer(secret, ip=ip).credential
    if status(key) is not True:
        raise Refusal(Reason.FORBIDDEN)
    return key


def put_on(list_name: str, identifier: str, *, actor: str) -> None:
    """Bans (`blacklist`), admits (`whitelist`) or appoints (`moderators`) the keys of `identifier`."""
    keys = keys_named(identifier, must_exist=list_name == "moderators")
    with transaction.atomic():
        for key in keys:
            if list_name == "moderators":
                add(key, actor=actor)
            elif not _stands(list_name, key):  # what an administrator wrote keeps its note and its end
                rules.add(_EFFECTS[list_name], "pubkey", key, flow=Flow.SESSION, note="by a moderator", author=actor)
            if list_name == "blacklist":
                remove(key, actor=actor)


def _stands(list_name: str, key: str) -> bool:
    """Whether a live entry of this door says it already."""
    known = rules.find(_EFFECTS[list_name], "pubkey", key, flow=Flow.SESSION).first()
    return known is not None and rule_reach.is_live(known)


def take_off(list_name: str, identifier: str, *, actor: str) -> None:
    """Undoes `put_on`. A rule that an administrator made for all doors stays."""
    keys = keys_named(identifier, must_exist=list_name == "moderators")
    with transaction.atomic():
        for key in keys:
            if list_name == "moderators":
                remove(key, actor=actor)
            else:
                rules.remove(rules.find(_EFFECTS[list_name], "pubkey", key, flow=Flow.SESSION), author=actor)


def keys_named(identifier: str, *, must_exist: bool) -> list[str]:
    """The keys of `:id`: a numeric account id, or `@` and a key. NOT_FOUND, or FIELD_INVALID for a bad key.

    With `must_exist` a key that opens no account is NOT_FOUND too.
    """
    if identifier.startswith("@"):
        public_key = canonical_x25519(identifier[1:])
        if must_exist and users.of_x25519_key(public_key) is None:
            raise Refusal(Reason.NOT_FOUND)
        return [public_key]
    if not identifier.isascii() or not identifier.isdigit() or len(identifier) > 18:
        raise Refusal(Reason.NOT_FOUND)
    keys = list(X25519Key.objects.filter(user_id=int(identifier)).values_list("public_key", flat=True))
    if not keys:
        raise Refusal(Reason.NOT_FOUND)
    return keys

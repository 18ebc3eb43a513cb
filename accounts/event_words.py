"""An event as one sentence for an administrator: in mails, webhooks and pages alike.

Much of it was typed by strangers, so everything is one short line, and nothing of it is markup.
"""

from collections.abc import Callable, Mapping
from typing import Any

from accounts.mail_content import one_line
from accounts.models import Happening

_MOST = 120  # characters of one part
_VERBS = {
    "rule-added": "added the rule",
    "rule-changed": "changed the rule",
    "rule-removed": "removed the rule",
    "rule-enabled": "switched on the rule",
    "rule-disabled": "switched off the rule",
}


def sentence(event: Happening) -> str:
    """What happened, with who and where as far as that is known."""
    write = _SENTENCES.get(event.kind)
    return write(event, event.facts) if write else f"{event.kind}: {short(event.subject)}"


def short(text: object) -> str:
    """One line of a bearable length; "somebody" for nothing."""
    line = one_line(str(text or ""))
    return (line if len(line) <= _MOST else f"{line[:_MOST]}…") or "somebody"


def _from(event: Happening) -> str:
    return f" from {event.ip}" if event.ip else ""


def _who(event: Happening) -> str:
    return "A command" if event.actor == "command" else short(event.actor)


def _minute(moment: object) -> str:
    """An ISO moment to the minute."""
    return f"{str(moment)[:16].replace('T', ' ')} UTC"


def _rules_changed(event: Happening, facts: Mapping[str, Any]) -> str:
    name = str(facts.get("event"))
    if name.startswith("exemption"):
        verb = "exempted" if name == "exemption-added" else "no longer exempts"
        return f"{_who(event)} {verb} {short(event.subject)} from blocks."
    rule = " ".join(str(facts.get(part, "")) for part in ("effect", "field"))
    doors = "" if facts.get("flow") == "all" else f" at {facts.get('flow')}"
    return f"{_who(event)} {_VERBS.get(name, 'changed the rule')} {rule} {short(event.subject)}{doors}."


def _whitelist_switched(event: Happening, facts: Mapping[str, Any]) -> str:
    state = "in whitelist mode" if facts.get("whitelist") else "open to all but the denied"
    return f"{_who(event)} put the door {short(event.subject)} {state}."


def _key_rotated(event: Happening, facts: Mapping[str, Any]) -> str:
    if not event.subject:
        return f"{_who(event)} rotated the server's keys."
    why = facts.get("reason")
    return f"{_who(event)} made the key {short(event.subject)}{f' ({short(why)})' if why else ''}."


def _guesser_blocked(event: Happening, facts: Mapping[str, Any]) -> str:
    what = "The network" if facts.get("kind") == "network" else "The address"
    doors = ", ".join(short(door) for door in facts.get("doors", {}) if door)
    names = [short(name) for name in facts.get("accounts", [])[:5]]
    tried = f", with {', '.join(names)}" if names else ""
    at = f" at {doors}" if doors else ""
    return (
        f"{what} {short(event.subject)} gave {facts.get('failures')} wrong secrets{at}{tried}, and is blocked until "
        f"{_minute(facts.get('until'))} (block {facts.get('block')})."
    )


def _account_attacked(event: Happening, facts: Mapping[str, Any]) -> str:
    return (
        f"{facts.get('addresses')} addresses gave {facts.get('failures')} wrong secrets for {short(event.subject)} "
        f"since {_minute(facts.get('since'))}. The account is not locked."
    )


def _token_replayed(event: Happening, facts: Mapping[str, Any]) -> str:
    what = str(facts.get("event", "")).removesuffix("-replayed").replace("-", " ")
    return f"A spent {what} of {short(event.subject)} came again{_from(event)}; what it opened has ended."


def _subscriptions_changed(event: Happening, facts: Mapping[str, Any]) -> str:
    verb = str(facts.get("event", "")).removeprefix("subscription-")
    return f"{_who(event)} {verb} the subscription {short(event.subject)}."


def _providers_changed(event: Happening, facts: Mapping[str, Any]) -> str:
    verb = str(facts.get("event", "")).removeprefix("upstream-")
    return f"{_who(event)} {verb} the upstream provider {short(event.subject)}."


def _mail_stuck(event: Happening, facts: Mapping[str, Any]) -> str:
    return f"A mail has waited for {int(facts.get('seconds', 0)) // 60} minutes; {facts.get('waiting')} wait."


def _homeserver_silent(event: Happening, facts: Mapping[str, Any]) -> str:
    since, error = _minute(facts.get("since")), short(facts.get("error"))
    return f"The homeserver {short(event.subject)} does not answer since {since}: {error}."


def _job_failing(event: Happening, facts: Mapping[str, Any]) -> str:
    since, error = _minute(facts.get("since")), short(facts.get("error"))
    return f"The background job {short(event.subject)} fails since {since}: {error}."


def _message_given_up(event: Happening, facts: Mapping[str, Any]) -> str:
    what, error = short(facts.get("kind")), short(facts.get("error"))
    return f"The subscription {short(event.subject)} was not told of {what}: {error}."


_SENTENCES: dict[str, Callable[[Happening, Mapping[str, Any]], str]] = {
    "admin-signed-in": lambda event, _: f"{short(event.subject)} signed in to the administration{_from(event)}.",
    "admin-refused": lambda event, facts: (
        f"A sign-in to the administration as {short(event.subject)}{_from(event)} was refused ({facts.get('reason')})."
    ),
    "admin-made": lambda event, _: f"{_who(event)} made the administrator {short(event.subject)}.",
    "rules-changed": _rules_changed,
    "whitelist-switched": _whitelist_switched,
    "key-rotated": _key_rotated,
    "guesser-blocked": _guesser_blocked,
    "account-attacked": _account_attacked,
    "token-replayed": _token_replayed,
    "second-factors-removed": lambda event, _: (
        f"{_who(event)} took all second factors from the account {short(event.subject)}."
    ),
    "all-sessions-ended": lambda event, _: f"{_who(event)} ended every session of everybody.",
    "providers-changed": _providers_changed,
    "log-exported": lambda event, _: f"{_who(event)} downloaded the audit log.",
    "subscriptions-changed": _subscriptions_changed,
    "mail-stuck": _mail_stuck,
    "mail-flows": lambda event, _: "No mail waits too long any more.",
    "mail-lost": lambda event, facts: (
        f"A mail ({short(facts.get('template'))}) could not be sent before its end: {short(facts.get('last_error'))}."
    ),
    "homeserver-silent": _homeserver_silent,
    "homeserver-answers": lambda event, _: f"The homeserver {short(event.subject)} answers again.",
    "homeserver-conflict": lambda event, _: (
        f"The name {short(event.subject)} belongs to somebody else at the homeserver, or is deactivated there."
    ),
    "job-failing": _job_failing,
    "job-works": lambda event, _: f"The background job {short(event.subject)} works again.",
    "message-given-up": _message_given_up,
    "test": lambda event, _: f"{_who(event)} tries whether this subscription is told.",
}

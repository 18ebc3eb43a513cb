"""Who is affected, said before a rule is saved (R48)."""

from collections.abc import Iterable

from django.http import QueryDict

from accounts import rule_reach, tokens, words
from accounts.admin import shown
from accounts.admin.asking import MOST_SHOWN, Question
from accounts.models import AccessMode, AccessRule, Flow, User

_MOST_COUNTED = 500


def question(rule: AccessRule, posted: QueryDict, path: str, *, author: User) -> Question:
    """The page between the form and saving."""
    affected = rule_reach.affected(rule.field, rule.pattern, flow=rule.flow)
    total = affected.accounts.count()
    ending = affected.tokens.count() if _is_deny(rule) and rule_reach.is_live(rule) else 0
    typed = posted.copy()
    for name in [name for name in posted if name.startswith("_") or name == "csrfmiddlewaretoken"]:
        del typed[name]
    return Question(
        title=f"{'Deny' if _is_deny(rule) else 'Allow'}: {shown.field(rule)} {rule.pattern}",
        button="Save",
        back=f"{path}?{typed.urlencode()}",
        text=[_where(rule), *(_deny(rule, total, ending) if _is_deny(rule) else _allow(rule, total))],
        warning=_own(rule, affected, author),
        items=[
            shown.name(name)
            for name in affected.accounts.order_by("username").values_list("username", flat=True)[:MOST_SHOWN]
        ],
        total=total,
        hidden=[(name, value) for name, value in _pairs(posted) if name != "csrfmiddlewaretoken"],
        grave=ending > 0,
    )


def ended_by(entries: Iterable[AccessRule]) -> str:
    """How many live tokens these rules end together, in words."""
    denies = [rule for rule in entries if _is_deny(rule)]
    ending: set[int] = set()
    for rule in denies[:_MOST_COUNTED]:
        ending.update(rule_reach.affected(rule.field, rule.pattern, flow=rule.flow).tokens.values_list("pk", flat=True))
    least = "at least " if len(denies) > _MOST_COUNTED else ""
    return f"{least}{words.count(len(ending), 'live token')} will end."


def _is_deny(rule: AccessRule) -> bool:
    return rule.effect == AccessRule.Effect.DENY


def _where(rule: AccessRule) -> str:
    until = f" until {shown.moment(rule.expires_at)} UTC" if rule.expires_at else ""
    return f"At {rule.get_flow_display()}{until}."


def _deny(rule: AccessRule, total: int, ending: int) -> list[str]:
    if rule.field == AccessRule.Field.IP:
        who = (
            f"{words.count(total, 'account')} with a device last seen there." if total else "No account was seen there."
        )
        return [who, "Each request from there will be refused. No token ends: they work from elsewhere."]
    who = (
        f"{words.count(total, 'account')} affected."
        if total
        else "No account is affected now; it holds for later ones."
    )
    if not rule_reach.is_live(rule):
        return [who, "The rule is not in force, so nothing happens yet."]
    return [who, f"{words.count(ending, 'live token')} will end. Lifting the rule does not bring them back."]


def _allow(rule: AccessRule, total: int) -> list[str]:
    switched = AccessMode.objects.filter(flow__in=rule_reach.flows(rule.flow), whitelist=True).values_list(
        "flow", flat=True
    )
    doors = [Flow(flow).label for flow in switched]
    who = f"It names {words.count(total, 'account')}." if total else "It names no account yet; it holds for later ones."
    if rule.field == AccessRule.Field.IP:
        who = f"{words.count(total, 'account')} with a device last seen there."
    if not doors:
        return [who, "Whitelist mode is off there, so it changes nothing until it is switched on."]
    return [who, f"Whitelist mode is on at {', '.join(doors)}: those named are admitted, if no deny names them."]


def _own(rule: AccessRule, affected: rule_reach.Affected, author: User) -> str:
    if not _is_deny(rule) or not affected.accounts.filter(pk=author.pk).exists():
        return ""
    own = tokens.live().filter(pk__in=affected.tokens.values("pk"), user=author).count()
    ending = f", with {words.count(own, 'live token')}" if own and rule_reach.is_live(rule) else ""
    return f"Your own account is among those affected{ending}."


def _pairs(posted: QueryDict) -> list[tuple[str, str]]:
    return [(name, str(value)) for name, value in posted.items()]

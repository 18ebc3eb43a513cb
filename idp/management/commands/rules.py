"""`manage.py rules`: whitelists, blacklists and the whitelist mode of each flow (operations.md §3)."""

from argparse import ArgumentTypeError
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import transaction

from accounts import clock, policy, rule_files, rule_reach, rules
from accounts.management.base import HouseCommand, Verbs, add_json, future, shown
from accounts.models import AccessMode, AccessRule, Flow
from challenges.session import loki_ini, moderation
from idp.management.trial import Trial, facts_of

_MOST_SHOWN = 5


class Command(HouseCommand):
    """`rules add`, `remove`, `list`, `import`, `export`, `mode`, `try`."""

    help = "Who may sign in: denies (blacklist), allows (whitelist), and the whitelist mode of each flow."

    def add_arguments(self, parser: CommandParser) -> None:
        """The verbs of operations.md §3."""
        verbs = Verbs(parser)
        add = verbs.add("add", self._add, "add an entry, or give an existing one this expiry and note")
        remove = verbs.add("remove", self._remove, "remove an entry; tokens revoked before stay revoked")
        for entry in (add, remove):
            entry.add_argument("effect", choices=AccessRule.Effect.values)
            entry.add_argument("field", choices=AccessRule.Field.values)
            entry.add_argument("pattern", metavar="PATTERN")
            entry.add_argument("--flow", choices=AccessRule.Scope.values, default=rules.ALL, help="default: all")
        add.add_argument("--until", type=future, metavar="ISO", help="when it ends, UTC where no zone is named")
        add.add_argument("--note", type=_note, default="", metavar="TEXT", help="why, for other administrators")
        add_json(verbs.add("list", self._list, "list all entries, oldest first"))
        reading = verbs.add("import", self._import, "add the entries of a CSV file or a Session loki.ini, all or none")
        reading.add_argument("file", metavar="FILE", type=Path)
        writing = verbs.add("export", self._export, "write all entries to a CSV file that import reads")
        writing.add_argument("file", metavar="FILE", type=Path)
        mode = verbs.add("mode", self._mode, "admit everybody who is not denied, or only those on the whitelist")
        mode.add_argument("flow", choices=AccessRule.Scope.values)
        mode.add_argument("mode", choices=("open", "whitelist"))
        trying = verbs.add("try", self._try, "show the decision and the rule that made it; changes nothing")
        trying.add_argument("flow", choices=AccessRule.Scope.values)
        trying.add_argument("facts", nargs="+", metavar="FIELD=VALUE", help="such as pubkey=05… ip=10.0.0.1")

    def _add(
        self, *, effect: str, field: str, pattern: str, flow: str, until: datetime | None, note: str, **_: Any
    ) -> None:
        existed = rules.find(effect, field, pattern, flow=flow).exists()
        ends = rule_reach.affected(field, pattern, flow=flow).tokens.count() if effect == AccessRule.Effect.DENY else 0
        rule = rules.add(effect, field, pattern, flow=flow, expires_at=until, note=note)
        self.line(*_cells(rule), did="exists already, note/expiry updated" if existed else "added")
        if ends:
            self.remark(f"{ends} tokens were revoked")

    def _remove(self, *, effect: str, field: str, pattern: str, flow: str, **_: Any) -> None:
        found = rules.find(effect, field, pattern, flow=flow)
        removed = list(found)
        if not rules.remove(found):
            elsewhere = [
                scope for scope in AccessRule.Scope.values if rules.find(effect, field, pattern, flow=scope).exists()
            ]
            hint = f"; there is one for --flow {' and '.join(elsewhere)}" if elsewhere else ""
            raise CommandError(f"no rule {effect} {field} {pattern} for {flow}{hint}")
        for rule in removed:
            self.line(*_cells(rule), did="removed")

    def _list(self, *, as_json: bool, **_: Any) -> None:
        entries = AccessRule.objects.select_related("author").order_by("pk")
        if as_json:
            self.json(_described(rule) for rule in entries.iterator())
            return
        for rule in entries.iterator():
            self.line(*_cells(rule))
        for mode in AccessMode.objects.filter(whitelist=True):
            self.remark(f"{mode.flow} is in whitelist mode")

    def _import(self, *, file: Path, **_: Any) -> None:
        try:
            text = file.read_bytes().decode()
            ini = loki_ini.parse(text) if loki_ini.recognise(text) else None
            lines = _allows(ini) if ini else rule_files.read(text)
        except rule_files.BadFile as bad:
            raise CommandError(f"nothing imported: {_summary(bad)}") from None
        except UnicodeDecodeError:
            raise CommandError(f"nothing imported: {file} is not UTF-8 text") from None
        with transaction.atomic():
            count = rule_files.apply(
                lines, author=None, report=lambda done: self.progress(f"{done} of {len(lines)} rules")
            )
            moderators = [key for key in (ini.moderators if ini else []) if moderation.add(key)]
        self.line(f"{count} rules imported")
        expired = sum(line.expires_at is not None and line.expires_at <= clock.now() for line in lines)
        if expired:
            self.remark(f"{expired} of them have expired already")
        if ini and ini.moderators:
            self.line(f"{len(moderators)} moderators added")
        if ini and ini.whitelist:
            self.line("whitelist mode is left as it is; to admit only listed keys: rules mode session whitelist")

    def _export(self, *, file: Path, **_: Any) -> None:
        entries = list(AccessRule.objects.order_by("pk"))
        file.write_text(rule_files.write(entries), encoding="utf-8", newline="")
        self.line(f"{len(entries)} rules exported")

    def _mode(self, *, flow: str, mode: str, **_: Any) -> None:
        allowed = Counter(AccessRule.objects.filter(effect="allow", enabled=True).values_list("flow", flat=True))
        with transaction.atomic():
            for one in rule_reach.flows(flow):
                rules.set_mode(one, whitelist=mode == "whitelist")
        for one in rule_reach.flows(flow):
            self.line(one, mode)
            if mode == "whitelist" and not allowed[one] + allowed[rules.ALL]:
                self.remark(f"the whitelist of {one} is empty: nobody is admitted")

    def _try(self, *, flow: str, facts: list[str], **_: Any) -> None:
        trial = Trial.of(facts_of(facts))
        for remark in trial.remarks:
            self.remark(remark)
        for one in rule_reach.flows(flow):
            decision = policy.decide(one, trial.subject(one))
            mode = "whitelist" if decision.whitelist else "open"
            self.line("admitted" if decision.admitted else "refused", f"{one}: {decision.cause}", f"mode {mode}")


def _cells(rule: AccessRule) -> list[str]:
    """One entry as `rules list` shows it."""
    until = f"until {shown(rule.expires_at)}" if rule.expires_at else ""
    state = "disabled" if not rule.enabled else "" if rule_reach.is_live(rule) else "expired"
    made = f"by {rule.author_name}" if rule.author_name else ""
    return [rule.effect, rule.field, rule.pattern, rule.flow, until, state, made, f"({rule.note})" if rule.note else ""]


def _described(rule: AccessRule) -> dict[str, Any]:
    return {
        "effect": rule.effect,
        "field": rule.field,
        "pattern": rule.pattern,
        "flow": rule.flow,
        "expires_at": rule.expires_at,
        "note": rule.note,
        "enabled": rule.enabled,
        "author": rule.author.username if rule.author else rule.author_name or None,
        "created_at": rule.created_at,
    }


def _allows(ini: loki_ini.LokiIni) -> list[rule_files.Line]:
    """The whitelist of a loki.ini as rules of the Session door."""
    return [
        rule_files.Line(number, "allow", "pubkey", key, flow=Flow.SESSION, note=comment)
        for number, (key, comment) in enumerate(ini.whitelist.items(), start=1)
    ]


def _summary(bad: rule_files.BadFile) -> str:
    shown_errors = [f"line {number}: {words}" for number, words in bad.errors[:_MOST_SHOWN]]
    more = len(bad.errors) - _MOST_SHOWN
    return "; ".join(shown_errors) + (f"; and {more} more bad lines" if more > 0 else "")


def _note(text: str) -> str:
    """The type of `--note`."""
    if len(text) > rule_files.NOTE_LENGTH:
        raise ArgumentTypeError(f"a note has at most {rule_files.NOTE_LENGTH} characters")
    return text

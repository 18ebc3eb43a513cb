"""`doctor`: looks at the running installation from outside and prints a cure for each failure (operations.md §3)."""

import json
from typing import Any

from django.core.management.base import CommandError, CommandParser

from accounts import homeserver
from accounts.management.base import HouseCommand
from idp import doctor
from idp.doctor import mails, proxy_rules


class Command(HouseCommand):
    """One line a check, and one more with the cure where it failed; exit code 1 when one failed."""

    help = "Checks the running installation from outside; says what to do about each failure."

    def add_arguments(self, parser: CommandParser) -> None:
        """Machine output, a choice of checks, a mail, the proxy's rules."""
        parser.add_argument("--json", action="store_true", help="one array of objects instead of lines")
        parser.add_argument("--only", action="append", metavar="NAME", help="just this check; may be repeated")
        parser.add_argument("--mail", metavar="ADDRESS", help="also send a mail to this address")
        parser.add_argument(
            "--no-proxy-rules", action="store_true", help="without the reverse proxy's rules at the end"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Looks at everything in order."""
        chosen = _chosen(options["only"])
        if options["mail"]:
            chosen = (*chosen, mails.to_address(options["mail"]))
        rows = []
        for check, found in doctor.findings(chosen):
            told = {"name": check.name, "title": check.title}
            rows.append(told | {"result": found.result, "detail": found.detail, "cure": found.cure})
            if not options["json"]:
                self._print(check, found)
        if options["json"]:
            self.stdout.write(json.dumps(rows, ensure_ascii=False, indent=1))
        elif homeserver.is_on() and not options["no_proxy_rules"] and not options["only"]:
            self.stdout.write(f"\n{proxy_rules.nginx()}\n{proxy_rules.caddy()}")
        if any(row["result"] == doctor.FAILED for row in rows):
            raise SystemExit(1)

    def _print(self, check: doctor.Check, found: doctor.Finding) -> None:
        self.stdout.write(f"{found.result:8} {check.name}: {check.title}: {found.detail}")
        if found.cure:
            self.stdout.write(f"         cure: {found.cure}")
        self.stdout.flush()


def _chosen(names: list[str] | None) -> tuple[doctor.Check, ...]:
    known = {check.name: check for check in doctor.CHECKS}
    if unknown := [name for name in names or () if name not in known]:
        raise CommandError(f"there is no check {unknown[0]}: {', '.join(known)}")
    return tuple(known[name] for name in names) if names else doctor.CHECKS

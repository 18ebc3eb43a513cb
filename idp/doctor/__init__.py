"""What `manage.py doctor` looks at: the installation as others see it, a cure for each failure (operations.md §3).

    stores.py  machine.py  openpgp.py  mails.py   what the server stands on
    outside.py  doors.py  sockets.py  qr_login.py  what comes through at PUBLIC_URL
    homeserver.py  proxy_rules.py                 a Synapse behind this server

A check is a function that answers a `Finding`; one that breaks is a failure of its own. A new check is one line in the
`CHECKS` of its file.
"""

from collections.abc import Iterable, Iterator

from idp.doctor import doors, homeserver, machine, mails, outside, qr_login, sockets, stores
from idp.doctor.findings import FAILED, GOOD, SKIPPED, Check, Finding, failed

__all__ = ["CHECKS", "FAILED", "GOOD", "SKIPPED", "Check", "Finding", "findings"]

CHECKS: tuple[Check, ...] = (
    *stores.CHECKS,
    *machine.CHECKS,
    *mails.CHECKS,
    *outside.CHECKS,
    *doors.CHECKS,
    *sockets.CHECKS,
    *qr_login.CHECKS,
    *homeserver.CHECKS,
)


def findings(checks: Iterable[Check] | None = None) -> Iterator[tuple[Check, Finding]]:
    """Each check, all of them by default, with what it found, as it is found."""
    for check in CHECKS if checks is None else checks:
        try:
            found = check.look()
        except Exception as error:  # a check that breaks is a finding, and the others go on
            found = failed(f"the check itself failed: {type(error).__name__}", "Look into the server's log.")
        yield check, found

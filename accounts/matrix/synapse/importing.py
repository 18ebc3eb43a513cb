"""An import from end to end: batch by batch, each in a transaction of its own, so that an interrupted one goes on."""

from collections.abc import Callable
from dataclasses import replace

from allauth.account.models import EmailAddress
from django.conf import settings
from django.db import IntegrityError, transaction

from accounts import audit
from accounts.matrix.synapse import changes, reading, records
from accounts.matrix.synapse.databases import Database
from accounts.matrix.synapse.planning import Plan, Planner, Seen
from accounts.matrix.synapse.report import Report
from accounts.models import AddressRecord, AuditEvent, Device, Flow, User

EVENT = "synapse-imported"
_BATCH = 500
_MOST_TRIES = 5

Progress = Callable[[int, int], None]


def run(database: Database, *, is_dry: bool, progress: Progress) -> Report:
    """Takes everything over, or with `is_dry` only says what would be; `progress` hears how many of how many users.

    Unreadable for what is no Synapse database. One audit event tells of a run, also of one that was interrupted.
    """
    reading.check(database)
    report, newest = Report(), Seen()
    try:
        newest = _take(database, report, is_dry=is_dry, progress=progress)
    except BaseException:
        if not is_dry:
            _record(report, newest, is_complete=False)
        raise
    if not is_dry:
        _record(report, newest, is_complete=True)
    return report


def _take(database: Database, report: Report, *, is_dry: bool, progress: Progress) -> Seen:
    total, newest = reading.count(database), Seen()
    planner = Planner(settings.MATRIX_SERVER_NAME, _last_seen())
    progress(0, total)
    for accounts in reading.accounts(database, _BATCH):
        plan = planner.plan(accounts) if is_dry else _written(planner, accounts)
        planner.settle(plan)
        report.merge(plan.report)
        newest = _newest(newest, accounts)
        report.seen += len(accounts)
        progress(report.seen, total)
    return newest


def _written(planner: Planner, accounts: list[records.Account]) -> Plan:
    """The batch in one transaction; decided anew when somebody took a name or an address in between."""
    for tries in range(1, _MOST_TRIES + 1):
        try:
            with transaction.atomic():
                plan = planner.plan(accounts)
                _write(plan)
            return plan
        except IntegrityError:
            if tries == _MOST_TRIES:
                raise
    raise AssertionError("the last try returned or raised")


def _write(plan: Plan) -> None:
    for change in plan.changes:
        change()
    User.objects.bulk_create(plan.users)
    Device.objects.bulk_create(plan.devices)
    EmailAddress.objects.bulk_create([address for address, _ in plan.addresses])
    AddressRecord.objects.bulk_create([record for _, record in plan.addresses])


def _newest(known: Seen, accounts: list[records.Account]) -> Seen:
    devices = (one.last_seen or 0 for account in accounts for one in account.devices)
    addresses = (one.added_at or 0 for account in accounts for one in account.addresses)
    return replace(known, device=max(known.device, *devices, 0), address=max(known.address, *addresses, 0))


def _last_seen() -> Seen:
    """How far the last complete run saw."""
    event = AuditEvent.objects.filter(event=EVENT, facts__complete=True).order_by("-pk").first()
    return Seen(event.facts["newest_device"], event.facts["newest_address"]) if event else Seen()


def _record(report: Report, newest: Seen, *, is_complete: bool) -> None:
    facts = {"complete": is_complete, "newest_device": newest.device, "newest_address": newest.address}
    audit.record_or_fail(
        EVENT,
        actor=changes.ACTOR,
        subject=settings.MATRIX_SERVER_NAME,
        flow=Flow.MATRIX,
        facts={**facts, **report.facts()},
    )

"""What becomes of a batch of accounts: decided without writing, so that a dry run decides the same."""

from dataclasses import dataclass, field

from allauth.account.models import EmailAddress

from accounts import names
from accounts.matrix.synapse import changes, records, rows, selection
from accounts.matrix.synapse.changes import Change
from accounts.matrix.synapse.here import Here
from accounts.matrix.synapse.report import Report, What
from accounts.models import AddressRecord, Device, User


@dataclass(frozen=True, slots=True)
class Seen:
    """The newest of Synapse's moments, in its milliseconds, that the last complete import saw."""

    device: int = 0
    address: int = 0


@dataclass(slots=True)
class Plan:
    """Rows to insert, changes of rows that are there, what to say of it, and what of the batch is given away."""

    report: Report = field(default_factory=Report)
    users: list[User] = field(default_factory=list)
    devices: list[Device] = field(default_factory=list)
    addresses: list[tuple[EmailAddress, AddressRecord]] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    names_given: set[str] = field(default_factory=set)
    addresses_given: dict[str, str] = field(default_factory=dict)


class Planner:
    """Decides for one batch after the other; remembers names and addresses that plans of a dry run gave away."""

    def __init__(self, server: str, seen: Seen) -> None:
        self._server = server
        self._seen = seen
        self._names: set[str] = set()
        self._addresses: dict[str, str] = {}

    def plan(self, accounts: list[records.Account]) -> Plan:
        """What becomes of these accounts, given what stands here now. May be asked again for the same batch."""
        plan = Plan()
        taken = [account for account in accounts if not self._is_refused(account, plan.report)]
        folded = [names.fold(selection.name(account, self._server)) for account in taken]
        here = Here.of(folded, (rows.canonical_address(one.address) for account in taken for one in account.addresses))
        for account in taken:
            self._one(account, here, plan)
        return plan

    def settle(self, plan: Plan) -> None:
        """The plan was written, or in a dry run counted: what it gave away is taken."""
        self._names |= plan.names_given
        self._addresses |= plan.addresses_given

    def _is_refused(self, account: records.Account, report: Report) -> bool:
        reason = selection.refusal(account, self._server)
        if reason is not None:
            report.add(reason, about=account.user_id)
        return reason is not None

    def _one(self, account: records.Account, here: Here, plan: Plan) -> None:
        name = selection.name(account, self._server)
        folded = names.fold(name)
        user = here.users.get(folded)
        if user is None and folded not in self._names and folded not in plan.names_given:
            user = rows.user(account, name)
            plan.users.append(user)
            plan.names_given.add(folded)
            plan.report.add(What.MADE)
        elif user is not None and user.username == name and user.created_at == rows.created_at(account):
            plan.report.add(What.KNOWN)
            _bring_up_to_date(user, account, here, plan)
        else:
            plan.report.add(What.NAME_TAKEN, about=account.user_id)
            return
        _note(account, plan.report)
        if not account.is_deactivated and not user.deactivated_at:
            is_used = user.pk is not None and here.has_been_used(user)
            self._devices(user, account, here, plan, is_used=is_used)
            self._addresses_of(user, account, here, plan, is_used=is_used)

    def _devices(self, user: User, account: records.Account, here: Here, plan: Plan, *, is_used: bool) -> None:
        for device in account.devices:
            if not rows.is_usable(device):
                plan.report.add(What.DEVICE_UNUSABLE, about=f"one of {account.user_id}")
            elif device.device_id in here.devices.get(user.pk, ()):
                continue
            elif not is_used or (device.last_seen or 0) > self._seen.device:
                plan.devices.append(rows.device(user, device))
                plan.report.add(What.DEVICE)

    def _addresses_of(self, user: User, account: records.Account, here: Here, plan: Plan, *, is_used: bool) -> None:
        has_primary = user.pk in here.with_primary
        for source in account.addresses:
            address = rows.canonical_address(source.address)
            giver = self._addresses.get(address) or plan.addresses_given.get(address)
            if not address:
                plan.report.add(What.ADDRESS_UNUSABLE, about=f"one of {account.user_id}")
            elif user.pk in here.owners[address] or giver == account.user_id:
                continue
            elif giver or here.is_confirmed(address):
                plan.report.add(What.ADDRESS_TAKEN, about=f"{address} of {account.user_id}")
            elif not is_used or (source.added_at or 0) > self._seen.address:
                plan.addresses.append(rows.address(user, address, source, primary=not has_primary))
                plan.addresses_given[address] = account.user_id
                plan.report.add(What.ADDRESS)
                has_primary = True


def _bring_up_to_date(user: User, account: records.Account, here: Here, plan: Plan) -> None:
    renewed = list(changes.of_password(user, account, here))
    plan.report.add(What.PASSWORD_RENEWED, count=len(renewed))
    plan.changes += [*renewed, *changes.of_display_name(user, account), *changes.of_state(user, account)]


def _note(account: records.Account, report: Report) -> None:
    """What the operator should know of an account that is taken."""
    report.add(What.ADMINISTRATOR, count=account.is_admin)
    report.add(What.SHADOW_BANNED, count=account.is_shadow_banned)
    report.add(What.PHONE, count=account.phone_numbers)
    if account.is_deactivated:
        report.add(What.DEACTIVATED)
        return
    report.add(What.LOCKED, count=account.is_locked)
    report.add(What.SUSPENDED, count=account.is_suspended)
    report.add(What.UNAPPROVED, count=account.is_unapproved and not account.is_locked)
    if not account.password_hash:
        report.add(What.NO_PASSWORD)
    elif not rows.is_readable(account.password_hash):
        report.add(What.PASSWORD_UNKNOWN, about=account.user_id)

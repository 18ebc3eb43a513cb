"""What an import did, or would do: counts, and the first few it happened to."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from enum import StrEnum

_MOST_NAMED = 5


class What(StrEnum):
    """Everything that is counted, in the order it is shown."""

    MADE = "accounts made"
    KNOWN = "accounts taken over before"
    FOREIGN = "accounts skipped, of another server than {server}"
    GUEST = "accounts skipped, guests"
    APPSERVICE = "accounts skipped, of application services"
    NAME_UNUSABLE = "accounts skipped, their names cannot be used here"
    NAME_TAKEN = "accounts skipped, their names are taken here"
    DEACTIVATED = "accounts deactivated there and here"
    LOCKED = "accounts locked there and here"
    SUSPENDED = "accounts suspended there and here"
    UNAPPROVED = "accounts not approved there, locked here"
    SHADOW_BANNED = "accounts shadow-banned there, like any other here"
    ADMINISTRATOR = "administrators there, not here"
    NO_PASSWORD = "accounts without a password"
    PASSWORD_UNKNOWN = "passwords skipped, of a kind that is not Synapse's"
    PASSWORD_RENEWED = "passwords changed there since, and here"
    DEVICE = "devices added"
    DEVICE_UNUSABLE = "devices skipped, their ids cannot be used here"
    ADDRESS = "e-mail addresses added"
    ADDRESS_TAKEN = "e-mail addresses skipped, of another account"
    ADDRESS_UNUSABLE = "e-mail addresses skipped, malformed"
    PHONE = "phone numbers skipped"


class Report:
    """Counts by `What`, and whom they are about where somebody must look."""

    def __init__(self) -> None:
        self.seen = 0  # all accounts that were read
        self.counts: Counter[What] = Counter()
        self._named: dict[What, list[str]] = defaultdict(list)

    def add(self, what: What, *, count: int = 1, about: str = "") -> None:
        """Counts; `about` is whom the operator may want to look at."""
        if count:
            self.counts[what] += count
        if about and len(self._named[what]) < _MOST_NAMED:
            self._named[what].append(about)

    def about(self, what: What) -> list[str]:
        """The first few it happened to."""
        return self._named[what]

    def merge(self, other: "Report") -> None:
        """Adds what another report holds."""
        self.counts.update(other.counts)
        for what, named in other._named.items():
            self._named[what] = (self._named[what] + named)[:_MOST_NAMED]

    def lines(self, server: str) -> Iterator[str]:
        """One line for each thing that happened; the accounts made also when there are none."""
        for what in What:
            if not self.counts[what] and what is not What.MADE:
                continue
            named = self._named[what]
            more = ", …" if named and self.counts[what] > len(named) else ""
            names = f": {', '.join(named)}{more}" if named else ""
            yield f"{self.counts[what]} {what.value.format(server=server)}{names}"

    def facts(self) -> dict[str, int]:
        """The counts for the audit log."""
        return {what.name.lower(): self.counts[what] for what in What if self.counts[what]}

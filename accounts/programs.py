"""Programs by their ids, as people know them: what the flow that registers them tells the others (`Token.client`)."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Program:
    """What a program calls itself, and the host that can be believed (qr-login.md §7.2)."""

    name: str
    host: str


Lookup = Callable[[Collection[str]], Mapping[str, Program]]
_lookups: list[Lookup] = []


def register(lookup: Lookup) -> None:
    """Called once, when the flow's application is ready."""
    _lookups.append(lookup)


def named(client_ids: Collection[str]) -> dict[str, Program]:
    """Those of the programs that somebody knows."""
    wanted = {client_id for client_id in client_ids if client_id}
    found: dict[str, Program] = {}
    for lookup in _lookups if wanted else ():
        found |= lookup(wanted)
    return found

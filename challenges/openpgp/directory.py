"""The public directory (laverna.md §2): who has a name, whose key this is. Anybody may ask, within a limit."""

from django.conf import settings

from accounts import throttle
from accounts.errors import Reason, Refusal
from challenges.openpgp import protocol, records
from challenges.openpgp.records import Person


def by_name(username: str, *, ip: str) -> Person:
    """The person of this name, in any case; NOT_FOUND, RATE_LIMITED.

    Who is locked stays: what they signed is still theirs, and a 404 would tell the application that the name is free.
    """
    count_look(ip)
    return found(records.person(username))


def by_fingerprint(fingerprint: str, *, ip: str) -> Person:
    """The person whose published key has this fingerprint, in any case; NOT_FOUND, RATE_LIMITED."""
    count_look(ip)
    canonical = protocol.fingerprint(fingerprint)
    return found(records.person_of_key(canonical) if canonical else None)


def found(person: Person | None) -> Person:
    """NOT_FOUND for nobody."""
    if person is None:
        raise Refusal(Reason.NOT_FOUND, field="username")
    return person


def count_look(ip: str) -> None:
    """Whatever tells whether a name or key is known takes from one allowance of its address (section 6.10)."""
    throttle.hit(throttle.Limit.of("openpgp-directory", settings.OPENPGP_DIRECTORY_RATE), throttle.address_key(ip))

"""What a check of `doctor` is, and what it answers."""

from collections.abc import Callable
from dataclasses import dataclass

GOOD, FAILED, SKIPPED = "good", "failed", "skipped"


@dataclass(frozen=True, slots=True)
class Finding:
    """How a check ended; `cure` says what to do about a failure."""

    result: str
    detail: str
    cure: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that is looked at; `name` is what scripts know it by."""

    name: str
    title: str
    look: Callable[[], Finding]


def good(detail: str) -> Finding:
    """All is well."""
    return Finding(GOOD, detail)


def failed(detail: str, cure: str) -> Finding:
    """Something is wrong."""
    return Finding(FAILED, detail, cure)


def skipped(detail: str) -> Finding:
    """It could not be looked at, or is not used here."""
    return Finding(SKIPPED, detail)

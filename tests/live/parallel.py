"""Many requests at one moment."""

import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

Result = TypeVar("Result")
PATIENCE = 120.0  # seconds; only a server that hangs takes that long


def at_once(calls: Sequence[Callable[[], Result]]) -> list[Result]:
    """Runs every call in a thread of its own, all released together; the first failure is raised here."""
    barrier = threading.Barrier(len(calls))
    results: dict[int, Result] = {}
    failures: list[BaseException] = []

    def run(number: int, call: Callable[[], Result]) -> None:
        try:
            barrier.wait(PATIENCE)
            results[number] = call()
        except BaseException as failure:  # handed to the test's own thread
            failures.append(failure)

    threads = [threading.Thread(target=run, args=item, daemon=True) for item in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    if failures:
        raise failures[0]
    assert len(results) == len(calls), "a request never came back"
    return [results[number] for number in range(len(calls))]

"""The clock of all processes of an installation, moved by the test."""

from contextlib import suppress
from pathlib import Path

from tests.faults.load import wait_for
from tests.live import Installation

_HOOK = Path(__file__).with_name("clock")


class MovedClock:
    """`settings` are for the servers; with them they follow `move`."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "clock"
        self._seconds = 0.0
        self._write()

    @property
    def settings(self) -> dict[str, str]:
        return {"PYTHONPATH": str(_HOOK), "FAULT_CLOCK": str(self._file)}

    def move(self, seconds: float, installation: Installation) -> None:
        """That much later, or earlier; returns when every process has seen it."""
        self._seconds += seconds
        self._write()
        wait_for(
            lambda: all(self._seen(pid) for server in installation.servers for pid in self._processes(server.pids))
        )

    def _write(self) -> None:
        whole = self._file.with_suffix(".new")
        whole.write_text(str(self._seconds))
        whole.replace(self._file)

    def _processes(self, pids: list[int]) -> list[int]:
        """Without those that run no Python code of ours, which follow nothing."""
        return [pid for pid in pids if self._file.with_name(f"clock.{pid}").exists()]

    def _seen(self, pid: int) -> bool:
        with suppress(OSError):
            return self._file.with_name(f"clock.{pid}").read_text() == str(self._seconds)
        return False

"""A store's server of a test's own: what is done to Postgres and to Redis alike."""

import shutil
import signal
import subprocess
from abc import ABC, abstractmethod
from pathlib import Path


class StoppableServer(ABC):
    """One process, and a folder that goes with it."""

    _folder: Path
    _process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def _restart(self) -> None:
        """Starts it as it was."""

    @abstractmethod
    def kill(self) -> None:
        """kill -9."""

    @abstractmethod
    def _signal(self, number: int) -> None:
        """To all its processes."""

    def freeze(self) -> None:
        """It stops where it is: connections stay, new ones are taken by the kernel, nobody answers."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """It goes on."""
        self._signal(signal.SIGCONT)

    def put_right(self) -> None:
        """Running again, whatever was done to it."""
        if self._process is None or self._process.poll() is not None:
            self._restart()
        self.thaw()

    def remove(self) -> None:
        """Ends it, with all that it kept."""
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

"""Runs commands as the tests of this folder need it: in this process, or as an operator does."""

import io
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Output:
    out: str
    err: str
    status: int = 0

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()

    @property
    def objects(self) -> list[dict[str, Any]]:
        """What `--json` printed."""
        parsed = json.loads(self.out)
        assert isinstance(parsed, list)
        return parsed

    @property
    def reason(self) -> str:
        """The one line of a failure."""
        assert self.status == 1, self
        assert self.out == "", self
        assert len(self.err.splitlines()) == 1, self.err
        return self.err.strip()


def run(*arguments: object) -> Output:
    """The command in this process, inside the test's transaction; a failure is a CommandError."""
    out, err = io.StringIO(), io.StringIO()
    name, *rest = map(str, arguments)
    call_command(name, *rest, stdout=out, stderr=err, no_color=True)
    return Output(out.getvalue(), err.getvalue())


def type_in(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    """What the next command reads from standard input."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))


def manage(database: Path | str, *arguments: object, stdin: bytes = b"", **settings: str) -> Output:
    """A real `python manage.py …` on this database."""
    url = database if isinstance(database, str) else f"sqlite:///{database}"
    environment = os.environ | {"DATABASE_URL": url, "PYTHONWARNINGS": "ignore"} | settings
    done = subprocess.run(
        [sys.executable, "manage.py", *map(os.fspath, map(str, arguments))],
        cwd=ROOT,
        env=environment,
        input=stdin,
        capture_output=True,
        timeout=120,
        check=False,
    )
    return Output(done.stdout.decode(), done.stderr.decode(), done.returncode)

"""What all commands of the house share (operations.md §3).

One line an object on standard output, progress and remarks on standard error, exit 0 or 1, and for every failure,
a wrong argument included, one line that says why. `--json` prints one array.
"""

import json
import logging
import os
import sys
import time
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error, connections

from accounts import clock, rule_files
from accounts.errors import Refusal
from accounts.management.words import in_words

_PROGRESS_SECONDS = 0.5
_BAR = 24  # characters


class HouseCommand(BaseCommand):
    """A command whose failures are one line, whoever raises them."""

    requires_system_checks = []  # noqa: RUF012  # Django's attribute; an operator's tool must also work on a sick server
    _progress_due = 0.0

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """No abbreviated options: scripts that use them break when an option is added."""
        return super().create_parser(prog_name, subcommand, allow_abbrev=False, **kwargs)

    def run_from_argv(self, argv: list[str]) -> None:
        """Django's own would print a usage text and exit with 2 for a wrong argument."""
        logging.getLogger("psycopg.pool").setLevel(logging.CRITICAL)  # what it warns of also ends the command
        try:
            options = vars(self.create_parser(argv[0], argv[1]).parse_args(argv[2:]))
            self.execute(*options.pop("args", ()), **options)
        except CommandError as error:
            if "--traceback" in argv:
                raise
            self.stderr.write(printable(" ".join(str(error).removeprefix("Error: ").split())))
            sys.exit(error.returncode)
        except BrokenPipeError:  # `… | head` has seen enough
            _silence_stdout()
            sys.exit(1)
        finally:
            connections.close_all()

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Runs the command; what verbs, files and database refuse becomes a CommandError in words."""
        try:
            output = super().execute(*args, **options)
            self.stdout.flush()
            return output
        except Refusal as refusal:
            raise CommandError(in_words(refusal)) from refusal
        except Error as error:
            raise CommandError(f"the database cannot be used: {_first_line(error)}") from error
        except UnicodeError as error:
            raise CommandError("what was given is not UTF-8 text") from error
        except BrokenPipeError:
            raise
        except OSError as error:
            raise CommandError(f"{error.filename or 'input or output'}: {error.strerror or error}") from error
        except KeyboardInterrupt:
            raise CommandError("interrupted", returncode=130) from None

    def handle(self, *args: Any, **options: Any) -> None:
        """Runs the verb that was named."""
        options.pop("run")(**options)

    def line(self, *cells: object, did: str = "") -> None:
        """One object, after what was `did` to it; empty cells are left out, control characters escaped."""
        text = "  ".join(str(cell) for cell in cells if cell not in {None, ""})
        self.stdout.write(printable(f"{did}: {text}" if did else text))

    def remark(self, text: str) -> None:
        """Something worth knowing that is no result: on standard error."""
        self.stderr.write(printable(text), lambda plain: plain)

    def progress(self, text: str) -> None:
        """How far a long job is; at most twice a second."""
        if time.monotonic() >= self._progress_due:
            self._progress_due = time.monotonic() + _PROGRESS_SECONDS
            self.remark(text)

    def bar(self, done: int, total: int, text: str) -> None:
        """How far a long job is, drawn; the last step is always shown."""
        if not total:
            self.remark(text)
            return
        share = done / total
        if done == total:
            self._progress_due = 0.0
        self.progress(f"[{'#' * int(share * _BAR):·<{_BAR}}] {share:4.0%}  {text}: {done:,} of {total:,}")

    def json(self, objects: Iterable[dict[str, Any]]) -> None:
        """One array of all objects, for machines."""
        before = "["
        for one in objects:  # each as it comes: there may be a hundred thousand
            text = json.dumps(one, indent=2, default=_plain).replace("\n", "\n  ")
            self.stdout.write(f"{before}\n  {text}", ending="")
            before = ","
        self.stdout.write("\n]" if before == "," else "[]")


class Verbs:
    """The verbs of a command such as `users`: each with its arguments, its help and its method."""

    def __init__(self, parser: CommandParser) -> None:
        self._parsers = parser.add_subparsers(dest="verb", metavar="VERB", required=True, title="verbs")

    def add(self, name: str, run: Callable[..., None], help: str) -> ArgumentParser:  # noqa: A002  # argparse's word
        """One verb; arguments are added to what this returns."""
        parser: ArgumentParser = self._parsers.add_parser(
            name, help=help, description=help, allow_abbrev=False, epilog="Values that begin with - go after --."
        )
        parser.set_defaults(run=run)
        return parser


def add_json(parser: ArgumentParser) -> None:
    """The option `--json` of what lists."""
    parser.add_argument("--json", dest="as_json", action="store_true", help="one JSON array for machines")


def future(text: str) -> datetime:
    """The type of `--until`."""
    try:
        moment = rule_files.moment(text)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from None
    if moment <= clock.now():
        raise ArgumentTypeError(f"{shown(moment)} is in the past")
    return moment


def shown(moment: datetime | None) -> str:
    """A moment in UTC to the second, "" for none."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if moment else ""


def password_from_stdin() -> str:
    """The one line on standard input, without its line end."""
    stream = getattr(sys.stdin, "buffer", None)  # none when standard input is closed
    text = stream.read(65_536).decode().removesuffix("\n").removesuffix("\r") if stream else ""
    if not text or "\n" in text:
        raise CommandError("one line with the password is expected on standard input")
    return text


def printable(text: str) -> str:
    """The text with control characters and what cannot be printed escaped."""
    return text if text.isprintable() else "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def _plain(value: object) -> str:
    return shown(value) if isinstance(value, datetime) else str(value)


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


def _silence_stdout() -> None:
    """Python flushes standard output once more at exit and would complain about the closed pipe."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

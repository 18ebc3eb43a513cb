"""`manage.py serve`: HTTP and websockets on one port, by the server that the setting SERVER names."""

# The server decides what may be imported: daphne installs Twisted's reactor, and the application needs Django set up.
# ruff: noqa: D102, PLC0415

import sys
from argparse import ArgumentParser
from socket import socket
from typing import Any, NoReturn

from django.conf import settings
from django.core.management.base import BaseCommand

from idp.server.limits import Limits
from idp.server.listen import listen, url_of


class Command(BaseCommand):
    """Listens first, so that a taken port is one line and not a half-started server."""

    help = "Serve HTTP and websockets until Ctrl-C or SIGTERM."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default=settings.HOST, help="default: the setting HOST")
        parser.add_argument("--port", default=settings.PORT, type=int, help="default: the setting PORT")

    def handle(self, *, host: str, port: int, **options: Any) -> None:
        if settings.SERVER == "daphne" and settings.WORKERS > 1:
            self._stop(f"WORKERS={settings.WORKERS} needs SERVER=uvicorn: daphne is one process.")
        try:
            listener = listen(host, port)
        except (OSError, OverflowError) as error:
            reason = str(getattr(error, "strerror", None) or error).partition(" (")[0]
            self._stop(f"Cannot listen at {host} port {port}: {reason}.")
        processes = "1 process" if settings.WORKERS == 1 else f"{settings.WORKERS} processes"
        where = url_of(listener)
        self.stdout.write(f"Latchkey is listening at {where} (server {settings.SERVER}, {processes})")
        self.stdout.flush()
        if settings.SERVER == "uvicorn":
            _uvicorn(listener)
        else:
            _daphne(listener)

    def _stop(self, line: str) -> NoReturn:
        self.stderr.write(line)
        sys.exit(1)


def _daphne(listener: socket) -> None:
    from idp.server.daphne import BoundedServer  # first: it installs Twisted's asyncio reactor

    from idp import background  # isort: skip
    from idp.asgi import application  # isort: skip
    from idp.origin import body_limit, render_error  # isort: skip

    server = BoundedServer(
        application, listener=listener, body_limit=body_limit, render_error=render_error, limits=_limits()
    )
    server.run()
    background.stop()  # daphne announces no end to the application


def _uvicorn(listener: socket) -> None:
    from idp.server.uvicorn import run

    run(
        "idp.asgi:application",
        listener=listener,
        render_error=_render_error,
        workers=settings.WORKERS,
        limits=_limits(),
    )


def _render_error(status: int, path: str, accept: str) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """`origin.render_error`. A worker process imports the module of this function before Django is set up there, which
    the module of that one would not survive."""
    from idp.origin import render_error

    return render_error(status, path, accept)


def _limits() -> Limits:
    return Limits(
        head_seconds=settings.HEAD_TIMEOUT, body_seconds=settings.BODY_TIMEOUT, keep_alive_seconds=settings.KEEP_ALIVE
    )

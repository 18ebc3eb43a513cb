"""nginx with the site that `deploy/nginx/latchkey.conf` ships, on a free loopback port, in front of servers.

Taken out of the site is only what a test machine does not have: names, port 80, certificates, the place of the log.
"""

import contextlib
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from tests.live.database import ROOT
from tests.live.redis_server import free_port
from tests.live.server import Server

MISSING = "nginx is not installed: apt-get install nginx-light"
_SITE = ROOT / "deploy/nginx/latchkey.conf"
_LOG = ROOT / "deploy/nginx/latchkey-log.conf"
_PATIENCE = 30.0
_AROUND = """\
daemon off;
master_process on;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/nginx-error.log warn;
{user}
events {{ worker_connections 4096; }}
http {{
    client_body_temp_path {folder}/nginx-body;
    proxy_temp_path {folder}/nginx-proxy;
    fastcgi_temp_path {folder}/nginx-fastcgi;
    uwsgi_temp_path {folder}/nginx-uwsgi;
    scgi_temp_path {folder}/nginx-scgi;
    {log}
    {site}
}}
"""


def in_front() -> bool:
    """Whether every server of this run is two processes behind nginx (docs/deployment.md)."""
    return os.environ.get("BEHIND_NGINX") == "1"


def command() -> str | None:
    """The program, looked for where Debian puts it too."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")


def site(ports: Sequence[int], folder: Path, port: int, *, believes_clients: bool = False) -> str:
    """The shipped site with servers at these ports. `believes_clients`: tests pretend to come from other addresses."""
    text = _SITE.read_text()
    text = re.sub(r"server \{\s+listen 80;.*?\n\}\n", "", text, flags=re.DOTALL)
    text = re.sub(r"^ +(ssl_\w+|server_name) .*\n", "", text, flags=re.MULTILINE)
    text = text.replace("    listen [::]:443 ssl;\n", "").replace("listen 443 ssl;", f"listen 127.0.0.1:{port};")
    lines = "".join(f"    server 127.0.0.1:{server} max_fails=3 fail_timeout=2s;\n" for server in ports)
    text = re.sub(r"(    server 127\.0\.0\.1:\d+ .*\n)+", lines, text)
    text = text.replace("/var/log/nginx/latchkey.log", f"{folder}/nginx-access.log")
    if believes_clients:
        text = text.replace("X-Forwarded-For $remote_addr", "X-Forwarded-For $proxy_add_x_forwarded_for")
    return text


class Nginx:
    """The program, listening at `port` for servers at others; what it writes is in the folder."""

    def __init__(self, folder: Path, *, believes_clients: bool = False) -> None:
        self.port = free_port()
        self._folder, self._believes = folder, believes_clients
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def access_log(self) -> Path:
        return self._folder / "nginx-access.log"

    def start(self, ports: Sequence[int]) -> None:
        """Returns when it takes connections."""
        program = command()
        assert program is not None, MISSING
        configuration = self._folder / "nginx.conf"
        configuration.write_text(
            _AROUND.format(
                folder=self._folder,
                user="user root;" if os.geteuid() == 0 else "",
                log=_LOG.read_text(),
                site=site(ports, self._folder, self.port, believes_clients=self._believes),
            )
        )
        self._process = subprocess.Popen(
            [program, "-c", str(configuration), "-p", str(self._folder)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline and self._process.poll() is None:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            time.sleep(0.05)
        errors = self._folder / "nginx-error.log"
        raise AssertionError("nginx did not start: " + (errors.read_text()[-2000:] if errors.exists() else ""))

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_PATIENCE)
            self._process.kill()
            self._process = None


class Front(Server):
    """Several servers behind nginx, used like one."""

    def __init__(self, servers: Sequence[Server], folder: Path, *, believes_clients: bool = False) -> None:
        first = servers[0]
        super().__init__(first.environment, first.log)
        self._servers, self._nginx = list(servers), Nginx(folder, believes_clients=believes_clients)
        self.port = self._nginx.port

    @property
    def access_log(self) -> Path:
        return self._nginx.access_log

    @property
    def direct(self) -> Server:
        """The first of them, past nginx."""
        return self._servers[0]

    @property
    def pids(self) -> list[int]:
        return [pid for server in self._servers for pid in server.pids]

    def start(self, *, ready_path: str = "/readyz") -> "Front":
        """The servers, then nginx."""
        for server in self._servers:
            server.start(ready_path=ready_path)
        self._nginx.start([server.port for server in self._servers])
        return self

    def kill(self) -> None:
        """All of them."""
        self._nginx.stop()
        for server in self._servers:
            server.kill()

    def stop(self) -> int:
        """SIGTERM for the servers, one after the other; the worst exit code."""
        codes = [server.stop() for server in self._servers]
        self._nginx.stop()
        return next((code for code in codes if code), 0)

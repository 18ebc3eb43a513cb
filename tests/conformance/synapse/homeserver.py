"""A real Synapse on SQLite, delegating to a Latchkey; its port stays the same over restarts."""

import base64
import contextlib
import http.client
import json
import os
import secrets
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

from tests.live import process

SERVER_NAME = "example.org"
RENDEZVOUS = "_matrix/client/unstable/org.matrix.msc4108/rendezvous"
_START_SECONDS = 120.0
_STOP_SECONDS = 20.0


def free_port() -> int:
    """A port that nobody listens at now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


class Synapse:
    """Started and stopped by hand; everything it keeps is in the folder."""

    def __init__(self, python: str, folder: Path, *, endpoint: str, secret: str) -> None:
        self.port = free_port()
        self._python, self._folder = python, folder
        self._process: subprocess.Popen[bytes] | None = None
        seed = base64.b64encode(secrets.token_bytes(32)).decode().rstrip("=")
        (folder / "signing.key").write_text(f"ed25519 a_test {seed}\n")
        # JSON is YAML.
        (folder / "homeserver.yaml").write_text(json.dumps(self._settings(endpoint, secret)))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        return (self._folder / "synapse.log").read_text(errors="replace")

    def start(self) -> "Synapse":
        with (self._folder / "synapse.log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._python, "-m", "synapse.app.homeserver", "-c", "homeserver.yaml"],
                cwd=self._folder,
                env={"PATH": os.environ["PATH"], "HOME": str(self._folder), "PYTHONUNBUFFERED": "1"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            if self._is_healthy():
                return self
            time.sleep(0.05)
        self.stop()
        raise AssertionError("Synapse did not start:\n" + self.log[-4000:])

    def stop(self) -> None:
        if self._process is None:
            return
        pids = process.family(self._process.pid)
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self._process.wait(_STOP_SECONDS)
        self._process = None

    def _is_healthy(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        with contextlib.closing(connection):
            try:
                connection.request("GET", "/health")
                return connection.getresponse().status == 200
            except (OSError, http.client.HTTPException):
                return False

    def _settings(self, endpoint: str, secret: str) -> dict[str, Any]:
        wide = {"per_second": 1000, "burst_count": 1000}
        return {
            "server_name": SERVER_NAME,
            "listeners": [
                {
                    "port": self.port,
                    "bind_addresses": ["127.0.0.1"],
                    "type": "http",
                    "x_forwarded": True,
                    "resources": [{"names": ["client", "keys"]}],
                }
            ],
            "database": {"name": "sqlite3", "args": {"database": str(self._folder / "homeserver.db")}},
            "media_store_path": str(self._folder / "media"),
            "signing_key_path": str(self._folder / "signing.key"),
            "macaroon_secret_key": secrets.token_hex(16),
            "form_secret": secrets.token_hex(16),
            "pid_file": str(self._folder / "synapse.pid"),
            "report_stats": False,
            "trusted_key_servers": [],
            "suppress_key_server_warning": True,
            "federation_domain_whitelist": [],
            "presence": {"enabled": False},
            "url_preview_enabled": False,
            "rc_message": wide,
            "rc_joins": {"local": wide, "remote": wide},
            "enable_registration": False,
            "matrix_authentication_service": {"enabled": True, "endpoint": endpoint, "secret": secret},
            "experimental_features": {"msc4108_delegation_endpoint": f"{endpoint}{RENDEZVOUS}"},
        }

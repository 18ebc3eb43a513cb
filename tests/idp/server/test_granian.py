"""The same application runs unchanged under granian."""

import http.client
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

from tests.live.database import ROOT, own_database
from tests.live.session import Client

PATIENCE = 30.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_ready(port: int) -> bool:
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except OSError:
        return False


def test_a_client_logs_in_under_granian(tmp_path: Path) -> None:
    port = free_port()
    with own_database(tmp_path) as database:
        environment = os.environ | {
            "VAR_DIR": str(tmp_path),
            "DATABASE_URL": database.url,
            "SECRET_KEY": "k" + "0123456789abcdef" * 3,
        }
        command = [sys.executable, "-m", "granian", "--interface", "asgi", "--host", "127.0.0.1", "--port", str(port)]
        server = subprocess.Popen([*command, "idp.asgi:application"], cwd=ROOT, env=environment)
        try:
            deadline = time.monotonic() + PATIENCE
            while not is_ready(port) and time.monotonic() < deadline:
                time.sleep(0.1)
            client = Client(port)
            token = client.log_in()
            assert client.who_am_i(token).json["data"]["user"]["username"] == client.public_key
            assert client.ask("POST", "/loki/v1/submit_challenge", body="x" * 70_000).status == 413
            assert client.ask("GET", "/_matrix/x").json["errcode"] == "M_UNRECOGNIZED"
        finally:
            server.terminate()
            server.wait(PATIENCE)

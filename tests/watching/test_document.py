"""docs/events.md is true: its list of kinds, and its receiver, run as it stands there."""

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from django.conf import settings as django_settings

from accounts import deliveries, event_kinds, happenings, outbound, subscriptions, webhooks
from accounts.models import Happening, Subscription

DOCUMENT = (Path(django_settings.BASE_DIR) / "docs" / "events.md").read_text()
PATIENCE = 60.0


def test_the_document_lists_every_kind_with_its_severity():
    listed = dict(re.findall(r"^\| `([a-z-]+)` \| (\w+) \|", DOCUMENT, re.MULTILINE))
    assert listed == {kind.name: kind.severity.label for kind in event_kinds.ALL.values()}


@contextlib.contextmanager
def own_receiver(folder, secret):
    """The receiver of the document: its URL, and the lines it prints."""
    (code,) = re.findall(r"```python\n(.*?)```", DOCUMENT, re.DOTALL)
    assert len([line for line in code.splitlines() if line]) <= 15
    file = folder / "receiver.py"
    file.write_text(code)
    for _ in range(20):  # until the port that was free a moment ago still is
        with socket.create_server(("127.0.0.1", 0)) as found:
            port = found.getsockname()[1]
        environment = os.environ | {"WEBHOOK_SECRET": secret, "PORT": str(port)}
        process = subprocess.Popen(
            [sys.executable, str(file)], env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        if is_listening(process, port):
            break
        process.wait(PATIENCE)
    lines: list[str] = []
    threading.Thread(target=lambda: lines.extend(process.stdout), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{port}/", lines
    finally:
        process.kill()
        process.wait(PATIENCE)


def is_listening(process, port):
    deadline = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5):
            return True
        time.sleep(0.05)
    return False


def eventually(lines, count):
    deadline = time.monotonic() + PATIENCE
    while len(lines) < count and time.monotonic() < deadline:
        time.sleep(0.02)
    return [line.rstrip("\n") for line in lines]


@pytest.mark.django_db
def test_the_documents_receiver_takes_what_is_ours_once_and_refuses_the_rest(tmp_path, settings):
    settings.EVENT_PRIVATE_TARGETS = settings.EVENT_HTTP_TARGETS = True
    settings.EVENT_TIMEOUT = 60
    row = Subscription(name="ops", channel="webhook", target="http://127.0.0.1:1/", least_severity="info")
    secret = subscriptions.save(row, actor="command")
    Happening.objects.all().delete()
    with own_receiver(tmp_path, secret) as (url, lines):
        Subscription.objects.update(target=url)
        happenings.tell("mail-stuck", facts={"seconds": 1200, "waiting": 3})
        deliveries.spread()
        assert deliveries.deliver_due() == 1
        told = "critical A mail has waited for 20 minutes; 3 wait."
        assert eventually(lines, 1) == [told]

        def send(message, *, stamp, signed_with):
            body = json.dumps(message).encode()
            headers = {"Latchkey-Timestamp": stamp, "Latchkey-Signature": webhooks.signature(signed_with, stamp, body)}
            return outbound.post(url, body, headers, timeout=PATIENCE, allowed=outbound.Allowed(True, True))

        now, old = str(int(time.time())), str(int(time.time()) - 3600)
        forged = {"id": "msg_1", "severity": "critical", "text": "forged"}
        assert send(forged, stamp=now, signed_with="another secret") == 401
        assert send(forged, stamp=old, signed_with=secret) == 401
        deliveries.again(row.deliveries.all())
        assert deliveries.deliver_due() == 1  # taken, and dropped as a second copy
        assert send(forged | {"text": "the last one"}, stamp=now, signed_with=secret) == 204
        assert eventually(lines, 2) == [told, "critical the last one"]

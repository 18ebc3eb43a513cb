"""Runs the checks of run.mjs: apps made with matrix-js-sdk on both sides."""

import json
import os
import subprocess
from typing import Any

from tests.conformance.oauth.asking import People, somebody_at
from tests.conformance.oauth.person import PASSWORD
from tests.conformance.qr.node import HERE, node
from tests.conformance.qr.site import SERVER_NAME, Site
from tests.conformance.qr.strangers import Strangers

_SECONDS = 300  # what a hanging login is given up after


def checks(site: Site, *names: str) -> list[dict[str, Any]]:
    """Every check of these groups with its outcome, at a server that is the whole homeserver to the apps."""
    return run(Strangers(site), site.url, site.url, *names)


def run(people: People, home: str, account: str, *names: str) -> list[dict[str, Any]]:
    """The same where the homeserver and the server of the accounts have a URL each."""
    with somebody_at(people) as person:
        facts = {"baseUrl": home, "accountUrl": account, "serverName": SERVER_NAME}
        told = json.dumps({**facts, "password": PASSWORD, "person": person})
        done = subprocess.run(
            [node(), "run.mjs", *names],
            cwd=HERE,
            check=False,
            env={"PATH": os.environ["PATH"], "LATCHKEY_QR": told},
            capture_output=True,
            text=True,
            timeout=_SECONDS,
        )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return [json.loads(line) for line in done.stdout.splitlines()]

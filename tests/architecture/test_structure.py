"""The house looks like docs/architecture.md: totality of error maps, purity, sizes, sources of randomness."""

import ast
import re
from pathlib import Path

import pytest

from accounts.api import protocol as api
from accounts.errors import Reason
from accounts.matrix import protocol as matrix
from challenges.openpgp import protocol as openpgp
from challenges.otp import views as renewal
from challenges.session import messages as session
from devicelogin.oauth import protocol as oauth
from devicelogin.rendezvous import answers as rendezvous

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("idp", "accounts", "challenges", "devicelogin")
SOURCES = [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py")) if "migrations" not in path.parts]
WIRES = {
    "api": api.WIRE,
    "matrix": matrix.WIRE,
    "oauth": oauth.WIRE,
    "openpgp": openpgp.WIRE,
    "openpgp sign-in": openpgp.SIGN_IN,
    "renewal": renewal.WIRE,
    "rendezvous 2024": rendezvous.TEXT,
    "rendezvous": rendezvous.JSON_STABLE,
    "rendezvous, unstable path": rendezvous.JSON_UNSTABLE,
    "session plain": session.PLAIN,
    "session app.net": session.APPNET,
    "session profile": session.PROFILE,
    "session token": session.TOKEN,
    "session moderation": session.MODERATION,
}


@pytest.mark.parametrize("door", WIRES)
def test_every_reason_has_a_wire_form_at_every_door(door):
    assert set(WIRES[door].shapes) == set(Reason)


@pytest.mark.parametrize("door", WIRES)
def test_no_refusal_of_a_client_is_a_5xx(door):
    ours = {Reason.INTERNAL, Reason.UNAVAILABLE, Reason.OVERLOADED}
    for reason, shape in WIRES[door].shapes.items():
        assert (shape.status >= 500) is (reason in ours), reason


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_is_short_and_its_functions_too(path):
    text = path.read_text()
    longest = 420 if path.name == "models.py" else 300  # the tables of the house stand together
    assert text.count("\n") <= longest
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno < 45, f"{node.name} is long"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_randomness_comes_from_the_system(path):
    assert not re.search(r"^\s*(import random|from random )", path.read_text(), re.MULTILINE)


def test_no_file_holds_a_path_of_a_machine_or_a_registry():
    for path in [*SOURCES, *ROOT.glob("*.txt"), *ROOT.glob("*.toml"), ROOT / "Makefile"]:
        text = path.read_text()
        assert "/home/" not in text
        assert "/root/" not in text
        assert "index-url http" not in text


def test_every_requirement_is_pinned_with_hashes():
    for name in ("requirements.txt", "requirements-dev.txt"):
        lines = (ROOT / name).read_text().splitlines()
        pinned = [line for line in lines if "==" in line and not line.lstrip().startswith("#")]
        assert len(pinned) > 30
        assert all(line.endswith("\\") for line in pinned)

"""`manage.py doctor`: a choice of checks, machine output, exit codes; and all of it on a live server."""

import json
import re
from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from idp import doctor
from idp.doctor.findings import Check, Finding, failed, good, skipped
from tests.live import running


def run(*options: str) -> tuple[int, str]:
    out = StringIO()
    try:
        call_command("doctor", *options, stdout=out)
    except SystemExit as ended:
        return int(ended.code or 0), out.getvalue()
    return 0, out.getvalue()


def check(name: str, found: Finding) -> Check:
    return Check(name, f"{name} is fine", lambda: found)


@pytest.fixture
def three(monkeypatch: pytest.MonkeyPatch) -> None:
    made = check("a", good("yes")), check("b", failed("no", "Mend it.")), check("c", skipped("not here"))
    monkeypatch.setattr(doctor, "CHECKS", made)


@pytest.mark.usefixtures("three")
def test_a_line_a_check_and_one_more_for_a_cure():
    code, said = run()
    assert code == 1
    assert said.splitlines() == [
        "good     a: a is fine: yes",
        "failed   b: b is fine: no",
        "         cure: Mend it.",
        "skipped  c: c is fine: not here",
    ]


@pytest.mark.usefixtures("three")
def test_some_checks_can_be_chosen_and_a_choice_that_is_none_names_them_all():
    assert run("--only", "a", "--only", "c") == (0, "good     a: a is fine: yes\nskipped  c: c is fine: not here\n")
    with pytest.raises(CommandError, match="there is no check d: a, b, c"):
        run("--only", "d")


@pytest.mark.usefixtures("three")
def test_machines_get_one_array():
    code, said = run("--json")
    assert code == 1
    assert [row["result"] for row in json.loads(said)] == ["good", "failed", "skipped"]


def test_names_are_unique_and_fit_for_scripts():
    names = [check.name for check in doctor.CHECKS]
    assert len(set(names)) == len(names) > 30
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", name) for name in names)


@pytest.mark.thorough
@pytest.mark.parametrize("kind", ["daphne", "uvicorn"])
def test_a_server_that_is_well_is_found_well_by_every_check(kind):
    with running(SERVER=kind) as installation:
        url = installation.server.base_url
        installation.environment["PUBLIC_URL"] = url
        installation.server.stop()
        installation.server.environment["PUBLIC_URL"] = url
        installation.server.start()
        rows = json.loads(installation.manage("doctor", "--json"))
    assert {row["name"]: row["detail"] for row in rows if row["result"] == "failed"} == {}
    looked_at = {row["name"] for row in rows if row["result"] == "good"}
    assert looked_at >= {
        *("database", "migrations", "background", "files", "room", "clock", "keys", "hashing", "pysequoia", "mail"),
        *("public-url", "pages", "who-asks", "door-session", "door-matrix", "door-otp", "door-openpgp", "door-oauth"),
        *("door-pages", "admin", "cors", "websocket", "websocket-signaling", "socketio", "metadata"),
    }

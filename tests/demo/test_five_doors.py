"""One person, five ways in, one account: the page shows what the script prints."""

import re

import pytest

from tests.demo import five, page
from tests.live.database import ROOT

PAGE = ROOT / "docs/five-doors.md"


@pytest.mark.thorough
def test_the_page_shows_what_the_script_prints(capsys):
    five.main()
    printed = capsys.readouterr().out
    ids = re.findall(r'"user_id": (\d+), "username": "alice"', printed)
    assert len(ids) == 5
    assert len(set(ids)) == 1
    fresh = page.of(printed)
    assert page.shape(PAGE.read_text()) == page.shape(fresh), "python -m tests.demo page > docs/five-doors.md"


def test_the_page_ends_every_door_with_the_same_account():
    parts = PAGE.read_text().split("\n## ")[1:]
    doors = [part for part in parts if "door" in part.partition("\n")[0]]
    assert [part.split()[0] for part in doors] == ["First", "Second", "Third", "Fourth", "Fifth"]
    ends = [re.findall(r'"user_id": (\d+), "username": "alice", "flow": "(\w+)"', part)[-1] for part in doors]
    assert len({user_id for user_id, _ in ends}) == 1
    assert [flow for _, flow in ends] == ["matrix", "otp", "session", "openpgp", "devicelogin"]


def test_links_of_the_page_lead_somewhere():
    for link in re.findall(r"\]\(([\w-]+\.md)\)", PAGE.read_text()):
        assert (PAGE.parent / link).is_file(), link


def test_shapes_forget_what_is_random_and_nothing_else():
    assert page.shape("< 200 idp_ab… WDJB-MJHT ABCDEFGHIJ 17") == "< 0 … CODE DEVICE 0"
    assert page.shape("POST /oauth2/token ok") != page.shape("POST /oauth2/revoke ok")

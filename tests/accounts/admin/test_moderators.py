"""Session's moderators in the administration."""

import pytest

from accounts.models import AuditEvent
from challenges.session.models import Moderator
from tests.accounts.admin.conftest import KEY

LIST, ADD = "/admin/session_door/moderator/", "/admin/session_door/moderator/add/"


def test_a_moderator_is_added_by_the_canonical_key(staff):
    posted = {"public_key": f" 05{KEY[2:].upper()} ", "channels": "1, 2", "note": "trusted"}
    assert staff.post(ADD, posted).status_code == 302
    moderator = Moderator.objects.get()
    assert (moderator.public_key, moderator.channels, moderator.note) == (KEY, "1,2", "trusted")
    assert AuditEvent.objects.get(event="moderator-added").actor == "ada"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"public_key": "05abc"}, "05 and 64 hex digits"),
        ({"public_key": "05" + "00" * 32}, "a point that keeps a secret"),
        ({"channels": "lobby"}, "Channel numbers with commas"),
    ],
)
def test_what_cannot_be_read_is_told_at_its_field(staff, said, change, words):
    assert words in said(staff.post(ADD, {"public_key": KEY, "channels": "", "note": ""} | change))
    assert not Moderator.objects.exists()


def test_a_key_is_a_moderator_once(staff):
    Moderator.objects.create(public_key=KEY)
    assert "public_key" in staff.post(ADD, {"public_key": KEY}).context["adminform"].form.errors


def test_channels_and_note_change_but_the_key_stays(staff):
    moderator = Moderator.objects.create(public_key=KEY)
    posted = {"public_key": "05" + "ab" * 32, "channels": "7", "note": "new"}
    staff.post(f"{LIST}{moderator.pk}/change/", posted)
    moderator.refresh_from_db()
    assert (moderator.public_key, moderator.channels, moderator.note) == (KEY, "7", "new")
    assert AuditEvent.objects.get(event="moderator-added").facts == {"channels": "7"}


def test_removing_goes_by_the_verb(staff):
    moderator = Moderator.objects.create(public_key=KEY)
    staff.post(f"{LIST}{moderator.pk}/delete/", {"post": "yes"})
    assert not Moderator.objects.exists()
    assert AuditEvent.objects.get(event="moderator-removed").actor == "ada"


def test_the_list_says_what_each_moderates(staff, said):
    Moderator.objects.create(public_key=KEY)
    Moderator.objects.create(public_key="05" + "cd" * 32, channels="1,2")
    text = said(staff.get(LIST))
    assert "channels 1,2" in text
    assert "everything" in text
    assert "&lt;" not in text

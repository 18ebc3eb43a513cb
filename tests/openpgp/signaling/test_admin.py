"""The signaling room in the administration."""

import pytest
from django.test import Client

from accounts import clock, devices, users
from accounts.models import AuditEvent, Device
from challenges.openpgp.models import BlockedSender, Invite, Presence
from challenges.openpgp.signaling import contacts, presence
from tests.accounts.admin.conftest import ada, said, staff

__all__ = ["ada", "said", "staff"]
pytestmark = pytest.mark.django_db
BASE = "/admin/openpgp/"


@pytest.fixture
def pair():
    alice, bob = users.create("alice"), users.create("bob")
    Invite.objects.create(sender=alice, recipient=bob, fingerprint="ab" * 20, signature="a signed text")
    contacts.block(bob.pk, name="alice")
    Invite.objects.create(sender=alice, recipient=bob, fingerprint="ab" * 20, signature="a signed text")
    for number, owner in enumerate((alice, alice, bob)):
        device = devices.open(owner, kind=Device.Kind.OPENPGP, device_id=f"<b>device{number}")
        presence.open_row(user_id=owner.pk, device_pk=device.pk, ip="192.0.2.7")
    return alice, bob


def test_who_is_connected_is_listed_with_counts_and_without_the_dead(staff, said, pair):
    text = said(staff.get(f"{BASE}presence/"))
    assert "3 open sockets of 2 accounts" in text
    assert "192.0.2.7" in text
    row = Presence.objects.first()
    Presence.objects.filter(pk=row.pk).update(seen_at=clock.after(-91))
    assert "2 open sockets of 2 accounts" in said(staff.get(f"{BASE}presence/"))
    assert "<b>device1" not in staff.get(f"{BASE}presence/").content.decode()
    page = staff.get(f"{BASE}presence/{Presence.objects.last().pk}/change/")
    assert page.status_code == 200
    assert "bob" in said(staff.get(f"{BASE}presence/", {"q": "bob"}))
    assert staff.get(f"{BASE}presence/add/").status_code == 403
    assert staff.get(f"{BASE}presence/{row.pk}/delete/").status_code in (302, 403)


def test_invites_are_listed_searched_and_deleted_and_their_text_is_not_shown(staff, said, pair):
    row = Invite.objects.get()
    assert "alice" in said(staff.get(f"{BASE}invite/"))
    assert "bob" not in said(staff.get(f"{BASE}invite/", {"q": "nobody"})).partition("0 pending")[2]
    page = staff.get(f"{BASE}invite/{row.pk}/change/")
    assert "ab" * 20 in page.content.decode()
    assert "a signed text" not in page.content.decode()
    assert staff.post(f"{BASE}invite/{row.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not Invite.objects.exists()
    event = AuditEvent.objects.get(event="invite-deleted")
    assert (event.actor, event.subject, event.facts) == ("ada", "bob", {"sender": "alice"})


def test_blocked_senders_are_listed_and_unblocked(staff, said, pair):
    row = BlockedSender.objects.get()
    assert "alice" in said(staff.get(f"{BASE}blockedsender/"))
    assert staff.get(f"{BASE}blockedsender/{row.pk}/change/").status_code == 200
    assert staff.post(f"{BASE}blockedsender/{row.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not BlockedSender.objects.exists()
    assert AuditEvent.objects.get(event="sender-unblocked").actor == "ada"


def test_the_lists_stand_in_the_side_bar(staff, said, pair):
    text = said(staff.get("/admin/"))
    for name in ("Laverna door", "Connected now", "Pending invites", "Blocked senders"):
        assert name in text


def test_the_pages_are_for_staff_only(pair):
    for name in ("presence", "invite", "blockedsender"):
        assert Client().get(f"{BASE}{name}/").status_code == 302

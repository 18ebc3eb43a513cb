"""What is signed in, of every door: seeing, naming, signing out (one-origin.md §3, §4)."""

import pytest

from accounts import programs, users
from accounts.models import AuditEvent, Device, Flow, Token
from accounts.pages.home import signed_in as services
from tests.pages.home.conftest import KEY, open_device, open_program, ref
from tests.pages.visitor import PASSWORD

LIST = "/account/devices/"


def living(user):
    return Token.objects.filter(user=user, revoked_at=None)


@pytest.fixture
def several(ann):
    """One device of every door."""
    return {
        "matrix": open_device(ann, "MATRIXDEVICE", name="Element on Linux"),
        "session": open_device(ann, "s1", kind=Device.Kind.SESSION, flow=Flow.SESSION, name="Session", credential=KEY),
        "otp": open_device(ann, "o1", kind=Device.Kind.OTP, flow=Flow.OTP, name="Office"),
        "openpgp": open_device(ann, "p1", kind=Device.Kind.OPENPGP, flow=Flow.OPENPGP, name="Notebook"),
    }


def test_devices_of_every_door_are_listed_and_this_browser_is_marked(signed_in, several, bob):
    page = signed_in.get(LIST)
    assert page.status == 200
    assert all(name in signed_in.text for name in ("Element on Linux", "Session", "Office", "Notebook", "192.0.2.9"))
    assert signed_in.text.count("This browser") == 1
    assert "BOBSDEVICE" not in page.text


def test_a_device_page_tells_what_is_known(signed_in, several):
    signed_in.get(f"{LIST}{ref(several['session'])}/")
    assert KEY in signed_in.text
    assert "Firefox on Linux" in signed_in.text
    assert "192.0.2.9" in signed_in.text


def test_a_program_without_a_device_is_shown_by_its_name_and_ended(signed_in, ann, monkeypatch):
    monkeypatch.setattr(programs, "_lookups", [lambda _: {"c0ffee": programs.Program("Notes", "notes.example.org")}])
    token = open_program(ann)
    signed_in.get(LIST)
    assert "Notes" in signed_in.text
    assert "notes.example.org" in signed_in.text
    path = f"{LIST}s{token.family.hex}/"
    assert signed_in.get(path).status == 200
    assert signed_in.get(f"{path}name/").status == 302
    signed_in.fill(f"{path}end/")
    assert living(ann).get().kind == Token.Kind.BROWSER


def test_programs_of_oauth_tell_the_account_page_their_names(db):
    from devicelogin.oauth.models import Client

    metadata = {"client_name": "Element", "client_uri": "https://element.io"}
    Client.objects.create(client_id="c1", host="element.io", metadata=metadata)
    assert programs.named({"c1", "", "unknown"}) == {"c1": programs.Program("Element", "element.io")}


def test_a_spent_or_ended_session_is_not_listed_but_a_matrix_device_stays(signed_in, ann, several):
    Token.objects.filter(user=ann, flow__in=[Flow.SESSION, Flow.MATRIX]).update(revoked_at="2026-01-01T00:00Z")
    signed_in.get(LIST)
    assert "Element on Linux" in signed_in.text
    assert "Has to sign in again" in signed_in.text
    assert signed_in.get(f"{LIST}{ref(several['session'])}/").status == 302


def test_signing_a_device_out_asks_first(signed_in, ann, several):
    path = f"{LIST}{ref(several['matrix'])}/end/"
    assert signed_in.get(path).status == 200
    assert Device.objects.filter(pk=several["matrix"].pk).exists()
    assert signed_in.send(path).header("location") == LIST
    assert not Device.objects.filter(pk=several["matrix"].pk).exists()
    assert not living(ann).filter(flow=Flow.MATRIX).exists()
    assert living(ann).filter(flow=Flow.SESSION).exists()
    event = AuditEvent.objects.get(event="device-ended")
    assert (event.actor, event.subject, event.facts["device"]) == ("ann", "ann", "MATRIXDEVICE")
    assert signed_in.is_signed_in()


def test_signing_out_this_browser_signs_out(signed_in, ann):
    device = Device.objects.get(user=ann)
    assert signed_in.fill(f"{LIST}{ref(device)}/end/").header("location") == "/account/login/"
    assert not signed_in.is_signed_in()
    assert not living(ann).exists()


def test_everything_but_this_browser_is_signed_out(signed_in, visit, ann, several):
    open_program(ann)
    other = visit()
    other.sign_in("ann")
    assert "6 others" in (signed_in.get(f"{LIST}end-others/") and signed_in.text)
    signed_in.send(f"{LIST}end-others/")
    assert living(ann).count() == 1
    assert Device.objects.filter(user=ann).count() == 1
    assert signed_in.is_signed_in()
    assert not other.is_signed_in()
    assert AuditEvent.objects.filter(event="sessions-ended", subject="ann").exists()


def test_a_device_is_renamed(signed_in, several):
    path = f"{LIST}{ref(several['otp'])}/name/"
    signed_in.fill(path, name="My telephone")
    several["otp"].refresh_from_db()
    assert several["otp"].display_name == "My telephone"
    assert AuditEvent.objects.filter(event="device-renamed", subject="ann").exists()
    assert signed_in.fill(path, name="").status == 400
    assert signed_in.fill(path, name="x" * 101).status == 400


def test_another_persons_device_is_neither_shown_nor_named_nor_ended(signed_in, bob):
    device = Device.objects.get(user=bob)
    program = open_program(bob)
    for mine in (ref(device), f"s{program.family.hex}"):
        for action in ("", "name/", "end/"):
            path = f"{LIST}{mine}/{action}"
            assert signed_in.get(path).header("location") == LIST, path
            if action:
                signed_in.get(LIST)
                assert signed_in.send(path, name="mine").header("location") == LIST, path
    device.refresh_from_db()
    assert device.display_name == ""
    assert living(bob).count() == 2
    signed_in.get(LIST)
    assert "BOBSDEVICE" not in signed_in.text


@pytest.mark.parametrize("mine", ["d", "d0", "d-1", "d١", "d" + "9" * 30, "s", "sxyz", "s" + "0" * 32, "x1", "d1%00"])
def test_a_reference_to_nothing_leads_back_to_the_list(signed_in, mine):
    assert signed_in.get(f"{LIST}{mine}/").status in {302, 404}
    assert signed_in.get(f"{LIST}{mine}/end/").status in {302, 404}


def test_changes_need_post_and_its_token(signed_in, several):
    path = f"{LIST}{ref(several['matrix'])}/end/"
    signed_in.get(path)
    assert signed_in.post(path, token="forged").status == 403
    assert signed_in.post(f"{LIST}end-others/", token="forged").status == 403
    assert Device.objects.filter(pk=several["matrix"].pk).exists()


def test_a_browser_that_was_signed_out_sees_and_does_nothing_more(signed_in, ann, several):
    path = f"{LIST}{ref(several['matrix'])}/end/"
    signed_in.get(path)
    users.end_all_sessions(ann)
    open_device(ann, "ANOTHER")
    for one in (LIST, "/account/", "/account/events/", "/account/keys/", "/account/emails/", "/account/close/"):
        assert signed_in.get(one).header("location").startswith("/account/login/")
    assert signed_in.post(path).status in {302, 403}
    assert Device.objects.filter(device_id="ANOTHER").exists()


def test_many_devices_come_in_pages(signed_in, ann, monkeypatch):
    monkeypatch.setattr(services, "PAGE", 3)
    for number in range(5):
        open_device(ann, f"DEVICE{number}", name=f"Telephone {number}")
    program = open_program(ann)
    signed_in.get(LIST)
    first = signed_in.text
    assert "This browser" in first
    assert "A program" not in first
    signed_in.get(f"{LIST}?page=2")
    second = signed_in.text
    assert "This browser" not in second
    assert "A program" in second
    assert program.family
    shown = [number for number in range(5) if f"Telephone {number}" in first] + [
        number for number in range(5) if f"Telephone {number}" in second
    ]
    assert sorted(shown) == list(range(5))
    for odd in ("0", "-1", "x", "9" * 40, "3"):
        assert signed_in.get(f"{LIST}?page={odd}").status == 200


def test_names_of_strangers_are_text(signed_in, ann):
    open_device(ann, "EVIL", name="<script>alert(1)</script>")
    page = signed_in.get(LIST)
    assert "<script>alert" not in page.text
    assert "&lt;script&gt;alert(1)" in page.text


def test_who_has_to_choose_a_password_first_cannot_go_around_it(visitor, db):
    users.create("cleo", password=PASSWORD, must_change_password=True)
    visitor.sign_in("cleo")
    assert visitor.get(LIST).header("location").startswith("/account/password/")

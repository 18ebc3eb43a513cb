"""A mail about each new device, at whichever door, with a link that ends it once (qr-login.md §7.6; R7, R15)."""

import re
from urllib.parse import unquote

import pytest
import time_machine
from django.core.signing import Signer
from django.db import connection, transaction

from accounts import clock, credentials, devices, mail_content, new_device_links, new_devices, retention, tokens, users
from accounts.errors import Reason, Refusal
from accounts.models import AuditEvent, Challenge, Device, Flow, KnownDevice, QueuedMail, Token, User
from challenges.openpgp.signaling import admission
from tests import premade
from tests.matrix.people import PASSWORD, logged_in, who_am_i
from tests.otp import door as otp
from tests.pages import mails
from tests.pages.visitor import Visitor
from tests.session_client import SessionIdentity

pytestmark = pytest.mark.django_db
PATH = "/account/new-device/"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
CHROME = "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36"


@pytest.fixture
def ann(db):
    """An account of long ago."""
    user = users.create("ann", encoded=premade.encoded(PASSWORD), email="ann@example.org")
    User.objects.filter(pk=user.pk).update(created_at=clock.after(-86_400))
    user.refresh_from_db()
    return user


@pytest.fixture
def visitor(client):
    return Visitor(client)


def told():
    """The texts of the mails about new devices."""
    return [sent.text for sent in mails.queued() if sent.template == "new-device"]


def mail_subject():
    return mail_content.unsealed(QueuedMail.objects.filter(template="new-device").last().sealed).subject


def link():
    """The path of the newest one's link."""
    return re.findall(r"https?://[^/\s]+(/account/new-device/\?token=\S+)", told()[-1])[0]


def browse(client, **more):
    other = Visitor(client, **more)
    other.sign_in("ann")
    return other


def laverna(ann, device_id="laptop"):
    """What the signaling room does with a socket."""
    secret = f"laverna {Token.objects.count()}"
    tokens.issue(tokens.Minted(secret, 3600), user=ann, flow=Flow.OPENPGP, credential="ab" * 20)
    bearer = tokens.check(secret, flow=Flow.OPENPGP)
    return admission.enter(bearer, device_id=device_id, ip="192.0.2.5", user_agent=FIREFOX)


# --- which devices are new ---


def test_a_matrix_login_is_told_with_device_program_address_and_time(client, ann):
    logged_in(client, "ann", device_id="PHONE", initial_device_display_name="Ann's phone")
    (text,) = told()
    assert "Hello ann," in text
    for line in ("Device: Ann's phone", "Way in: Matrix", "Address: 203.0.113.7"):
        assert line in text.splitlines(), text
    assert re.search(r"^Time: \d{4}-\d\d-\d\d \d\d:\d\d UTC$", text, re.M)
    assert QueuedMail.objects.get().recipient == "ann@example.org"


def test_the_same_matrix_device_is_told_of_once(client, ann):
    for _ in range(3):
        logged_in(client, "ann", device_id="PHONE")
    assert len(told()) == 1
    logged_in(client, "ann", device_id="OTHER")
    logged_in(client, "ann")
    assert len(told()) == 3


def test_a_known_device_id_from_another_network_and_program_is_told(ann):
    def come(ip, agent):
        devices.open(ann, kind=Device.Kind.MATRIX, device_id="PHONE", user_agent=agent, ip=ip)
        return len(told())

    assert come("192.0.2.1", FIREFOX) == 1
    assert come("192.0.2.99", CHROME) == 1  # the same network
    assert come("198.51.100.1", FIREFOX) == 1  # the same program
    assert come("203.0.113.1", CHROME) == 2
    Device.objects.update(user_agent="", last_seen_ip=None)  # an imported one
    assert come("203.0.113.1", CHROME) == 2


def test_a_session_key_is_told_once_in_a_network(client, ann):
    identity = SessionIdentity()
    credentials.add_x25519_key(ann, identity.public_key)
    identity.log_in(client)
    identity.log_in(client)
    (text,) = told()
    assert "Session was signed in" in mail_subject()
    assert "Way in: Session" in text
    client.address = "198.51.100.9"
    identity.log_in(client)
    assert len(told()) == 2


def test_a_code_login_is_told_once_for_a_browser_in_a_network(ann):
    def sign_in(ip=otp.IP, **more):
        asked = otp.request(email="ann@example.org", ip=ip, **more)
        assert otp.confirm(asked, otp.code(), ip=ip, **more)["code"] == "1104"
        return len(told())

    assert sign_in() == 1
    assert "Firefox on Linux" in told()[0]
    assert sign_in() == 1
    assert sign_in(browser=CHROME, os="Windows") == 2
    assert sign_in(ip="198.51.100.3") == 3


def test_a_remembered_code_login_is_no_new_device(ann):
    asked = otp.request(email="ann@example.org")
    otp.confirm(asked, otp.code())
    assert otp.confirm(asked, otp.FAKE)["code"] == "1103"
    assert len(told()) == 1


def test_a_laverna_device_is_told_once_also_after_its_row_was_forgotten(ann):
    laverna(ann)
    laverna(ann)
    assert len(told()) == 1
    assert "Way in: Laverna" in told()[0]
    Device.objects.filter(kind=Device.Kind.OPENPGP).delete()  # as the purge does when its last token is over
    laverna(ann)
    assert len(told()) == 1
    laverna(ann, "phone")
    assert len(told()) == 2


def test_a_browser_is_told_once_however_often_it_signs_in(client, ann, visitor):
    visitor.sign_in("ann")
    assert "Firefox on Linux" in told()[0]
    visitor.post("/account/logout/")
    visitor.sign_in("ann")
    visitor.sign_in("ann")
    assert len(told()) == 1
    browse(client)
    assert len(told()) == 2


def test_the_mark_of_a_browser_opens_nothing_and_is_not_stored(client, ann, visitor):
    visitor.sign_in("ann")
    mark = visitor.cookies["known-browser"]
    assert len(mark) == 43
    visitor.cookies = {"known-browser": mark}
    assert not visitor.is_signed_in()
    row = KnownDevice.objects.get()
    assert mark.encode() not in bytes(row.mark)
    forged = Visitor(client)
    forged.cookies["known-browser"] = "x"
    forged.sign_in("ann")
    assert len(forged.cookies["known-browser"]) == 43  # it got one of ours
    assert len(told()) == 2


def test_another_persons_browser_is_new_to_this_account(client, ann, visitor):
    bob = users.create("bob", encoded=premade.encoded(PASSWORD), email="bob@example.org")
    User.objects.filter(pk=bob.pk).update(created_at=clock.after(-86_400))
    visitor.sign_in("ann")
    visitor.post("/account/logout/")
    visitor.sign_in("bob")
    assert len(told()) == 2


# --- who is not told ---


def test_the_first_device_of_a_new_account_is_not_told_but_the_second_is(client, db):
    users.create("eve", encoded=premade.encoded(PASSWORD), email="eve@example.org")
    logged_in(client, "eve")
    assert told() == []
    logged_in(client, "eve")
    assert len(told()) == 1


def test_the_first_browser_of_a_new_account_stays_known(client, visitor, db):
    users.create("eve", encoded=premade.encoded(PASSWORD), email="eve@example.org")
    visitor.sign_in("eve")
    visitor.post("/account/logout/")
    visitor.sign_in("eve")
    assert told() == []
    other = Visitor(client)
    visitor.post("/account/logout/")  # no device is left, but one was there
    other.sign_in("eve")
    assert len(told()) == 1


def test_without_a_confirmed_address_nobody_is_told(client, db):
    users.create("bob", encoded=premade.encoded(PASSWORD))
    for _ in range(2):
        logged_in(client, "bob")
    assert not QueuedMail.objects.exists()
    assert not KnownDevice.objects.exists()


def test_an_account_without_address_pays_one_query(db, django_assert_num_queries):
    bob = users.create("bob")
    arrival = new_devices.Arrival("192.0.2.1", FIREFOX, family="f")
    with django_assert_num_queries(1):
        new_devices.tell(bob, arrival)


def test_the_operator_may_turn_it_off(client, ann, visitor, settings):
    settings.NEW_DEVICE_MAILS = False
    logged_in(client, "ann")
    visitor.sign_in("ann")
    assert not QueuedMail.objects.exists()
    assert "known-browser" not in visitor.cookies


def test_a_flood_of_devices_is_no_flood_of_mails(ann, settings, standing_clock):
    settings.NEW_DEVICE_MAIL_RATE = type(settings.NEW_DEVICE_MAIL_RATE)(3, 3600)
    for number in range(10):
        devices.open(ann, kind=Device.Kind.MATRIX, device_id=f"D{number}", ip="192.0.2.1")
    assert len(told()) == 3
    assert Device.objects.count() == 10


def test_a_refused_login_tells_nobody(client, ann):
    with pytest.raises(AssertionError):
        logged_in(client, "ann", password="wrong password")
    assert not QueuedMail.objects.exists()


@pytest.mark.parametrize("broken", ["mail.send", "throttle.hit", "database"])
def test_what_goes_wrong_with_the_mail_fails_no_login(client, ann, monkeypatch, broken):
    def fail(*_, **__):
        if broken == "database":
            with connection.cursor() as cursor:
                cursor.execute("SELECT no_such_column FROM no_such_table")
        raise RuntimeError("the disk is full")

    if broken == "throttle.hit":
        monkeypatch.setattr(new_devices.throttle, "hit", fail)
    else:
        monkeypatch.setattr(new_devices.mail, "send", fail)
    devices.open(ann, kind=Device.Kind.MATRIX, device_id="PHONE")
    assert Device.objects.get().device_id == "PHONE"
    assert not Challenge.objects.exists()  # no link was left without its mail
    assert who_am_i(client, logged_in(client, "ann").token).status == 200


def test_nothing_is_told_of_a_login_that_was_rolled_back(ann):
    def fail():
        with transaction.atomic():
            devices.open(ann, kind=Device.Kind.MATRIX, device_id="PHONE")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert not QueuedMail.objects.exists()


def test_names_write_no_lines_into_the_mail(client, ann):
    name = "Pay now\r\n\r\nhttp://evil.example/" + "x" * 200
    logged_in(client, "ann", initial_device_display_name=name)
    assert "x" * 81 not in told()[0]
    assert "\n\nhttp://evil" not in told()[0]


def test_marks_that_nobody_came_with_for_long_are_purged(client, ann, visitor):
    visitor.sign_in("ann")
    retention.purge_all()
    assert KnownDevice.objects.count() == 1
    with time_machine.travel(clock.now().timestamp() + 401 * 86_400):
        retention.purge_all()
    assert not KnownDevice.objects.exists()


# --- the link ---


def test_the_link_shows_the_device_and_ends_it_only_when_pressed(client, ann, visitor):
    phone = logged_in(client, "ann", initial_device_display_name="Ann's phone")
    page = visitor.get(link())
    assert page.status == 200
    assert page.header("cache-control") == "no-store"
    assert page.header("referrer-policy") == "same-origin"
    for words in ("Ann's phone", "the account ann", "203.0.113.7", "Matrix"):
        assert words in visitor.text
    assert who_am_i(client, phone.token).status == 200
    ended = visitor.send(PATH)
    assert ended.status == 200
    assert "set a new password now" in visitor.text
    assert 'href="/account/password/reset/"' in ended.text
    assert who_am_i(client, phone.token).status == 401
    assert not Device.objects.filter(kind=Device.Kind.MATRIX).exists()
    event = AuditEvent.objects.get(event="device-ended-by-mail")
    assert (event.subject, event.ip, event.facts["device"]) == ("ann", "203.0.113.7", "Ann's phone")


def test_head_and_get_however_often_end_nothing(client, ann, visitor):
    """Programs that look through mails open their links."""
    phone = logged_in(client, "ann")
    for _ in range(3):
        assert visitor.get(link()).status == 200
    client.request("HEAD", link(), headers={"host": "localhost"})
    assert who_am_i(client, phone.token).status == 200


def test_the_link_is_good_once(client, ann, visitor):
    logged_in(client, "ann", device_id="PHONE")
    path = link()
    visitor.get(path)
    fields = visitor.hidden()
    assert visitor.post(PATH, fields).status == 200
    assert visitor.post(PATH, fields).status == 404
    assert visitor.get(path).status == 404
    assert "signed out already" in visitor.text
    assert AuditEvent.objects.filter(event="device-ended-by-mail").count() == 1
    again = logged_in(client, "ann", device_id="PHONE")  # a new device, with a link of its own
    assert visitor.post(PATH, fields).status == 404
    assert who_am_i(client, again.token).status == 200
    assert len(told()) == 2


def test_it_ends_that_device_and_no_other(client, ann, visitor):
    first = logged_in(client, "ann")
    path = link()
    second = logged_in(client, "ann")
    identity = SessionIdentity()
    credentials.add_x25519_key(ann, identity.public_key)
    key_token = identity.log_in(client)
    browser = browse(client)
    visitor.get(path)
    visitor.send(PATH)
    assert who_am_i(client, first.token).status == 401
    assert who_am_i(client, second.token).status == 200
    assert client.get("/token", token=key_token).status == 200
    assert browser.is_signed_in()


def test_each_doors_device_ends_by_its_link(client, ann, visitor):
    identity = SessionIdentity()
    credentials.add_x25519_key(ann, identity.public_key)
    key_token = identity.log_in(client)
    visitor.get(link())
    visitor.send(PATH)
    assert "take that key out of your account" in visitor.text
    assert client.get("/token", token=key_token).status == 401
    asked = otp.request(email="ann@example.org")
    answer = otp.confirm(asked, otp.code())
    visitor.get(link())
    visitor.send(PATH)
    assert client.get("/api/me", token=answer["access"]).status == 401
    assert otp.confirm(asked, otp.FAKE)["code"] != "1103"
    entered = laverna(ann)
    visitor.get(link())
    visitor.send(PATH)
    assert not Device.objects.filter(pk=entered.device_pk).exists()
    browser = browse(client)
    visitor.get(link())
    visitor.send(PATH)
    assert not browser.is_signed_in()


def test_who_is_signed_in_goes_on_to_the_own_password(client, ann, visitor):
    logged_in(client, "ann")
    path = link()
    mine = browse(client)
    mine.get(path)
    assert 'href="/account/password/"' in mine.send(PATH).text
    users.create("bob", encoded=premade.encoded(PASSWORD))
    logged_in(client, "ann")
    path = link()
    bobs = Visitor(client)
    bobs.sign_in("bob")
    bobs.get(path)
    assert 'href="/account/password/reset/"' in bobs.send(PATH).text


def test_the_link_works_while_the_account_is_locked(client, ann, visitor):
    logged_in(client, "ann")
    users.lock(ann)
    visitor.get(link())
    assert visitor.send(PATH).status == 200
    assert not tokens.live().filter(user=ann).exists()


def test_a_device_that_signed_out_by_itself_is_told_as_gone(client, ann, visitor):
    phone = logged_in(client, "ann")
    client.post("/_matrix/client/v3/logout", token=phone.token)
    assert visitor.get(link()).status == 404


def test_a_browser_that_was_ended_by_mail_is_new_again(client, ann, visitor):
    thief = browse(client)
    visitor.get(link())
    visitor.send(PATH)
    thief.sign_in("ann")
    assert len(told()) == 2


def test_a_browser_that_was_ended_on_the_account_page_is_new_again(client, ann, visitor):
    thief = browse(client)
    row = Device.objects.get(kind=Device.Kind.BROWSER)
    visitor.sign_in("ann")
    visitor.fill(f"/account/devices/d{row.pk}/end/")
    assert not thief.is_signed_in()
    assert len(told()) == 2
    thief.sign_in("ann")
    assert len(told()) == 3
    visitor.fill("/account/devices/end-others/")
    thief.sign_in("ann")
    assert len(told()) == 4
    visitor.post("/account/logout/")
    visitor.sign_in("ann")
    assert len(told()) == 4  # the one that ended the others stays known


@pytest.mark.parametrize("token", ["", "x", "a:b:c", "ü" * 300, "\0", "x" * 5000])
def test_a_link_that_is_none_ends_nothing(client, ann, visitor, token):
    phone = logged_in(client, "ann")
    visitor.get("/account/login/")
    assert visitor.post(PATH, {"token": token}).status == 404
    assert visitor.get(PATH).status == 404
    assert who_am_i(client, phone.token).status == 200


def test_only_a_digest_of_the_link_is_stored_and_what_was_not_sent_is_not_looked_for(
    client, ann, django_assert_num_queries
):
    logged_in(client, "ann")
    secret = unquote(link().partition("token=")[2])
    row = Challenge.objects.get(purpose="new-device")
    assert bytes(row.digest) == tokens.digest(secret)
    assert secret.split(":")[0] not in str(row.__dict__)
    with django_assert_num_queries(0), pytest.raises(Refusal):
        new_device_links.find(Signer(salt="another").sign("x"))


def test_a_link_is_good_for_thirty_days(client, ann, visitor):
    logged_in(client, "ann")
    path = link()
    with time_machine.travel(clock.now().timestamp() + 29 * 86_400):
        assert visitor.get(path).status == 200
    with time_machine.travel(clock.now().timestamp() + new_devices.LIFETIME + 60):
        assert visitor.get(path).status == 404


def test_ending_needs_the_token_of_its_form(client, ann, visitor):
    phone = logged_in(client, "ann")
    visitor.get(link())
    assert visitor.post(PATH, {"token": visitor.hidden()["token"]}, token="").status == 403
    assert who_am_i(client, phone.token).status == 200


def test_a_device_of_another_account_is_never_ended(client, ann):
    """The row names the account: a device that moved, or a number that was given again, is none of its business."""
    logged_in(client, "ann")
    secret = unquote(link().partition("token=")[2])
    bob = users.create("bob", encoded=premade.encoded(PASSWORD))
    Device.objects.update(user=bob)
    with pytest.raises(Refusal) as refused:
        new_device_links.end(secret, ip="")
    assert refused.value.reason is Reason.CHALLENGE_INVALID
    assert Device.objects.filter(user=bob).exists()


def test_a_known_device_costs_few_statements_and_no_mail(ann, django_assert_num_queries):
    def sign_in():
        devices.open(ann, kind=Device.Kind.BROWSER, mark="the same browser")

    sign_in()
    QueuedMail.objects.all().delete()
    with django_assert_num_queries(6):  # the device, the address, the mark twice, and a savepoint
        sign_in()
    assert not QueuedMail.objects.exists()

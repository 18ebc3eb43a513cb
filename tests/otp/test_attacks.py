"""What an attack on this door tried, and what must not come of it."""

import pytest

from accounts import emails, guesses, passwords, users
from accounts.models import Device, Token, User
from challenges.otp import confirming
from tests.otp import door
from tests.otp.door import FAKE, PASSWORD, confirm, request, signed_in, token

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def alice():
    return door.alice()


def test_ending_all_sessions_cancels_logins_that_wait_for_their_code(alice):
    waiting = token()
    users.end_all_sessions(alice)
    assert confirm(waiting, door.code())["code"] == "1102"


@pytest.mark.parametrize("fate", [users.lock, users.deactivate])
def test_an_account_that_ends_between_the_code_and_the_write_gets_nothing(alice, fate, monkeypatch):
    waiting, compare = token(), confirming._try

    def compared_and_ended(found, code):
        right = compare(found, code)
        fate(User.objects.get(pk=alice.pk))
        return right

    code = door.code()
    monkeypatch.setattr(confirming, "_try", compared_and_ended)
    assert confirm(waiting, code)["code"] in {"1101", "1102"}
    assert not Token.objects.filter(revoked_at=None).exists()
    assert not Device.objects.exists()


def test_an_address_taken_away_while_the_password_is_checked_gets_no_code(alice, monkeypatch):
    emails.add_confirmed(alice, "second@example.org")
    verify = passwords.verify

    def verified_and_taken_away(user, password):
        right = verify(user, password)
        emails.remove(alice, "second@example.org")
        return right

    monkeypatch.setattr(passwords, "verify", verified_and_taken_away)
    assert request(email="second@example.org")["code"] == "1106"
    assert door.mails() == []


@pytest.mark.usefixtures("standing_clock")
def test_a_client_address_without_mails_left_learns_nothing_of_a_password(settings):
    settings.OTP_ADDRESS_MAIL_RATE = type(settings.OTP_ADDRESS_MAIL_RATE)(1, 3600)
    token()
    right, wrong = request(), request(password="wrong")
    assert (right["code"], wrong["code"]) == ("1107", "1107")


@pytest.mark.usefixtures("standing_clock")
def test_guesses_from_everywhere_together_have_an_allowance(monkeypatch):
    monkeypatch.setattr(passwords, "verify", lambda user, password: password == PASSWORD)
    codes = [request(password="wrong", ip=f"198.51.{number}.1")["code"] for number in range(101)]
    assert codes == ["1106"] * 100 + ["1107"]
    assert request(ip="203.0.113.9")["code"] == "1107"
    assert guesses._FROM_ANYWHERE.count == 100


@pytest.mark.usefixtures("standing_clock")
def test_a_remembered_login_gives_so_many_pairs():
    remembered, _ = signed_in()
    codes = [confirm(remembered, FAKE)["code"] for _ in range(31)]
    assert codes == ["1103"] * 30 + ["1107"]

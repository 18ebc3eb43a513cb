"""Proofs of e-mail addresses (matrix.md §12): who gets which mail, and what a link opens."""

import re
from datetime import timedelta

import pytest
import time_machine
from django.db import transaction

from accounts import clock, emails, rules, users
from accounts.errors import Reason, Refusal
from accounts.matrix import address_proofs
from accounts.matrix.address_proofs import ADD, REGISTER, RESET
from accounts.models import Challenge, QueuedMail
from tests.matrix import mails

pytestmark = pytest.mark.django_db
ADDRESS = "ann@example.org"
SECRET = "a.client=secret_-1"


@pytest.fixture(autouse=True)
def wide_limits(settings):
    settings.RATE_LIMIT_SCALE = 1000


@pytest.fixture
def ann():
    user = users.create("ann", password="correct horse battery")
    emails.add_confirmed(user, ADDRESS)
    return user


def ask(purpose=REGISTER, **more):
    facts = {"address": ADDRESS, "client_secret": SECRET, "send_attempt": 1, "next_link": "", "ip": "203.0.113.7"}
    return address_proofs.request(**{**facts, "purpose": purpose, **more})


def open_link(mail, purpose=REGISTER, **more):
    return address_proofs.confirm(**{**mail.values, "purpose": purpose, **more})


def refused(reason, field, call, **more):
    with pytest.raises(Refusal) as caught:
        call(**more)
    assert (caught.value.reason, caught.value.field) == (reason, field)


def test_the_link_proves_the_address_for_its_purpose_and_secret_only():
    sid = ask()
    assert address_proofs.proved(sid=sid, client_secret=SECRET, purpose=REGISTER) is None
    assert (mails.last().to, mails.last().template) == (ADDRESS, "register")
    assert open_link(mails.last()) == ""
    assert address_proofs.proved(sid=sid, client_secret=SECRET, purpose=REGISTER) == ADDRESS
    assert address_proofs.proved(sid=sid, client_secret="another", purpose=REGISTER) is None
    assert address_proofs.proved(sid=sid, client_secret=SECRET, purpose=RESET) is None
    assert address_proofs.proved(sid="unknown", client_secret=SECRET, purpose=REGISTER) is None
    assert address_proofs.proved(sid="ü\0", client_secret="ü", purpose=REGISTER) is None


def test_one_sid_for_one_secret_address_and_purpose():
    sid = ask()
    assert ask(address="ANN@EXAMPLE.org") == sid
    assert re.fullmatch(r"[0-9a-zA-Z.=_-]{1,255}", sid)
    assert len({sid, ask(client_secret="other"), ask(address="bob@example.org"), ask(ADD), ask(RESET)}) == 5


def test_a_mail_goes_out_only_for_a_greater_send_attempt_and_holds_the_same_link():
    for attempt in (1, 1, 0, 3, 2, 3):
        ask(send_attempt=attempt)
    first, second = mails.queued()
    assert first.link == second.link
    assert re.fullmatch(r"[A-Za-z0-9]{32}", first.values["token"])


def test_an_address_that_is_proved_gets_no_further_mail():
    sid = ask()
    open_link(mails.last())
    assert ask(send_attempt=2) == sid
    assert len(mails.queued()) == 1


def test_what_is_stored_opens_nothing(ann):
    ask(RESET)
    row = Challenge.objects.get()
    token = mails.last().values["token"]
    stored = f"{row.facts} {bytes(row.digest)!r} {bytes(row.code_mac)!r} {row.binding}"
    assert token not in stored
    assert SECRET not in stored
    assert mails.last().values["sid"] not in stored


def test_wrong_values_confirm_nothing_and_are_counted():
    sid = ask()
    values = mails.last().values
    tries = Challenge.objects.get().tries_left
    for wrong in ({"token": "x" * 32}, {"token": ""}, {"client_secret": "x"}, {"sid": "x"}):
        refused(Reason.CHALLENGE_INVALID, "sid", address_proofs.confirm, **{**values, "purpose": REGISTER, **wrong})
    refused(Reason.CHALLENGE_INVALID, "sid", address_proofs.confirm, **values, purpose=RESET)
    assert Challenge.objects.get().tries_left == tries - 2  # those that got as far as the token
    assert address_proofs.proved(sid=sid, client_secret=SECRET, purpose=REGISTER) is None
    Challenge.objects.update(tries_left=0)
    refused(Reason.CHALLENGE_INVALID, "sid", address_proofs.confirm, **values, purpose=REGISTER)


def test_a_link_may_be_opened_again_and_the_first_time_counts():
    sid = ask()
    open_link(mails.last())
    first = Challenge.objects.get().facts["validated_at"]
    with time_machine.travel(clock.after(600), tick=False):
        open_link(mails.last())
    assert Challenge.objects.get().facts["validated_at"] == first
    assert address_proofs.use(sid=sid, purpose=REGISTER).validated_at.isoformat() == first


def test_a_proof_is_used_once():
    sid = ask()
    refused(Reason.CHALLENGE_INVALID, "sid", address_proofs.use, sid=sid, purpose=REGISTER)
    open_link(mails.last())
    refused(Reason.CHALLENGE_INVALID, "sid", address_proofs.use, sid=sid, purpose=ADD)
    assert address_proofs.use(sid=sid, purpose=REGISTER).address == ADDRESS
    refused(Reason.CHALLENGE_INVALID, "sid", address_proofs.use, sid=sid, purpose=REGISTER)
    refused(Reason.CHALLENGE_INVALID, "sid", address_proofs.confirm, **mails.last().values, purpose=REGISTER)
    assert address_proofs.proved(sid=sid, client_secret=SECRET, purpose=REGISTER) is None


def test_a_use_that_is_rolled_back_leaves_the_proof():
    sid = ask()
    open_link(mails.last())
    with transaction.atomic():
        address_proofs.use(sid=sid, purpose=REGISTER)
        transaction.set_rollback(True)
    assert address_proofs.use(sid=sid, purpose=REGISTER).address == ADDRESS


@pytest.mark.parametrize("end", ["expired", "used"])
def test_after_its_end_the_same_request_makes_a_new_proof_with_another_link(end, settings):
    sid = ask()
    old = mails.last()
    moment = clock.now()
    if end == "used":
        open_link(old)
        address_proofs.use(sid=sid, purpose=REGISTER)
    else:
        moment += timedelta(seconds=settings.MATRIX_MAIL_TOKEN_LIFETIME + 1)
    with time_machine.travel(moment, tick=False):
        refused(Reason.CHALLENGE_INVALID, "sid", open_link, mail=old)
        assert ask() == sid
        assert mails.last().values["token"] != old.values["token"]
        refused(Reason.CHALLENGE_INVALID, "sid", open_link, mail=old)
        open_link(mails.last())
        assert address_proofs.proved(sid=sid, client_secret=SECRET, purpose=REGISTER) == ADDRESS


def test_a_proved_address_stays_proved_as_long_as_the_session_that_waits_for_it(settings):
    sid = ask()
    open_link(mails.last())
    begun = clock.now()
    for seconds, address in ((-60, ADDRESS), (60, None)):
        with time_machine.travel(begun + timedelta(seconds=settings.MATRIX_UIA_MAIL_LIFETIME + seconds), tick=False):
            assert address_proofs.proved(sid=sid, client_secret=SECRET, purpose=REGISTER) == address


def test_a_new_secret_key_keeps_proofs_and_links_good(settings):
    sid = ask()
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another key that is long enough for anything"
    # The mail was sealed under the old key, the proof was made under it; both go on.
    open_link(mails.last())
    assert address_proofs.proved(sid=sid, client_secret=SECRET, purpose=REGISTER) == ADDRESS


@pytest.mark.parametrize("purpose", [REGISTER, ADD])
def test_a_used_address_is_hidden_from_the_asker_and_told_to_its_owner(ann, purpose):
    sid = ask(purpose)
    assert [(mail.to, mail.template) for mail in mails.queued()] == [(ADDRESS, "address-in-use")]
    assert "ann" in mails.last().text
    assert "submit_token" not in mails.last().text
    assert len(sid) == len(ask(purpose, address="nobody@example.org"))
    ask(purpose)
    assert len([mail for mail in mails.queued() if mail.to == ADDRESS]) == 1


def test_a_reset_for_nobody_looks_like_one_for_somebody_and_mails_nobody(ann):
    with pytest.MonkeyPatch.context() as patched:
        sent = []
        real = address_proofs.mail.send
        patched.setattr(address_proofs.mail, "send", lambda *args, **more: (sent.append(args), real(*args, **more)))
        known, unknown = ask(RESET), ask(RESET, address="nobody@example.org")
    assert len(known) == len(unknown)
    assert len(sent) == 2  # the work of a mail is done for both
    assert [(mail.to, mail.template) for mail in mails.queued()] == [(ADDRESS, "reset-password")]
    assert Challenge.objects.count() == 2


def test_addresses_are_told_when_the_operator_says_so(ann, settings):
    settings.HIDE_ADDRESSES = False
    refused(Reason.CREDENTIAL_TAKEN, "email", ask)
    refused(Reason.CREDENTIAL_TAKEN, "email", ask, purpose=ADD)
    refused(Reason.NOT_FOUND, "email", ask, purpose=RESET, address="nobody@example.org")
    assert not QueuedMail.objects.exists()
    assert not Challenge.objects.exists()
    assert ask(RESET)


def test_only_a_deny_rule_refuses_an_address():
    rules.set_mode("matrix", whitelist=True)
    assert ask()
    rules.add("deny", "domain", "example.org")
    refused(Reason.NOT_ADMITTED, "email", ask)
    assert ask(address="ann@example.net")


@pytest.mark.parametrize(
    ("field", "more"),
    [
        ("email", {"address": "no address"}),
        ("email", {"address": "a@b@c"}),
        ("email", {"address": "ann@"}),
        ("email", {"address": "ann\n@example.org"}),
        ("client_secret", {"client_secret": ""}),
        ("client_secret", {"client_secret": "blank blank"}),
        ("client_secret", {"client_secret": "x" * 256}),
        *(
            ("next_link", {"next_link": link})
            for link in (
                "javascript://localhost/%0aalert(1)",
                "//localhost/",
                "/only/a/path",
                "https://evil.example/",
                "https://localhost.evil.example/",
                "https://localhost@evil.example/",
                "https://evil.example\\@localhost/",
                "https://local\thost/",
                "https://[localhost/",
                "https://localhost/" + "x" * 2048,
            )
        ),
    ],
)
def test_unacceptable_values_are_refused_before_anything_is_written(field, more):
    refused(Reason.FIELD_INVALID, field, ask, **more)
    assert not Challenge.objects.exists()


def test_the_link_leads_on_to_an_allowed_host():
    ask(next_link="https://localhost/app?x=1#y")
    assert open_link(mails.last()) == "https://localhost/app?x=1#y"


def test_mails_are_limited_per_address_and_per_client(settings):
    settings.RATE_LIMIT_SCALE = 1
    for number in range(3):
        ask(client_secret=f"s{number}", ip=f"203.0.113.{number}")
    refused(Reason.RATE_LIMITED, "", ask, client_secret="s4", ip="203.0.113.4")
    for number in range(2):
        ask(address=f"n{number}@example.org", ip="203.0.113.1")
    refused(Reason.RATE_LIMITED, "", ask, address="n3@example.org", ip="203.0.113.1")

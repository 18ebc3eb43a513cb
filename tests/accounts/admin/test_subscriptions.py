"""Subscriptions, messages and events in the administration."""

import json
import re

import pytest

from accounts import deliveries, happenings, rules, subscriptions
from accounts.models import AuditEvent, Delivery, Happening, QueuedMail, Subscription
from tests.watching.receiver import receiving

LIST, ADD = "/admin/accounts/subscription/", "/admin/accounts/subscription/add/"
MESSAGES, EVENTS = "/admin/accounts/delivery/", "/admin/accounts/happening/"
FORM = {"name": "Pager", "channel": "webhook", "least_severity": "warning", "enabled": "on", "_save": "1"}
MAIL = FORM | {"name": "Ops", "channel": "mail", "target": "ops@example.org"}


@pytest.fixture(autouse=True)
def near(settings):
    settings.EVENT_PRIVATE_TARGETS = settings.EVENT_HTTP_TARGETS = True


@pytest.fixture
def receiver():
    with receiving() as one:
        yield one


@pytest.fixture
def made(staff, receiver):
    """A webhook made at the page, and the page that shows its secret."""
    answer = staff.post(ADD, FORM | {"target": receiver.url})
    return Subscription.objects.get(), answer


def errors(answer):
    return str(answer.context["adminform"].form.errors)


def bulk(action, *rows, **more):
    return {"action": action, "_selected_action": [r.pk for r in rows], "select_across": "0", "index": "0", **more}


def secret_in(answer):
    return re.search(r"lkhook_[\w-]+", answer.content.decode())[0]


def test_a_webhooks_secret_is_shown_once_and_kept_nowhere_else(staff, made, ada):
    row, answer = made
    secret = secret_in(answer)
    assert subscriptions.secret_of(row) == secret
    assert "no-store" in answer["Cache-Control"]
    assert row.author == ada
    for path in (LIST, f"{LIST}{row.pk}/change/", "/admin/accounts/auditevent/", EVENTS):
        assert secret not in staff.get(path).content.decode()
    assert secret not in str(list(AuditEvent.objects.values_list("facts", flat=True)))


def test_a_new_secret_replaces_the_old_one_after_a_question(staff, made):
    row, answer = made
    assert "lkhook_" not in staff.get(f"{LIST}{row.pk}/secret/").content.decode()
    fresh = secret_in(staff.post(f"{LIST}{row.pk}/secret/", {"_confirmed": "1"}))
    assert fresh != secret_in(answer)
    row.refresh_from_db()
    assert subscriptions.secret_of(row) == fresh


def test_a_mail_has_no_secret(staff):
    assert staff.post(ADD, MAIL).status_code == 302
    row = Subscription.objects.get()
    assert (row.target, row.sealed_secret) == ("ops@example.org", "")
    assert "secret" not in str(staff.get(f"{LIST}{row.pk}/change/").context["actions_detail"])
    assert staff.post(f"{LIST}{row.pk}/secret/", {"_confirmed": "1"}).status_code == 302


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"target": "nobody"}, "A webhook has a URL such as"),
        ({"target": "https://user:pw@hooks.example.org/"}, "No name, password or fragment"),
        ({"channel": "mail", "target": "https://hooks.example.org/"}, "This is no mail address."),
        ({"channel": "mail", "target": "a@b@c"}, "This is no mail address."),
        (
            {"target": "https://hooks.example.org/", "kinds": ["nonsense"]},
            "nonsense is not one of the available choices",
        ),
        (
            {"target": "https://hooks.example.org/", "least_severity": "critical", "kinds": ["rules-changed"]},
            "nothing would ever be told",
        ),
        ({"target": "https://hooks.example.org/", "name": " "}, "required"),
    ],
)
def test_what_cannot_be_told_is_refused_in_words(staff, changes, words):
    assert words in errors(staff.post(ADD, FORM | changes))
    assert not Subscription.objects.exists()


def test_private_targets_are_refused_at_once_where_the_setting_says_so(staff, settings):
    settings.EVENT_PRIVATE_TARGETS = settings.EVENT_HTTP_TARGETS = False
    assert "EVENT_HTTP_TARGETS allows http" in errors(staff.post(ADD, FORM | {"target": "http://hooks.example.org/"}))
    assert "private network" in errors(staff.post(ADD, FORM | {"target": "https://10.0.0.1/"}))


def test_the_channel_stays_and_the_rest_can_be_changed(staff, made):
    row, _ = made
    changed = {"name": "Phone", "channel": "mail", "target": "https://hooks.example.org/x", "least_severity": "info"}
    answer = staff.post(f"{LIST}{row.pk}/change/", changed | {"kinds": ["mail-stuck", "rules-changed"], "_save": "1"})
    assert answer.status_code == 302
    row.refresh_from_db()
    assert (row.name, row.channel, row.target) == ("Phone", "webhook", "https://hooks.example.org/x")
    assert (row.kinds, row.enabled) == (["rules-changed", "mail-stuck"], False)
    assert AuditEvent.objects.get(event="subscription-changed").facts["kinds"] == row.kinds


def test_a_test_says_that_it_was_taken_or_why_not(staff, made, receiver, said):
    row, _ = made
    path = f"{LIST}{row.pk}/test/"
    staff.get(path)
    assert receiver.requests == []
    assert "The webhook took it." in said(staff.post(path, {"_confirmed": "1"}, follow=True))
    assert json.loads(receiver.bodies[0])["kind"] == "test"
    receiver.status = 500
    assert "It was not taken: answered 500" in said(staff.post(path, {"_confirmed": "1"}, follow=True))
    assert "fails" in said(staff.get(LIST))


def test_a_test_of_a_mail_goes_into_the_queue(staff, said):
    staff.post(ADD, MAIL)
    row = Subscription.objects.get()
    assert "It is in the mail queue." in said(staff.post(f"{LIST}{row.pk}/test/", {"_confirmed": "1"}, follow=True))
    assert QueuedMail.objects.get().recipient == "ops@example.org"


def test_the_page_warns_that_a_mail_cannot_tell_of_stuck_mail(staff, said, receiver):
    words = "A mail cannot tell you that mail is stuck"
    assert words not in said(staff.get(LIST))
    staff.post(ADD, MAIL)
    assert words in said(staff.get(LIST))
    assert words in said(staff.get(ADD))
    staff.post(ADD, FORM | {"target": receiver.url})
    assert words not in said(staff.get(LIST))


def test_messages_are_listed_with_what_became_of_them(staff, made, receiver, said):
    row, _ = made
    rules.set_mode("matrix", whitelist=True)
    deliveries.spread()
    text = said(staff.get(MESSAGES))
    assert "Whitelist switched" in text
    assert "waiting" in text
    receiver.status = 503
    deliveries.deliver_due()
    assert "answered 503" in said(staff.get(MESSAGES))
    message = Delivery.objects.filter(kind="whitelist-switched").get()
    page = said(staff.get(f"{MESSAGES}{message.pk}/change/"))
    assert "put the door matrix in whitelist mode" in page
    assert message.number in page
    sent = staff.get(f"{LIST}{row.pk}/messages/")
    assert sent["Location"] == f"{MESSAGES}?subscription__id__exact={row.pk}"
    assert staff.get(sent["Location"]).status_code == 200


def test_a_dead_message_is_sent_again(staff, made, receiver, said):
    row, _ = made
    happenings.tell("mail-stuck", facts={"seconds": 60, "waiting": 1})
    deliveries.spread()
    Delivery.objects.update(state="dead", tries=40, last_error="answered 500")
    message = Delivery.objects.filter(kind="mail-stuck").get()
    assert "Given up" in said(staff.get(LIST))
    link = f"{MESSAGES}?subscription__id__exact={row.pk}&amp;state__exact=dead"
    assert link in staff.get(LIST).content.decode()
    path = f"{MESSAGES}{message.pk}/try/"
    staff.get(path)
    assert Delivery.objects.get(pk=message.pk).state == "dead"
    staff.post(path, {"_confirmed": "1"})
    deliveries.deliver_due()
    assert Delivery.objects.get(pk=message.pk).state == "told"
    assert json.loads(receiver.bodies[-1])["id"] == message.number


def test_messages_are_sent_again_and_given_up_in_bulk(staff, made, receiver):
    happenings.tell("mail-stuck")
    happenings.tell("job-failing")
    deliveries.spread()
    rows = list(Delivery.objects.order_by("pk"))
    staff.post(MESSAGES, bulk("drop_chosen", *rows))
    assert not Delivery.objects.filter(state="dead").exists()
    staff.post(MESSAGES, bulk("drop_chosen", *rows, _confirmed="1"))
    assert not Delivery.objects.exclude(state="dead").exists()
    staff.post(MESSAGES, bulk("try_chosen", *rows))
    assert deliveries.deliver_due() == len(rows)


def test_what_happened_is_listed_in_words(staff, said):
    rules.add("deny", "username", "bob")
    text = said(staff.get(EVENTS))
    assert "A command added the rule deny username bob." in text
    row = Happening.objects.get(kind="rules-changed")
    assert '"pattern": "bob"' in said(staff.get(f"{EVENTS}{row.pk}/change/")).replace("&quot;", '"')
    assert staff.get(f"{EVENTS}add/").status_code == 403


def test_a_subscription_is_deleted_with_its_messages(staff, made):
    row, _ = made
    deliveries.test(row, actor=None)
    staff.post(f"{LIST}{row.pk}/delete/", {"post": "yes"})
    assert not Subscription.objects.exists()
    assert not Delivery.objects.exists()
    assert AuditEvent.objects.get(event="subscription-removed").actor == "ada"


def test_a_subscription_that_is_gone_is_no_error(staff):
    for verb in ("test", "secret"):
        assert staff.post(f"{LIST}999/{verb}/", {"_confirmed": "1"}).status_code == 302
        assert staff.get(f"{LIST}abc/{verb}/").status_code == 302
    assert staff.get(f"{LIST}abc/messages/")["Location"] == LIST

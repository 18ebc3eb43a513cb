"""Events out: durable, by kind and severity, tried again, bounded in number, signed (docs/events.md)."""

import hashlib
import hmac
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils.timezone import now

from accounts import audit, deliveries, event_kinds, happenings, mail_content, rules, subscriptions, users, webhooks
from accounts.errors import Refusal
from accounts.models import AuditEvent, Delivery, Happening, QueuedMail, Severity, Subscription
from tests.live.database import Database
from tests.watching.receiver import receiving

pytestmark = pytest.mark.django_db
State = Delivery.State


@pytest.fixture(autouse=True)
def near(settings):
    settings.EVENT_PRIVATE_TARGETS = settings.EVENT_HTTP_TARGETS = True
    settings.EVENT_TIMEOUT = 30


@pytest.fixture
def receiver():
    with receiving() as one:
        yield one


@pytest.fixture
def subscribe(db):
    """A subscription without what its making itself would tell."""

    def made(target, *, channel="webhook", least="info", kinds=(), name="ops", enabled=True):
        row = Subscription(
            name=name, channel=channel, target=target, least_severity=least, kinds=list(kinds), enabled=enabled
        )
        row.secret = subscriptions.save(row, actor="command")
        Happening.objects.all().delete()
        return row

    return made


def tell_all():
    deliveries.spread()
    return deliveries.deliver_due()


def happen(kind="homeserver-silent", **facts):
    happenings.tell(kind, subject="x", facts={"since": "2026-01-01T00:00", "error": "no answer", **facts})


def test_an_event_exists_if_and_only_if_its_transaction_does(subscribe, receiver):
    subscribe(receiver.url)
    with transaction.atomic():
        rules.add("deny", "username", "bob")
        transaction.set_rollback(True)
    assert not Happening.objects.exists()
    rules.add("deny", "username", "bob")
    assert tell_all() == 1
    (message,) = [json.loads(body) for body in receiver.bodies]
    assert message["text"] == "A command added the rule deny username bob."


def test_a_message_says_what_happened(subscribe, receiver, clock):
    subscribe(receiver.url)
    users.create("root", administrator=True, by_administrator=True, actor="ada")
    tell_all()
    message = json.loads(receiver.bodies[0])
    number = message.pop("id")
    assert number.startswith("msg_")
    event = {"at": now().isoformat(), "subject": "root", "actor": "ada", "ip": None, "text": message["text"]}
    assert message == {
        "kind": "admin-made",
        "severity": "warning",
        "title": "New administrator",
        "text": "ada made the administrator root.",
        "site": "http://localhost:8000",
        "count": 1,
        "first_at": now().isoformat(),
        "last_at": now().isoformat(),
        "events": [{**event, "facts": {"administrator": True, "event": "user-created"}}],
    }


def test_a_message_is_signed_with_the_secret_of_its_subscription(subscribe, receiver, clock):
    row = subscribe(receiver.url)
    happen()
    tell_all()
    ((path, headers, body),) = receiver.requests
    assert path == "/hook?to=me"
    assert headers["Latchkey-Id"] == json.loads(body)["id"]
    assert headers["Latchkey-Timestamp"] == str(int(now().timestamp()))
    assert headers["Content-Type"] == "application/json"
    signed = headers["Latchkey-Timestamp"].encode() + b"." + body
    assert (
        headers["Latchkey-Signature"] == "sha256=" + hmac.new(row.secret.encode(), signed, hashlib.sha256).hexdigest()
    )
    assert subscriptions.new_secret(row, actor="command") != row.secret
    happen("test")
    assert webhooks.signature("a", "1", b"x") != webhooks.signature("b", "1", b"x")


@pytest.mark.parametrize(
    ("least", "kinds", "told"),
    [
        ("info", [], ["job-works", "mail-lost", "mail-stuck"]),
        ("warning", [], ["mail-lost", "mail-stuck"]),
        ("critical", [], ["mail-stuck"]),
        ("info", ["mail-lost", "job-works"], ["job-works", "mail-lost"]),
        ("critical", ["mail-lost"], []),
    ],
)
def test_a_subscription_hears_of_its_kinds_and_severity(subscribe, receiver, least, kinds, told):
    subscribe(receiver.url, least=least, kinds=kinds)
    for kind in ("job-works", "mail-lost", "mail-stuck"):
        happen(kind)
    tell_all()
    assert sorted(json.loads(body)["kind"] for body in receiver.bodies) == told


def test_a_subscription_that_is_off_hears_nothing(subscribe, receiver):
    subscribe(receiver.url, enabled=False)
    happen()
    assert tell_all() == 0
    assert not Delivery.objects.exists()


def test_a_flood_is_one_message_at_once_and_one_with_a_number_a_minute_later(subscribe, receiver, clock):
    subscribe(receiver.url)
    for _ in range(5):
        for _ in range(100):
            happen()
        while deliveries.is_due():
            tell_all()
        clock.shift(timedelta(seconds=10))
    clock.shift(timedelta(seconds=15))
    tell_all()
    messages = [json.loads(body) for body in receiver.bodies]
    assert [message["count"] for message in messages] == [100, 400]
    assert [len(message["events"]) for message in messages] == [20, 20]
    assert messages[0]["last_at"] < messages[1]["last_at"]
    assert all(len(body) <= 65_536 for body in receiver.bodies)


def test_other_kinds_are_not_held_back_by_a_flood(subscribe, receiver):
    subscribe(receiver.url)
    happen()
    tell_all()
    happen()
    happen("job-failing")
    tell_all()
    assert [json.loads(body)["kind"] for body in receiver.bodies] == ["homeserver-silent", "job-failing"]


def test_what_is_not_taken_is_tried_again_with_longer_pauses_and_the_same_id(subscribe, clock):
    with receiving(status=503) as receiver:
        row = subscribe(receiver.url)
        happen()
        waits = []
        for number in range(4):
            tell_all()
            made = Delivery.objects.get()
            assert (made.state, made.tries, made.last_error) == ("waiting", number + 1, "answered 503")
            waits.append((made.due_at - now()).total_seconds())
            assert tell_all() == 0
            assert len(receiver.requests) == number + 1
            clock.move_to(made.due_at)
        assert waits == [10, 20, 40, 80]
        row.refresh_from_db()
        assert row.failures == 4
        receiver.status = 200
        assert tell_all() == 1
        row.refresh_from_db()
        assert (row.failures, row.resumes_at, row.told_at) == (0, None, now())
        assert Delivery.objects.get().state == "told"
        assert len({headers["Latchkey-Id"] for _, headers, _ in receiver.requests}) == 1
        stamps = [headers["Latchkey-Timestamp"] for _, headers, _ in receiver.requests]
        assert sorted(set(stamps)) == stamps  # of each try, so that a receiver may refuse old ones


def test_what_cannot_be_told_for_a_day_is_given_up_and_others_hear_of_that(subscribe, receiver, clock):
    with receiving(status=500) as dead:
        subscribe(dead.url, name="dead one")
        subscribe(receiver.url, name="good one", kinds=["message-given-up"])
        happen()
        for _ in range(200):
            clock.shift(timedelta(minutes=15))
            while tell_all():
                pass
    states = dict(Delivery.objects.filter(subscription__name="dead one").values_list("kind", "state"))
    assert states["homeserver-silent"] == "dead"
    assert 20 < Delivery.objects.get(kind="homeserver-silent").tries < 60
    assert json.loads(receiver.bodies[0])["text"] == (
        "The subscription dead one was not told of homeserver-silent: answered 500."
    )
    assert Happening.objects.filter(kind="message-given-up").count() == 1  # not once more for not being told that


def test_a_target_that_fails_does_not_hold_up_the_others(subscribe, receiver):
    with receiving(status=500) as dead:
        subscribe(dead.url, name="dead one")
        subscribe(receiver.url, name="good one")
        for kind in ("job-failing", "mail-stuck", "homeserver-silent"):
            happen(kind)
        tell_all()
        assert len(dead.requests) == 1
        assert len(receiver.requests) == 3


def test_messages_that_wait_for_a_dead_target_past_their_end_are_given_up_together(subscribe, clock):
    with receiving(status=500) as dead:
        subscribe(dead.url)
        for kind in ("job-failing", "mail-stuck", "homeserver-silent"):
            happen(kind)
        tell_all()
        clock.shift(timedelta(days=2))
        tell_all()
        assert len(dead.requests) == 1
    kinds = Delivery.objects.filter(state="dead").values_list("kind", flat=True)
    assert sorted(kinds) == ["homeserver-silent", "job-failing", "mail-stuck"]


def test_a_message_that_was_never_tried_is_tried_however_old(subscribe, receiver, clock):
    subscribe(receiver.url)
    happen()
    deliveries.spread()
    clock.shift(timedelta(days=9))  # the server was down
    assert deliveries.deliver_due() == 1


def test_what_was_told_or_given_up_can_be_sent_again(subscribe, receiver, clock):
    subscribe(receiver.url)
    happen()
    tell_all()
    assert deliveries.again(Delivery.objects.all()) == 1
    happen()  # is not folded into the old one
    assert tell_all() == 1
    assert [json.loads(body)["count"] for body in receiver.bodies] == [1, 1]
    assert len({headers["Latchkey-Id"] for _, headers, _ in receiver.requests}) == 1
    Delivery.objects.update(state="dead")
    Subscription.objects.update(failures=20, resumes_at=now() + timedelta(hours=1))
    assert deliveries.again(Delivery.objects.all()[:1]) == 1
    assert deliveries.deliver_due() == 1


def test_a_waiting_message_can_be_given_up(subscribe, receiver):
    row = subscribe(receiver.url)
    happen()
    deliveries.spread()
    assert deliveries.drop(Delivery.objects.all(), actor="ada") == 1
    assert deliveries.deliver_due() == 0
    event = AuditEvent.objects.get(event="message-dropped")
    assert (event.actor, event.subject) == ("ada", row.name)


def test_a_mail_goes_into_the_queue_of_mails(subscribe):
    subscribe("Ops@Example.org", channel="mail")
    for number in range(25):
        rules.add("deny", "username", f"bob{number}")
    assert tell_all() == 1
    mail = QueuedMail.objects.get()
    content = mail_content.unsealed(mail.sealed)
    assert (mail.recipient, mail.template) == ("ops@example.org", "event")
    assert content.subject == "[localhost] Lists changed (25 times)"
    assert "A command added the rule deny username bob0." in content.text
    assert "... and 5 more like these." in content.text
    assert "http://localhost:8000/admin/" in content.text
    assert Delivery.objects.get().state == "told"


def test_text_of_strangers_is_one_short_line_in_a_mail(subscribe):
    subscribe("ops@example.org", channel="mail")
    name = "eve\r\nBcc: all@example.org\n\n<b>" + "x" * 500
    audit.record("admin-login", outcome=audit.REFUSED, reason="credential-wrong", subject=name[:320], ip="192.0.2.1")
    tell_all()
    content = mail_content.unsealed(QueuedMail.objects.get().sealed)
    assert "as eve Bcc: all@example.org <b>xxx" in content.text
    assert "\nBcc" not in content.text
    assert "x" * 200 not in content.text


def test_the_secret_is_sealed_and_shown_once(subscribe, receiver):
    row = subscribe(receiver.url)
    assert row.secret.startswith("lkhook_")
    assert len(row.secret) == 50
    assert subscriptions.save(row, actor="command") == ""
    row.refresh_from_db()
    assert subscriptions.secret_of(row) == row.__dict__["secret"]
    assert row.secret not in str(list(Subscription.objects.values_list()))
    assert row.secret not in str(list(AuditEvent.objects.values_list("facts", flat=True)))


def test_a_secret_that_no_key_opens_is_told_as_the_error(subscribe, receiver):
    subscribe(receiver.url)
    Subscription.objects.update(sealed_secret="gAAAAAB")
    happen()
    tell_all()
    assert receiver.requests == []
    assert Delivery.objects.get().last_error == "InvalidToken"


def test_private_targets_and_http_are_refused_unless_a_setting_allows_them(subscribe, receiver, settings):
    row = subscribe(receiver.url)
    settings.EVENT_PRIVATE_TARGETS = False
    happen()
    tell_all()
    assert "private network" in Delivery.objects.get().last_error
    assert receiver.requests == []
    for target in (receiver.url, "https://127.0.0.1/", "ftp://example.org/"):
        with pytest.raises(Refusal) as refused:
            subscriptions.save(Subscription(name="x", channel="webhook", target=target), actor="command")
        assert refused.value.field == "target"
    settings.EVENT_HTTP_TARGETS = False
    with pytest.raises(Refusal, match="https"):
        subscriptions.checked_target("webhook", "http://hooks.example.org/")
    assert row.target == receiver.url


def test_a_test_is_told_at_once_and_says_what_came_of_it(subscribe, receiver):
    row = subscribe(receiver.url, least="critical", kinds=["mail-stuck"])
    made = deliveries.test(row, actor="ada")
    assert (made.state, made.kind) == ("told", "test")
    assert json.loads(receiver.bodies[0])["text"] == "ada tries whether this subscription is told."
    receiver.status = 404
    made = deliveries.test(row, actor="ada")
    assert (made.state, made.last_error) == ("waiting", "answered 404")


def test_changes_of_subscriptions_are_audited_and_told(subscribe, receiver):
    subscribe(receiver.url, name="first")
    other = Subscription(name="second", channel="mail", target="eve@example.org", least_severity="info")
    subscriptions.save(other, actor="ada")
    subscriptions.remove(Subscription.objects.filter(name="second"), actor="ada")
    tell_all()
    message = json.loads(receiver.bodies[0])
    assert [event["text"] for event in message["events"]] == [
        "ada added the subscription second.",
        "ada removed the subscription second.",
    ]
    assert message["events"][0]["facts"]["target"] == "eve@example.org"


def test_the_path_of_a_webhook_is_in_no_log_because_it_may_be_a_secret(subscribe, receiver):
    subscribe(f"http://127.0.0.1:{receiver.port}/services/T0/s3cr3t?key=k3y")
    assert AuditEvent.objects.get(event="subscription-added").facts["target"] == f"http://127.0.0.1:{receiver.port}/"


def test_ten_thousand_events_at_once_are_spread_in_few_statements(subscribe, receiver, django_assert_max_num_queries):
    """An import of rules is one event a rule."""
    subscribe(receiver.url)
    made = (Happening(kind="rules-changed", severity="info", subject=f"name{number}") for number in range(10_000))
    Happening.objects.bulk_create(made)
    with django_assert_max_num_queries(300):
        while deliveries.spread():
            pass
    message = Delivery.objects.get()
    assert (message.count, len(message.events)) == (10_000, 20)


def test_subscriptions_are_bounded_in_number(monkeypatch, subscribe):
    monkeypatch.setattr(subscriptions, "MOST", 1)
    subscribe("a@example.org", channel="mail")
    with pytest.raises(Refusal) as refused:
        subscribe("b@example.org", channel="mail")
    assert refused.value.field == "subscriptions"


def test_old_events_and_messages_are_purged_and_waiting_ones_stay(subscribe, receiver, clock):
    subscribe(receiver.url)
    happen()
    tell_all()
    happen("job-failing")
    deliveries.spread()
    clock.shift(timedelta(days=29))
    assert deliveries.purge() == 0
    Delivery.objects.filter(kind="job-failing").update(expires_at=now() + timedelta(days=1))
    clock.shift(timedelta(days=2))
    assert deliveries.purge() == 3
    assert Delivery.objects.get().kind == "job-failing"
    clock.shift(timedelta(days=60))
    deliveries.purge()
    assert not Delivery.objects.exists()  # it waited for a subscription that nobody switched on again


def test_an_event_with_facts_beyond_measure_is_told_without_them(subscribe, receiver):
    subscribe(receiver.url)
    happen(error="x" * 5000)
    tell_all()
    assert len(receiver.bodies[0]) < 3000


@pytest.mark.parametrize("kind", event_kinds.ALL)
def test_every_kind_has_a_sentence(subscribe, receiver, kind):
    subscribe(receiver.url)
    happenings.tell(kind, subject="something", facts={})
    tell_all()
    text = json.loads(receiver.bodies[0])["text"]
    assert text[0].isupper() or text.startswith(("latchkey", "something"))
    assert text.endswith(".")
    assert kind not in text
    assert Severity(event_kinds.ALL[kind].severity)


def test_only_what_administrators_asked_for_of_the_audit_log_is_an_event(alice):
    audit.record("login", subject="alice")
    audit.record("login", outcome=audit.REFUSED, reason="credential-wrong", subject="alice")
    users.end_all_sessions(alice)
    users.set_password(alice, "another good one")
    users.lock(alice)
    assert not Happening.objects.exists()


@pytest.mark.parametrize(
    ("event", "outcome", "kind"),
    [
        ("admin-login", "success", "admin-signed-in"),
        ("admin-login", "refused", "admin-refused"),
        ("mode-changed", "success", "whitelist-switched"),
        ("signing-key-made", "success", "key-rotated"),
        ("keys-rotated", "success", "key-rotated"),
        ("refresh-token-replayed", "refused", "token-replayed"),
        ("device-code-replayed", "refused", "token-replayed"),
        ("mail-lost", "refused", "mail-lost"),
        ("audit-exported", "success", "log-exported"),
        ("homeserver-conflict", "refused", "homeserver-conflict"),
        ("second-factors-removed", "success", "second-factors-removed"),
    ],
)
def test_an_audit_event_is_of_its_kind(event, outcome, kind):
    audit.record(event, outcome=outcome, subject="x")
    happening = Happening.objects.get()
    assert (happening.kind, happening.severity) == (kind, event_kinds.ALL[kind].severity)


@pytest.mark.django_db(transaction=True)
def test_of_processes_that_tell_at_once_each_message_goes_once(receiver, settings):
    for number in range(4):
        row = Subscription(name=f"s{number}", channel="webhook", target=receiver.url, least_severity="info")
        subscriptions.save(row, actor="command")
    Happening.objects.all().delete()
    for _ in range(30):
        happen()
    together = threading.Barrier(5)

    def process(_):
        together.wait(60)
        try:
            deliveries.spread()
            deliveries.deliver_due()
        finally:
            connection.close()

    with ThreadPoolExecutor(5) as pool:
        list(pool.map(process, range(5)))
    while deliveries.is_due() and deliveries.deliver_due():
        pass
    counted: dict[str, int] = {}
    for owner, count in Delivery.objects.values_list("subscription__name", "count"):
        counted[owner] = counted.get(owner, 0) + count
    assert counted == {f"s{number}": 30 for number in range(4)}
    told = [headers["Latchkey-Id"] for _, headers, _ in receiver.requests]
    assert len(told) == len(set(told)) == Delivery.objects.filter(state=State.TOLD).count()


@pytest.mark.django_db(transaction=True)
def test_the_secret_is_nowhere_in_the_database(receiver):
    from tests.accounts.test_mail_delivery import database_url

    row = Subscription(name="ops", channel="webhook", target=receiver.url)
    secret = subscriptions.save(row, actor="command")
    deliveries.test(row, actor="command")
    stored = Database(database_url()).dump()
    assert b"/hook?to=me" in stored
    assert secret.encode() not in stored
    assert secret.removeprefix("lkhook_").encode() not in stored

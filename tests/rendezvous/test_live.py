"""Sessions through real servers: headers as they arrive, and what a read on the event loop must not overlook."""

import time
from collections.abc import Callable, Iterator

import pytest

from tests.live import Installation, running
from tests.rendezvous.live import Answer, Devices, Slot, ask
from tests.rendezvous.slots import TEXT, UNSTABLE

pytestmark = pytest.mark.thorough
PATIENCE = 60.0
MARKER = {"etag", "expires", "last-modified"}


@pytest.fixture(scope="module", params=["daphne", "uvicorn"])
def installation(request: pytest.FixtureRequest) -> Iterator[Installation]:
    rates = {"RENDEZVOUS_CREATE_RATE": "1000/1", "RENDEZVOUS_READ_RATE": "100/100000"}  # no read is given back
    with running(SERVER=request.param, RATE_LIMIT_SCALE="1", **rates) as found:  # type: ignore[arg-type]
        yield found


@pytest.fixture
def devices(installation: Installation) -> Devices:
    return Devices(installation)


@pytest.fixture
def slot(devices: Devices) -> Slot:
    return devices.created(TEXT, "hello")


def until(answer: Callable[[], Answer], status: int) -> Answer:
    """The answer once it has this status: what another process changed counts within a second."""
    deadline = time.monotonic() + PATIENCE
    while (found := answer()).status != status and time.monotonic() < deadline:
        time.sleep(1)
    assert found.status == status, found
    return found


def test_answers_arrive_with_the_headers_they_were_given(installation: Installation, slot: Slot) -> None:
    port = installation.server.port
    plain = {"Content-Type": "text/plain"}
    read = slot.read()
    assert (read.status, read.body, read.headers["content-type"]) == (200, b"hello", "text/plain")
    known = ask(port, "GET", slot.path, headers={"If-None-Match": f'"{slot.token}"'})
    assert (known.status, known.body, known.headers.get("content-type")) == (304, b"", None)
    head = ask(port, "HEAD", slot.path)
    assert (head.status, head.body, head.headers["content-length"]) == (200, b"", "5")
    written = slot.write("world")
    assert (written.status, written.body, written.headers["content-length"]) == (202, b"", "0")
    assert written.headers["content-type"] == "text/plain"
    lost = slot.write("other")
    large = ask(port, "PUT", slot.path, b"x" * 5000, {**plain, "If-Match": "x"})
    wrong = ask(port, "POST", slot.path, b"x", plain)
    bare = ask(port, "PUT", slot.path, b"x", plain)
    assert [lost.status, large.status, wrong.status, bare.status] == [412, 413, 405, 400]
    for answer in (read, known, head, written, lost, large, wrong, bare):
        assert set(answer.headers) >= MARKER, answer
        assert answer.headers["cache-control"] == "no-store, no-transform"
        assert answer.headers["access-control-allow-origin"] == "*"
    assert {each.tag for each in (written, lost, large, wrong, bare)} == {written.tag}
    ended = slot.delete()
    assert (ended.status, ended.body) == (204, b"")
    assert not {"content-length", "transfer-encoding"} & set(ended.headers)
    assert slot.read().status == 404


def test_a_body_in_chunks_has_no_length_and_is_refused_in_the_form_of_2024(
    installation: Installation, slot: Slot
) -> None:
    port = installation.server.port
    headers = {"Content-Type": "text/plain", "If-Match": f'"{slot.token}"'}
    answer = ask(port, "PUT", slot.path, iter([b"abc"]), headers)  # what has no length goes out in chunks
    assert (answer.status, answer.json["errcode"], answer.tag) == (400, "M_MISSING_PARAM", slot.token)
    body = b'{"data":"' + b"\\u0041" * 4096 + b'"}'
    assert ask(port, "POST", UNSTABLE, iter([body[:9000], body[9000:]])).status == 200


def test_a_session_that_expires_is_gone_for_readers(devices: Devices, slot: Slot) -> None:
    devices.expire(slot, after_ms=700)
    until(slot.read, 404)
    assert slot.write("late").status == 404


def test_a_flood_of_reads_is_told_to_wait_and_what_the_state_is(installation: Installation, slot: Slot) -> None:
    port = installation.server.port
    answers = [ask(port, "GET", slot.path) for _ in range(101)]
    told = answers[-1]
    assert [answer.status for answer in answers] == [200] * 100 + [429]
    assert int(told.headers["retry-after"]) >= 1
    assert told.tag == slot.token


def test_a_rule_that_another_process_makes_counts_for_readers(installation: Installation, slot: Slot) -> None:
    assert slot.read().status == 200
    installation.manage("rules", "add", "deny", "ip", "127.0.0.0/8", "--flow", "devicelogin")
    answer = until(slot.read, 403)
    assert answer.json["errcode"] == "M_FORBIDDEN"
    installation.manage("rules", "remove", "deny", "ip", "127.0.0.0/8", "--flow", "devicelogin")
    until(slot.read, 200)


def test_a_mode_that_another_process_turns_counts_for_readers(installation: Installation, slot: Slot) -> None:
    turn = "from accounts import switches; switches.turn('rendezvous-mode', {!r}, actor='test')"
    assert slot.read().status == 200
    installation.manage("shell", "-c", turn.format("off"))
    assert until(slot.read, 404).json["errcode"] == "M_UNRECOGNIZED"
    installation.manage("shell", "-c", turn.format("open"))
    until(slot.read, 200)

"""Many devices at one session, at the same moment, in two processes behind one database (qr-login.md §2.4, §8).

On SQLite by default, on Postgres and Redis when DATABASE_URL and REDIS_URL name them. A process that is busy says so,
and nothing has happened then.
"""

import secrets
import time
from collections.abc import Iterator

import pytest

from tests.live import running
from tests.live.parallel import at_once
from tests.rendezvous.live import BUSY, Answer, Devices, Slot, patiently
from tests.rendezvous.slots import STABLE, TEXT, UNSTABLE

WRITERS = 50
MOST = 12
pytestmark = pytest.mark.thorough
every_form = pytest.mark.parametrize("path", [TEXT, UNSTABLE])


@pytest.fixture(scope="module", params=["daphne", "uvicorn"])
def devices(request: pytest.FixtureRequest) -> Iterator[Devices]:
    with running(count=2, SERVER=request.param) as installation:
        yield Devices(installation)


@pytest.fixture(scope="module")
def few() -> Iterator[Devices]:
    """Where only so many may live."""
    with running(count=2, RENDEZVOUS_MOST=str(MOST)) as installation:
        yield Devices(installation)


@every_form
def test_of_fifty_writes_with_one_token_one_wins(devices: Devices, path: str) -> None:
    slot = devices.created(path, "begin")
    texts = [f"text {number}" for number in range(WRITERS)]
    answers = at_once([lambda text=text: slot.write(text) for text in texts])  # type: ignore[misc]
    winners = [(text, answer) for text, answer in zip(texts, answers, strict=True) if slot.won(answer)]
    assert len(winners) == 1
    assert all(slot.won(answer) or slot.lost(answer) or answer.status in BUSY for answer in answers)
    text, answer = winners[0]
    assert slot.state() == (text, slot.token_of(answer))
    if path == TEXT:  # the losers are told the state that counts
        assert {each.tag for each in answers if slot.lost(each)} <= {answer.tag}


@every_form
def test_one_write_sent_fifty_times_is_one_write(devices: Devices, path: str) -> None:
    slot = devices.created(path, "begin")
    answers = at_once([lambda: slot.write("mine") for _ in range(WRITERS)])
    good = [answer for answer in answers if slot.won(answer)]
    assert all(slot.won(answer) or answer.status in BUSY for answer in answers)
    tokens = {slot.token_of(answer) for answer in good}
    assert len(tokens) == 1
    assert slot.state() == ("mine", tokens.pop())


@every_form
def test_a_write_beside_a_delete_is_before_it_or_finds_nothing(devices: Devices, path: str) -> None:
    slot = devices.created(path, "begin")
    calls = [lambda number=number: slot.write(f"text {number}") for number in range(20)]  # type: ignore[misc]
    answers = at_once([*calls[:10], *[slot.delete] * 10, *calls[10:]])
    deletes, writes = answers[10:20], [*answers[:10], *answers[20:]]
    gone = 204 if path == TEXT else 200
    assert [answer.status for answer in deletes].count(gone) <= 1
    assert all(answer.status in {gone, 404, *BUSY} for answer in deletes)
    assert sum(slot.won(answer) for answer in writes) <= 1
    assert all(slot.won(each) or slot.lost(each) or each.status in {404, *BUSY} for each in writes)
    if gone not in [answer.status for answer in deletes]:  # all of them were told to ask again
        assert patiently(slot.delete).status == gone
    assert patiently(slot.read).status == 404
    assert patiently(lambda: slot.write("late")).status == 404


@every_form
def test_no_write_succeeds_after_the_session_was_seen_expired(devices: Devices, path: str) -> None:
    slot = devices.created(path, "begin")
    devices.expire(slot, after_ms=1500)
    answers = [answer for each in at_once([lambda: _writes_until_gone(slot) for _ in range(8)]) for answer in each]
    first_gone = min(answer.ended for answer in answers if answer.status == 404)
    assert not [answer for answer in answers if slot.won(answer) and answer.begun > first_gone]
    assert patiently(slot.read).status == 404
    assert patiently(slot.delete).status == 404


@every_form
def test_readers_beside_writers_never_see_one_tag_on_two_texts(devices: Devices, path: str) -> None:
    slot = devices.created(path, "begin")
    seen = at_once([*[lambda: _ten_writes(slot)] * 3, *[lambda: _twenty_reads(slot)] * 3])
    texts: dict[str, str] = {}
    for token, text in [pair for pairs in seen for pair in pairs]:
        assert texts.setdefault(token, text) == text
    data, token = slot.state()
    assert texts[token] == data


@every_form
def test_what_one_process_was_told_the_other_knows_at_once(devices: Devices, path: str) -> None:
    slot = devices.created(path, "begin")
    for number in range(10):
        answer = patiently(lambda number=number: slot.write(f"text {number}"))  # type: ignore[misc]
        assert slot.won(answer), answer
        slot.token = slot.token_of(answer)
        assert slot.state() == (f"text {number}", slot.token)
    assert slot.delete().status in {200, 204}
    assert [slot.read().status for _ in devices.installation.servers] == [404, 404]


def test_of_many_creations_at_once_no_more_live_than_may(few: Devices) -> None:
    paths = [(TEXT, UNSTABLE, STABLE)[number % 3] for number in range(40)]
    answers = at_once([lambda path=path: few.create(path) for path in paths])  # type: ignore[misc]
    made = [pair for pair in zip(paths, answers, strict=True) if pair[1].status in {200, 201}]
    assert all(answer.status in {200, 201, *BUSY} for answer in answers)
    assert len(made) <= MOST
    slots = [few.slot(path, answer) for path, answer in made]
    while len(slots) < MOST:  # some were told that a process is busy
        slots.append(few.created(TEXT))
    assert _refused(few, TEXT) == 429
    assert all(patiently(slot.read).status == 200 for slot in slots)  # none was thrown out for another
    ended = at_once([slot.delete for slot in slots])
    assert all(
        patiently(slot.read).status == 404 for slot, answer in zip(slots, ended, strict=True) if answer.status < 300
    )
    left = [slot for slot, answer in zip(slots, ended, strict=True) if answer.status >= 300]
    assert all(patiently(slot.delete).status < 300 for slot in left)
    again = [few.created(UNSTABLE) for _ in range(MOST)]
    assert _refused(few, UNSTABLE) == 429
    for slot in again:
        patiently(slot.delete)


def _refused(few: Devices, path: str) -> int:
    """The status of a creation, once a process had the time for it."""
    return patiently(lambda: few.create(path), also=()).status


def _writes_until_gone(slot: Slot) -> list[Answer]:
    answers: list[Answer] = []
    token, deadline = slot.token, time.monotonic() + 60
    while time.monotonic() < deadline:
        answers.append(slot.write(secrets.token_hex(4), token))
        if answers[-1].status == 404:
            return answers
        if slot.won(answers[-1]):
            token = slot.token_of(answers[-1])
        elif slot.lost(answers[-1]) and (answer := slot.read()).status == 200:
            token = answer.tag if slot.is_text else answer.json["sequence_token"]
    raise AssertionError("the session never expired")


def _ten_writes(slot: Slot) -> list[tuple[str, str]]:
    """Token and text of each write that succeeded."""
    done = []
    for _ in range(10):
        text = secrets.token_hex(8)
        answer = slot.write(text, slot.state()[1])
        if slot.won(answer):
            done.append((slot.token_of(answer), text))
    return done


def _twenty_reads(slot: Slot) -> list[tuple[str, str]]:
    return [(token, data) for data, token in (slot.state() for _ in range(20))]

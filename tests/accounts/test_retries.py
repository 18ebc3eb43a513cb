"""Transactions that lose to others are done again, three times at the most (R57)."""

import pytest
from django.db import OperationalError

from accounts import retries
from accounts.http import as_refusal


class Lost(Exception):
    """As psycopg says it; Django's exception has it as its cause."""

    def __init__(self, sqlstate):
        super().__init__(sqlstate)
        self.sqlstate = sqlstate


def failing(times, sqlstate):
    """A function that loses so many times and then answers; and how often it was called."""
    calls = []

    def function():
        calls.append(1)
        if len(calls) <= times:
            raise OperationalError("lost") from Lost(sqlstate)
        return "done"

    return function, calls


@pytest.fixture(autouse=True)
def no_pause(monkeypatch):
    monkeypatch.setattr(retries, "_PAUSE", 0.0)


@pytest.mark.parametrize("sqlstate", ["40001", "40P01"])
def test_three_losses_are_not_noticed_and_the_fourth_is_the_callers(sqlstate):
    function, calls = failing(3, sqlstate)
    assert retries.calling(function) == "done"
    assert len(calls) == 4
    function, calls = failing(4, sqlstate)
    with pytest.raises(OperationalError):
        retries.calling(function)
    assert len(calls) == 4


def test_what_is_no_conflict_is_not_tried_again():
    function, calls = failing(1, "57P01")
    with pytest.raises(OperationalError):
        retries.calling(function)
    assert len(calls) == 1


def test_what_answers_whatever_happens_is_asked_again_as_long_as_its_answer_comes_from_a_conflict():
    function, calls = failing(2, "40001")

    def answer():
        try:
            return function()
        except OperationalError as error:
            return as_refusal(error).reason

    assert retries.answering(answer) == "done"
    assert len(calls) == 3
    function, calls = failing(9, "40001")
    assert retries.answering(answer) == "unavailable"
    assert len(calls) == 4
    function, calls = failing(1, "57P01")
    assert retries.answering(answer) == "unavailable"
    assert len(calls) == 1

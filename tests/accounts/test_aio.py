"""The pools between the event loop and services (architecture.md §5)."""

import asyncio
import contextvars
import threading

import pytest

from accounts import aio
from accounts.errors import Reason, Refusal

_REAL_CALL = aio.Pool.call


@pytest.fixture
def pool(monkeypatch):
    monkeypatch.setattr(aio.Pool, "call", _REAL_CALL)
    return aio.Pool("test", 2, 1)


async def test_a_call_runs_off_the_loop_and_sees_the_callers_context(pool):
    word = contextvars.ContextVar("word")
    word.set("said here")
    thread, heard = await pool.call(lambda: (threading.current_thread(), word.get()))
    assert thread is not threading.main_thread()
    assert heard == "said here"


async def test_the_thread_that_was_busy_last_is_asked_first(pool):
    names = [await pool.call(lambda: threading.current_thread().name) for _ in range(20)]
    assert len(set(names)) == 1


async def test_a_failure_is_the_callers(pool):
    with pytest.raises(ZeroDivisionError):
        await pool.call(lambda: 1 // 0)
    assert await pool.call(lambda: "and the thread lives") == "and the thread lives"


async def test_what_does_not_fit_the_queue_is_refused_at_once(pool):
    gate = threading.Event()
    running = [asyncio.create_task(pool.call(gate.wait)) for _ in range(3)]  # two run, one waits
    await asyncio.sleep(0)
    with pytest.raises(Refusal) as refusal:
        await pool.call(gate.wait)
    assert (refusal.value.reason, refusal.value.retry_after) == (Reason.OVERLOADED, 1)
    assert pool.busy == 3
    gate.set()
    assert await asyncio.gather(*running) == [True] * 3
    assert pool.busy == 0


async def test_a_caller_that_went_away_leaves_the_pool_whole(pool):
    gate = threading.Event()
    abandoned = asyncio.create_task(pool.call(gate.wait))
    await asyncio.sleep(0)
    abandoned.cancel()
    gate.set()
    assert await asyncio.gather(*(pool.call(lambda: 1) for _ in range(2))) == [1] * 2

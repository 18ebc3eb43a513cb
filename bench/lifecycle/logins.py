"""Session logins of known accounts at a steady pace, each timed; all key agreement happens here, in this process."""

import asyncio
import json
import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from bench.lifecycle.rows import private_key, public_key
from bench.wire import Connection, get, post
from tests.live.session import decrypt


@dataclass
class Timed:
    """Seconds of each login, and the numbers of accounts that could not log in."""

    seconds: list[float] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)

    def share(self, part: float) -> float:
        """A quantile in milliseconds: 0.95 is the p95."""
        return 1000 * statistics.quantiles(self.seconds, n=100, method="inclusive")[round(part * 100) - 1]


async def log_in(connection: Connection, number: int, timed: Timed) -> None:
    """One login: a challenge, and its answer."""
    begun = time.perf_counter()
    key = public_key(number)
    try:
        challenge = json.loads(await connection.ask(get(f"/loki/v1/get_challenge?pubKey={key}")))
        body = json.dumps({"pubKey": key, "token": decrypt(challenge, private_key(number))}).encode()
        await connection.ask(post("/loki/v1/submit_challenge", body))
    except AssertionError:
        timed.refused.append(number)
    else:
        timed.seconds.append(time.perf_counter() - begun)


async def each(port: int, numbers: Iterable[int], *, told: Callable[[int], None], connections: int = 8) -> Timed:
    """Every one of these accounts logs in once, as fast as it goes."""
    waiting, timed = iter(numbers), Timed()

    async def work(connection: Connection) -> None:
        for number in waiting:
            await log_in(connection, number, timed)
            if len(timed.seconds) % 1000 == 0:
                told(len(timed.seconds))
        connection.close()

    await asyncio.gather(*[work(await Connection.open(port)) for _ in range(connections)])
    return timed


async def until(port: int, over: Callable[[], bool], *, accounts: int, each_second: float) -> Timed:
    """Logins at a pace until something is over; one that is late delays none of the others."""
    timed, tasks, number = Timed(), set[asyncio.Task[None]](), 0
    free: list[Connection] = []
    due = time.perf_counter()

    async def one(who: int) -> None:
        connection = free.pop() if free else await Connection.open(port)
        await log_in(connection, who, timed)
        free.append(connection)

    while not over():
        number += 1
        task = asyncio.create_task(one(number % accounts + 1))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        due += 1 / each_second
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
    await asyncio.gather(*tasks)
    for connection in free:
        connection.close()
    return timed

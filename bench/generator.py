"""The load generator: a process of its own that is told a scenario and a number of turns, and says when it is done.

Protocol on standard input and output, one JSON value a line: `[name, argument]` selects a scenario, a number prepares
and asks for so many turns. It answers "prepared" before the measured part, waits for a line, and "done" after it.
"""

import asyncio
import json
import sys
from typing import Any

from bench import laverna, oauth_scenarios, rendezvous_scenarios, scenarios
from bench.wire import Connection


def scenario_of(name: str, argument: Any) -> scenarios.Scenario:
    if name == scenarios.ListedTokens.name:
        return scenarios.ListedTokens(argument)
    found = oauth_scenarios.scenario_of(name, argument) or rendezvous_scenarios.scenario_of(name, argument)
    known: dict[str, type[scenarios.Scenario]] = {**scenarios.ALL, **laverna.ALL, "healthz": scenarios.Health}
    return found or known[name]()


async def serve(port: int, count: int) -> None:
    """Until standard input ends."""
    connections = [await Connection.open(port) for _ in range(count)]
    loop = asyncio.get_running_loop()
    scenario: scenarios.Scenario = scenarios.Bare()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        order = json.loads(line)
        if isinstance(order, list):
            scenario = scenario_of(*order)
            continue
        await scenario.prepare(connections[0], order)
        await _say(loop, "prepared")
        await _take_turns(scenario, connections, order)
        print(json.dumps("done"), flush=True)


async def _say(loop: asyncio.AbstractEventLoop, word: str) -> None:
    print(json.dumps(word), flush=True)
    await loop.run_in_executor(None, sys.stdin.readline)


async def _take_turns(scenario: scenarios.Scenario, connections: list[Connection], turns: int) -> None:
    """Every connection takes its turns one after the other."""

    async def work(connection: Connection, mine: int) -> None:
        for _ in range(mine):
            await scenario.turn(connection)

    share, rest = divmod(turns, len(connections))
    await asyncio.gather(*(work(connection, share + (number < rest)) for number, connection in enumerate(connections)))


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2])))

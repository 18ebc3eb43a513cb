"""OAuth: device authorization, a poll that waits, introspection by a homeserver, refresh."""

from collections.abc import Iterator
from typing import Any

from bench import oauth_scenarios as asked
from bench.measure import Effort, cpu_microseconds, generator, median
from bench.report import Figure
from bench.scenarios import Bare
from bench.subjects import bare_server
from tests.conformance.oauth.conftest import SETTINGS
from tests.conformance.oauth.person import Person, make_people
from tests.conformance.oauth.provider import Attempt, Client, Provider
from tests.homeserver.synapse import SECRET, serving
from tests.live import Installation, Server, running

SESSIONS = 50
TURNS = {
    asked.DeviceAuthorization.name: 500,
    asked.PendingPoll.name: 1000,
    asked.Introspection.name: 4000,
    asked.Refresh.name: 500,
}


def figures_of(kind: str, effort: Effort) -> Iterator[Figure]:
    """One server class, with a homeserver behind it that introspects."""
    with serving() as homeserver:
        settings: dict[str, Any] = {
            **SETTINGS,
            "MATRIX_HOMESERVER_URL": homeserver.url,
            "MATRIX_HOMESERVER_SECRET": SECRET,
            "OAUTH_ACCESS_LIFETIME": "86400",  # longer than the measurement
        }
        with running(SERVER=kind, **settings) as installation, bare_server(installation) as bare:
            yield from _measured(kind, installation, bare, effort)


def _measured(kind: str, installation: Installation, bare: Server, effort: Effort) -> Iterator[Figure]:
    server = installation.server
    make_people(installation, count=1)
    client, pairs = _sessions(installation)
    device = {"client_id": client.client_id}
    yield _cost(kind, server, asked.DeviceAuthorization.name, device, effort)
    yield from _to_bare(kind, server, bare, effort, asked.PendingPoll.name, device)
    tokens = {"tokens": [pair["access_token"] for pair in pairs], "secret": SECRET}
    yield from _to_bare(kind, server, bare, effort, asked.Introspection.name, tokens)
    renewing = {**device, "tokens": [pair["refresh_token"] for pair in pairs]}
    yield _cost(kind, server, asked.Refresh.name, renewing, effort)


def _sessions(installation: Installation) -> tuple[Client, list[dict[str, Any]]]:
    """A program, and the tokens of sessions that somebody let it have."""
    provider, person = Provider(installation.server.port), Person(installation).signed_in()
    client, pairs = provider.client(), []
    for _ in range(SESSIONS):
        attempt = Attempt(client)
        code = person.authorize(attempt.url(scope=asked.API)).parameters["code"]
        pairs.append(dict(provider.token(attempt.redemption(code)).json))
    return client, pairs


def _cost(kind: str, server: Server, name: str, argument: Any, effort: Effort) -> Figure:
    with generator(server, connections=effort.connections) as load:
        load.choose(name, argument)
        turns = max(20, int(TURNS[name] * effort.scale))
        cost = cpu_microseconds(server, load, turns=turns, rounds=effort.rounds)
    return Figure(kind, name, median(cost), "µs", spread=(min(cost), max(cost)))


def _to_bare(kind: str, server: Server, bare: Server, effort: Effort, name: str, argument: Any) -> Iterator[Figure]:
    """A scenario beside the bare answer, asked in turn so that a noisy moment meets both."""
    costs: tuple[list[float], list[float]] = ([], [])
    turns = max(300, int(TURNS[name] * effort.scale))
    with (
        generator(bare, connections=effort.connections) as bare_load,
        generator(server, connections=effort.connections) as load,
    ):
        bare_load.choose(Bare.name)
        load.choose(name, argument)
        for _ in range(effort.rounds):
            costs[0].extend(cpu_microseconds(bare, bare_load, turns=turns, rounds=1))
            costs[1].extend(cpu_microseconds(server, load, turns=turns, rounds=1))
    ratio = median(costs[1]) / median(costs[0])
    yield Figure(kind, name, median(costs[1]), "µs", ratio=ratio, spread=(min(costs[1]), max(costs[1])))
    yield Figure(kind, f"{name}, to the bare answer", ratio, "×")

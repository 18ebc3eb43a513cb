"""Two processes behind the nginx site that is shipped (docs/deployment.md)."""

import http.client
import json
import re
import time
from collections.abc import Iterator
from contextlib import closing
from urllib.parse import quote

import pytest

from idp.server.limits import Limits
from tests.live import matrix, nginx, running
from tests.live.nginx import Front
from tests.live.redis_server import RedisServer

pytestmark = pytest.mark.thorough
API = "/_matrix/client/v3"


@pytest.fixture(scope="module")
def front() -> Iterator[Front]:
    if nginx.command() is None:
        pytest.skip(nginx.MISSING)
    redis = RedisServer()
    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.setenv("BEHIND_NGINX", "1")
    try:
        redis.start()
        with running(REDIS_URL=redis.url) as installation:
            assert isinstance(installation.server, Front)
            yield installation.server
    finally:
        monkeypatch.undo()
        redis.remove()


def ask(front: Front, method: str, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    with closing(http.client.HTTPConnection("127.0.0.1", front.port, timeout=60)) as connection:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()


def test_the_front_page_and_readiness_come_through(front: Front) -> None:
    assert ask(front, "GET", "/")[0] == 200
    assert ask(front, "GET", "/readyz")[0] == 200


def test_figures_are_for_this_machine_alone(front: Front) -> None:
    assert ask(front, "GET", "/metrics")[0] == 404


def test_a_device_id_with_a_slash_arrives_as_it_was_sent(front: Front) -> None:
    device = "wjLpTLRqbqBzLs63aYaEv2Boi6cFEbbM/sSRQ2oAKk4+"
    signed_in = matrix.register(front.port, matrix.new_name(), device_id=device)
    path = f"{API}/devices/{quote(device, safe='')}"
    status, _, body = ask(front, "GET", path, Authorization=f"Bearer {signed_in['access_token']}")
    assert (status, json.loads(body)["device_id"]) == (200, device)


def test_answers_are_not_compressed(front: Front) -> None:
    _, headers, _ = ask(front, "GET", f"{API.replace('v3', 'versions')}", **{"Accept-Encoding": "gzip"})
    assert "content-encoding" not in headers


def test_doubled_slashes_are_the_applications_business(front: Front) -> None:
    assert ask(front, "GET", "//admin/")[0] == 404
    assert ask(front, "GET", "//token")[0] == 401


def test_no_query_stands_in_the_log_of_the_proxy(front: Front) -> None:
    assert ask(front, "GET", f"{API}/account/whoami?access_token=very-secret-token")[0] == 401
    deadline = time.monotonic() + 60
    while "/account/whoami" not in (log := front.access_log.read_text()):  # written behind the answer
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert "very-secret" not in log


def test_one_of_two_may_go_and_nobody_notices(front: Front) -> None:
    """The proxy asks the other one."""
    first = front._servers[0]
    assert first.stop() == 0
    try:
        assert [ask(front, "GET", f"{API}/login")[0] for _ in range(20)] == [200] * 20
    finally:
        first.start()


def test_a_kept_connection_is_let_go_before_a_process_closes_it() -> None:
    """Else a POST on its way into a connection that is being closed is lost: it may not be sent twice."""
    for name, count in (("nginx/latchkey.conf", 1), ("nginx/several-machines.conf", 2), ("caddy/Caddyfile", 2)):
        text = (nginx.ROOT / "deploy" / name).read_text()
        found = [int(seconds) for seconds in re.findall(r"^\s*keepalive(?:_timeout)? (\d+)s;?$", text, re.MULTILINE)]
        assert len(found) == count, name
        assert max(found) <= Limits().keep_alive_seconds - 10, name


def test_the_site_is_the_shipped_one_but_for_names_and_ports(front: Front) -> None:
    """So that what is tested is what is installed."""
    shipped = (nginx.ROOT / "deploy/nginx/latchkey.conf").read_text()
    tried = nginx.site([server.port for server in front._servers], front.log.parent, front.port)
    kept = {line.strip() for line in tried.splitlines()}
    left_out = [line.strip() for line in shipped.splitlines() if line.strip() and line.strip() not in kept]
    allowed = r"(server|listen|server_name|ssl_\w+|access_log|location / \{|return 301) .*|server \{|\}"
    assert [line for line in left_out if not re.fullmatch(allowed, line)] == []

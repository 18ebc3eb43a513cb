"""One POST to a host on the internet: bounded in time and size, no redirects, and never to where only we can reach.

The address is looked at when the connection is made, and the connection goes to that very address: a name that resolves
otherwise a moment later leads nowhere else (server-side request forgery). Pure standard library.
"""

import contextlib
import http.client
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any
from urllib.parse import SplitResult, urlsplit

_MOST_URL = 2000  # characters
_MOST_ANSWER = 65_536  # bytes that are read of an answer; nothing of it is kept but the status
_EMBEDDING_V4 = ip_network("64:ff9b::/96")  # NAT64
_NEVER_V6 = [ip_network(text) for text in ("64:ff9b:1::/48", "2001::/32", "2002::/16", "fec0::/10", "::/96")]
Ip = IPv4Address | IPv6Address


class TargetRefused(Exception):
    """A target to which nothing may be sent; the text is for an administrator and repeats nothing secret."""


class NotSent(Exception):
    """No answer came; the text is the name of a class of failure."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """What targets may be besides https on the internet."""

    private: bool = False
    http: bool = False


def check_url(url: str, allowed: Allowed) -> SplitResult:
    """The URL in parts; TargetRefused for one to which nothing may be sent, whatever its name resolves to."""
    if len(url) > _MOST_URL or not url.isprintable() or " " in url or not url.isascii():
        raise TargetRefused("This is no URL of at most 2000 plain characters.")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise TargetRefused("This is no URL.") from None
    if parts.scheme not in {"https", "http"} or not host:
        raise TargetRefused("A webhook has a URL such as https://hooks.example.org/latchkey.")
    if parts.scheme == "http" and not allowed.http:
        raise TargetRefused("A webhook is reached over https (EVENT_HTTP_TARGETS allows http).")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise TargetRefused("No name, password or fragment may stand in the URL.")
    with contextlib.suppress(ValueError):
        if not is_allowed(ip_address(host), allowed):
            raise TargetRefused(_PRIVATE)
    return parts


def post(url: str, body: bytes, headers: Mapping[str, str], *, timeout: float, allowed: Allowed) -> int:
    """The status of the answer. TargetRefused, NotSent. `timeout` seconds are for all but the look-up of the name."""
    parts = check_url(url, allowed)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    try:
        addresses = _resolved(host, port, allowed)
        with _deadline(timeout) as deadline:
            connection = http.client.HTTPConnection(host, port, timeout=timeout)
            connection.sock = deadline.watch(_connected(addresses, deadline))
            if parts.scheme == "https":
                context = ssl.create_default_context()
                connection.sock = deadline.watch(context.wrap_socket(connection.sock, server_hostname=host))
            status = _asked(connection, parts, body, headers)
            deadline.left()  # an answer that was cut off by the end of the time reads like one that ended
            return status
    except (OSError, http.client.HTTPException, ValueError) as error:  # their texts may repeat what was sent
        raise NotSent(type(error).__name__) from None


def is_allowed(address: Ip, allowed: Allowed) -> bool:
    """Whether something may be sent to this address."""
    if address.is_multicast or address.is_unspecified:
        return False
    return allowed.private or _is_public(address)


_PRIVATE = "The address is of this machine or a private network (EVENT_PRIVATE_TARGETS allows that)."


def _is_public(address: Ip) -> bool:
    """On the internet, also when an IPv6 address only wraps an IPv4 one."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return _is_public(address.ipv4_mapped)
        if address in _EMBEDDING_V4:
            return _is_public(IPv4Address(int(address) & 0xFFFFFFFF))
        if any(address in network for network in _NEVER_V6):
            return False
    return address.is_global and not address.is_reserved and not address.is_multicast


def _resolved(host: str, port: int, allowed: Allowed) -> list[tuple[Any, ...]]:
    """Where to connect, without the addresses that are refused; TargetRefused when none is left."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    good = [one for one in found if is_allowed(ip_address(str(one[4][0]).partition("%")[0]), allowed)]
    if not good:
        raise TargetRefused(_PRIVATE)
    return good


class _Deadline:
    """Ends what a socket is waiting for when the time is over: a server that drips bytes must not hold the thread."""

    def __init__(self, seconds: float) -> None:
        self.at = time.monotonic() + seconds
        self._socket: socket.socket | None = None
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True
        self._timer.start()

    def watch(self, connected: socket.socket) -> socket.socket:
        """This socket is the one to end."""
        self._socket = connected
        return connected

    def left(self) -> float:
        """Seconds; TimeoutError when there are none."""
        seconds = self.at - time.monotonic()
        if seconds <= 0:
            raise TimeoutError
        return seconds

    def close(self) -> None:
        """The work is done."""
        self._timer.cancel()
        if self._socket is not None:
            self._socket.close()

    def _end(self) -> None:
        with contextlib.suppress(OSError):
            if self._socket is not None:
                self._socket.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def _deadline(seconds: float) -> Iterator[_Deadline]:
    deadline = _Deadline(seconds)
    try:
        yield deadline
    finally:
        deadline.close()


def _connected(addresses: list[tuple[Any, ...]], deadline: _Deadline) -> socket.socket:
    failure: OSError = TimeoutError()
    for family, kind, protocol, _, address in addresses:
        connecting = socket.socket(family, kind, protocol)
        try:
            connecting.settimeout(deadline.left())
            connecting.connect(address)
            return connecting
        except OSError as error:
            connecting.close()
            failure = error
    raise failure


def _asked(connection: http.client.HTTPConnection, parts: SplitResult, body: bytes, headers: Mapping[str, str]) -> int:
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    host = parts.netloc.rpartition("@")[2]
    connection.request("POST", target, body, {**headers, "Host": host, "Connection": "close"})
    response = connection.getresponse()
    response.read(_MOST_ANSWER)
    return response.status

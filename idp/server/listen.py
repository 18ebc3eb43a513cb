"""The listening socket, made the same way for both servers."""

import socket

BACKLOG = 512


def listen(host: str, port: int) -> socket.socket:
    """A listening socket, or OSError when the address cannot be had.

    A name with several addresses listens on its IPv4 one. `::` takes IPv6 only (and `0.0.0.0` IPv4 only): a
    socket for both would show IPv4 clients as `::ffff:192.0.2.1`, and lists and limits by address would miss
    them.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, *_, address = sorted(found, key=lambda entry: entry[0] != socket.AF_INET)[0]
    listener = socket.create_server(address, family=family, backlog=BACKLOG)
    listener.setblocking(False)
    return listener


def url_of(listener: socket.socket) -> str:
    """`http://127.0.0.1:8000/`, `http://[::1]:8000/`."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"

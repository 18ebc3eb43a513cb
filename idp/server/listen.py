"""The listening socket, made and given up the same way for both servers."""

import ctypes
import socket
import struct
import sys
from contextlib import suppress

BACKLOG = 512
_SO_ATTACH_FILTER = 26  # Linux; Python has no name for it
_DROP = struct.pack("HBBI", 0x06, 0, 0, 0)  # a packet filter of one instruction: return 0, keep nothing


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


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


def take_no_more(listener: socket.socket) -> None:
    """From now on the kernel makes no connection for this socket; those that it has made wait to be accepted.

    Closing a listening socket resets the connections that wait, and between the last `accept` and the closing there is
    always time for one more. A client that comes now asks again after a second, and is refused then. Where the system
    is not Linux this does nothing.
    """
    if sys.platform != "linux":
        return
    program = ctypes.create_string_buffer(_DROP)
    with suppress(OSError):
        listener.setsockopt(
            socket.SOL_SOCKET, _SO_ATTACH_FILTER, bytes(_Program(1, ctypes.cast(program, ctypes.c_char_p)))
        )


def url_of(listener: socket.socket) -> str:
    """`http://127.0.0.1:8000/`, `http://[::1]:8000/`."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"

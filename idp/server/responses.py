"""The bytes of a refusal that the server makes itself, before there is a request to answer."""

from http import HTTPStatus

from idp.server.limits import Headers


def refusal(status: int, headers: Headers, body: bytes) -> bytes:
    """One whole HTTP/1.1 response that ends the connection. It names no server and no version."""
    lines = [b"HTTP/1.1 %d %s" % (status, HTTPStatus(status).phrase.encode("ascii"))]
    lines += [name + b": " + value for name, value in headers]
    lines += [b"Content-Length: %d" % len(body), b"Connection: close", b"", body]
    return b"\r\n".join(lines)

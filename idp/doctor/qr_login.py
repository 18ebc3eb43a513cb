"""QR login as devices meet it: whether they offer it, and whether a session survives the way through the proxy
(qr-login.md §9)."""

import secrets

from django.conf import settings

from accounts import homeserver
from accounts.homeserver.transport import Answer
from devicelogin.rendezvous import modes
from devicelogin.rendezvous.protocol import TEXT_PATH
from idp.doctor.asking import ask_url
from idp.doctor.findings import Check, Finding, failed, good, skipped

_TEXT = {"Content-Type": "text/plain", "Origin": "https://app.element.io", "Accept-Encoding": "gzip, br"}
_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
_UNTOUCHED = "Let the proxy pass this path as it is: no cache, no compression, no headers taken away."


class _Broken(Exception):
    """A step of the walk went wrong: what was seen, and what to do."""

    def __init__(self, seen: str, cure: str = _UNTOUCHED) -> None:
        super().__init__(seen)
        self.seen, self.cure = seen, cure


def offered() -> Finding:
    """What matrix-js-sdk looks at before it shows the button (section 3, trap 9)."""
    if modes.current() != modes.OPEN:
        return skipped(f"the mode is {modes.current()}: programs of 2024 are not told of it")
    if not (settings.OAUTH and settings.OAUTH_DEVICE_GRANT):
        return failed("devices cannot be signed in", "Set OAUTH and OAUTH_DEVICE_GRANT on, or RENDEZVOUS_MODE off.")
    base = _clients_url()
    versions, metadata = ask_url("GET", f"{base}/versions"), ask_url("GET", f"{base}/v1/auth_metadata")
    if isinstance(versions, str) or isinstance(metadata, str):
        return failed(f"{base}: no answer", "Check the URL that clients know, DNS, the certificate and the proxy.")
    features = versions.json.get("unstable_features")
    if not isinstance(features, dict) or features.get("org.matrix.msc4108") is not True:
        return failed(f"{base}/versions does not show org.matrix.msc4108", _flag_cure())
    if _GRANT not in (metadata.json.get("grant_types_supported") or []):
        return failed(f"{base}/v1/auth_metadata does not name the device grant", "Something else answers there.")
    return good(base)


def sessions() -> Finding:
    """One session from its creation to its end, as two browsers would use it."""
    if modes.current() != modes.OPEN:
        return skipped(f"the mode is {modes.current()}: no session without a login")
    try:
        _walk(f"{settings.PUBLIC_URL}{TEXT_PATH}")
    except _Broken as broken:
        return failed(broken.seen, broken.cure)
    return good("made, read, polled, written and ended")


def device_ids() -> Finding:
    """Ids of Element X have a slash in them: a proxy that decodes the path asks for something else (section 6.2)."""
    url = f"{_clients_url()}/v3/devices/doctor%2Fid"
    answer = ask_url("GET", url)
    if isinstance(answer, str):
        return failed(f"{url}: {answer}", "Check the URL that clients know, DNS, the certificate and the proxy.")
    if answer.status != 401:
        return failed(
            f"{url}: {answer.status}, not 401",
            "The proxy decodes %2F: nginx `proxy_pass` without a path behind the port, Apache `AllowEncodedSlashes "
            "NoDecode` and `nocanon`.",
        )
    return good("%2F arrives as it was sent")


def _walk(create_url: str) -> None:
    begun, text = secrets.token_urlsafe(400), secrets.token_urlsafe(400)
    made = _step("POST", create_url, 201, body=begun.encode())
    url = str(made.json.get("url", ""))
    if not url.startswith(f"{create_url}/"):
        raise _Broken(f"a session is not below {create_url}", "Set PUBLIC_URL to the URL that people see.")
    try:
        _read(url, begun)
        tag = _tag(made)
        poll = _step("GET", url, 304, headers={"If-None-Match": tag})
        written = _step("PUT", url, 202, headers={"If-Match": _tag(poll)}, body=text.encode())
        if _tag(written) == tag:
            raise _Broken("a write did not change the ETag: something answers from a cache")
        _read(url, text)
    finally:
        ended = ask_url("DELETE", url, headers=_TEXT)
    if isinstance(ended, str) or ended.status != 204:
        raise _Broken(f"DELETE: {ended if isinstance(ended, str) else ended.status}", "Let the proxy pass DELETE.")


def _read(url: str, text: str) -> None:
    answer = _step("GET", url, 200)
    if "content-encoding" in answer.headers:
        raise _Broken("a read comes compressed", "Turn compression off for this path: it makes ETags weak.")
    if answer.headers.get("content-type") != "text/plain":
        raise _Broken(f"a read has the type {answer.headers.get('content-type')}, where clients know text/plain alone")
    if answer.body != text.encode():
        raise _Broken("a read has other data than were written: something answers from a cache")
    if answer.headers.get("access-control-allow-origin") != "*":
        raise _Broken("a read has no Access-Control-Allow-Origin: *")


def _step(
    method: str, url: str, status: int, *, headers: dict[str, str] | None = None, body: bytes | None = None
) -> Answer:
    answer = ask_url(method, url, headers={**_TEXT, **(headers or {})}, body=body)
    if isinstance(answer, str) or answer.status != status:
        raise _Broken(f"{method}: {answer if isinstance(answer, str) else answer.status}, not {status}")
    return answer


def _tag(answer: Answer) -> str:
    tag = answer.headers.get("etag", "")
    if not tag:
        raise _Broken("an answer comes without its ETag")
    if not tag.startswith('"'):
        raise _Broken("the ETag comes weak", "Turn compression off for this path. Logins work, but some are slower.")
    return tag


def _clients_url() -> str:
    """Where clients find the Matrix API: at the homeserver, where there is one."""
    base = settings.MATRIX_HOMESERVER_PUBLIC_URL if homeserver.is_on() else settings.PUBLIC_URL
    return f"{base}/_matrix/client"


def _flag_cure() -> str:
    if not homeserver.is_on():
        return "Something else than this server answers there: check the proxy."
    return (
        "Let homeserver.yaml say under experimental_features: "
        f"msc4108_delegation_endpoint: {settings.PUBLIC_URL}{TEXT_PATH}; restart Synapse."
    )


CHECKS = (
    Check("qr-offered", "devices are told that QR login is served", offered),
    Check("qr-sessions", "a rendezvous session survives the way under PUBLIC_URL", sessions),
    Check("device-ids", "device ids with a slash arrive", device_ids),
)

"""PUBLIC_URL as strangers see it: this server answers there, over good TLS, and knows who asks."""

import json
import secrets
import socket
import ssl
from datetime import UTC, datetime
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection

from accounts import clock, patterns
from accounts.models import AccessMode, AuditEvent, Flow
from idp.doctor import asking
from idp.doctor.findings import Check, Finding, failed, good, skipped

_LOGIN = "/_matrix/client/v3/login"
_DAYS = 14  # a certificate should last
_PATIENCE = 10.0  # seconds
_FORGED = "203.0.113.77"  # of a documentation network: nobody's


def reached() -> Finding:
    """The server answers under its public name, and is ready."""
    answer = asking.ask("GET", "/healthz")
    if isinstance(answer, str) or answer.status != 200:
        return failed(f"{settings.PUBLIC_URL}/healthz: {asking.status(answer)}", asking.SERVED)
    ready = asking.ask("GET", "/readyz")
    if isinstance(ready, str) or ready.status != 200:
        said = "" if isinstance(ready, str) else asking.shown(ready.body.decode(errors="replace"))
        return failed(f"/readyz: {asking.status(ready)} {said}".strip(), "Mend what it names; see the checks above.")
    return good(settings.PUBLIC_URL)


def tls() -> Finding:
    """The certificate fits, lasts, and old protocols are refused; plain http leads to https."""
    if not settings.PUBLIC_IS_HTTPS:
        if asking.is_here_alone():
            return skipped("PUBLIC_URL is this machine alone")
        return failed("PUBLIC_URL is http", "Put a reverse proxy with TLS in front and set PUBLIC_URL to https://….")
    parts = urlsplit(settings.PUBLIC_URL)
    host, port = parts.hostname or "", parts.port or 443
    try:
        ends, protocol = _handshake(host, port)
    except (OSError, ssl.SSLError) as error:
        reason = getattr(error, "verify_message", "") or getattr(error, "strerror", "") or type(error).__name__
        return failed(f"{host}:{port}: {reason}", "Give the proxy a certificate for this name, with its whole chain.")
    days = (ends - clock.now()).days
    if days < _DAYS:
        return failed(f"the certificate ends in {days} days", "Renew it: does certbot's (or Caddy's) timer run?")
    return good(f"{protocol}, the certificate lasts {days} days")


def secure_pages() -> Finding:
    """Pages know that they are asked for over https: only then are cookies secure and HSTS sent."""
    answer = asking.ask("GET", "/account/login/")
    if isinstance(answer, str) or answer.status != 200:
        return failed(f"/account/login/: {asking.status(answer)}", asking.SERVED)
    if "content-security-policy" not in answer.headers:
        return failed("Content-Security-Policy is missing", "A proxy takes it away, or answers by itself: let it pass.")
    if settings.PUBLIC_IS_HTTPS and "strict-transport-security" not in answer.headers:
        return failed(
            "the server takes the request for plain http",
            "Let the proxy send X-Forwarded-Proto: https, and set TRUSTED_PROXIES to the proxy's address.",
        )
    return good("with the headers that protect them")


def who_asks() -> Finding:
    """The address in the audit log is ours: neither the proxy's, nor one that we made up.

    A refused login of a name that nobody has leaves one event; so it also shows that the server behind PUBLIC_URL
    writes into this database.
    """
    since, name, ours = clock.now(), f"doctor-{secrets.token_hex(12)}", _own_address()
    tried = {"type": "m.login.password", "identifier": {"type": "m.id.user", "user": name}, "password": name}
    answer = asking.ask(
        "POST",
        _LOGIN,
        headers=dict(asking.JSON) | {"X-Forwarded-For": _FORGED, "X-Real-IP": _FORGED, "Forwarded": f"for={_FORGED}"},
        body=json.dumps(tried).encode(),
    )
    if isinstance(answer, str) or not 400 <= answer.status < 500:
        return failed(f"{_LOGIN}: {asking.status(answer)}", asking.SERVED)
    event = AuditEvent.objects.filter(at__gte=clock.after(-5, since), subject=name).order_by("-pk").first()
    if event is None:
        if answer.status == 429:
            return skipped("too many tries from here: again in a minute")
        if AccessMode.objects.filter(flow=Flow.MATRIX, whitelist=True).exists():
            return skipped("the Matrix door admits listed names only, and notes no other")
        return failed(
            f"another server answers at PUBLIC_URL: it does not write into {connection.settings_dict['NAME']}",
            "Run doctor with the settings of the server, and check the proxy's upstream.",
        )
    return _judged(str(event.ip or ""), ours)


def _judged(seen: str, ours: str) -> Finding:
    if seen == _FORGED:
        return failed(
            "anybody can say where a request comes from",
            "Let the proxy replace or append to X-Forwarded-For ($proxy_add_x_forwarded_for), and let nobody past it.",
        )
    address = patterns.address(seen)
    is_proxy = address is not None and any(address in network for network in settings.TRUSTED_PROXIES)
    if is_proxy and seen != ours:
        return failed(f"every client counts as {seen}, the proxy", "Let the proxy send X-Forwarded-For.")
    if settings.PUBLIC_IS_HTTPS and not settings.TRUSTED_PROXIES:
        return failed(f"no proxy is trusted, so every client counts as {seen}", "Set TRUSTED_PROXIES to its address.")
    return good(f"we come from {seen}, and are not believed to come from elsewhere")


def closed_to_strangers() -> Finding:
    """Figures are for those who may see them."""
    if asking.is_here_alone():
        return skipped("PUBLIC_URL is this machine alone, which may read them")
    answer = asking.ask("GET", "/metrics")
    if isinstance(answer, str):
        return failed(f"/metrics: {answer}", asking.SERVED)
    if answer.status == 200:
        return failed(
            "everybody can read /metrics",
            "The proxy makes strangers look like this machine: set TRUSTED_PROXIES, or deny /metrics in the proxy.",
        )
    return good(f"/metrics: {answer.status}")


def _handshake(host: str, port: int) -> tuple[datetime, str]:
    """When the certificate ends, and the protocol."""
    context = ssl.create_default_context()
    with (
        socket.create_connection((host, port), timeout=_PATIENCE) as plain,
        context.wrap_socket(plain, server_hostname=host) as secured,
    ):
        certificate = secured.getpeercert() or {}
        ends = ssl.cert_time_to_seconds(str(certificate.get("notAfter", "Jan  1 00:00:00 1970 GMT")))
        return datetime.fromtimestamp(ends, UTC), secured.version() or ""


def _own_address() -> str:
    """The address from which we reach PUBLIC_URL, "" when we do not."""
    parts = urlsplit(settings.PUBLIC_URL)
    port = parts.port or (443 if settings.PUBLIC_IS_HTTPS else 80)
    try:
        with socket.create_connection((parts.hostname or "", port), timeout=_PATIENCE) as plain:
            return str(plain.getsockname()[0])
    except OSError:
        return ""


CHECKS = (
    Check("public-url", "the server answers under PUBLIC_URL", reached),
    Check("tls", "the connection is private", tls),
    Check("pages", "pages are protected", secure_pages),
    Check("who-asks", "the server knows who asks", who_asks),
    Check("figures", "figures are closed to strangers", closed_to_strangers),
)

"""The pair of this server and a Synapse, looked at from both sides (matrix-oauth.md §8)."""

import secrets
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from functools import wraps

from django.conf import settings

from accounts import clock, words
from accounts.homeserver import client
from accounts.homeserver import queue as tasks
from accounts.homeserver.client import CallFailed
from accounts.models import HomeserverAccount, HomeserverTask
from idp.doctor.asking import ask_url, shown
from idp.doctor.findings import Check, Finding, failed, good, skipped

_FORM = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
_MOST_SECONDS_APART = 5.0
_MOST_AGE = 300.0  # seconds a change may wait before it is a failure
_PROXY_CURE = "Send these paths to this server; the rules are below."

Look = Callable[[], Finding]


def _only_with_one(look: Look) -> Look:
    """Such a check is skipped where there is no homeserver."""

    @wraps(look)
    def wrapped() -> Finding:
        return look() if tasks.is_on() else skipped("MATRIX_HOMESERVER_URL is not set")

    return wrapped


def issuer() -> str:
    """What our metadata names as the issuer: the root of PUBLIC_URL."""
    return f"{settings.PUBLIC_URL}/"


def metadata() -> Finding:
    """Synapse fetches this once in its life; browsers and apps fetch it at each login."""
    url = f"{settings.PUBLIC_URL}/.well-known/openid-configuration"
    cure = "Serve this server under PUBLIC_URL: check DNS, the certificate, the reverse proxy and that it runs."
    answer = ask_url("GET", url)
    if isinstance(answer, str):
        return failed(f"{url}: {answer}", cure)
    if answer.status != 200:
        return failed(f"{url}: {answer.status}", cure)
    named = answer.json.get("issuer")
    if named != issuer():
        return failed(
            f"the issuer there is {shown(named)}, not {issuer()}",
            "Set PUBLIC_URL to the URL that people see; restart Synapse afterwards, it keeps the metadata for good.",
        )
    if not isinstance(answer.json.get("account_management_uri"), str):
        return failed("account_management_uri is missing", "A proxy has changed the answer: Synapse needs the member.")
    return good(f"issuer {named}")


@_only_with_one
def introspection() -> Finding:
    """Synapse asks this about every token; the path is fixed in it."""
    url = f"{settings.PUBLIC_URL}/oauth2/introspect"
    answer = ask_url("POST", url, headers=_FORM | _bearer(), body=b"token=doctor&token_type_hint=access_token")
    if isinstance(answer, str):
        return failed(f"{url}: {answer}", "Serve this server under PUBLIC_URL, the path /oauth2/introspect included.")
    if answer.status == 401:
        return failed("it refuses the secret", "Restart this server: it runs with another MATRIX_HOMESERVER_SECRET.")
    if answer.status != 200 or answer.json != {"active": False}:
        return failed(f"{url}: {answer.status}", "Another server answers there: check the proxy's rules for /oauth2/.")
    stranger = ask_url("POST", url, headers=_FORM, body=b"token=doctor")
    if isinstance(stranger, str) or stranger.status != 401:
        return failed("it answers without the secret", "A proxy adds an Authorization header, or answers by itself.")
    return good(url)


@_only_with_one
def reached() -> Finding:
    """The plainest question to the homeserver."""
    url = f"{settings.MATRIX_HOMESERVER_URL}/_matrix/client/versions"
    answer = ask_url("GET", url)
    cure = "Check MATRIX_HOMESERVER_URL, that Synapse runs, and its certificate (SSL_CERT_FILE for one of your own)."
    if isinstance(answer, str):
        return failed(f"{url}: {answer}", cure)
    if answer.status != 200 or "versions" not in answer.json:
        return failed(f"{url}: {answer.status}", "Something else than Synapse answers there. " + cure)
    return good(settings.MATRIX_HOMESERVER_URL)


@_only_with_one
def secret() -> Finding:
    """A user that cannot exist: not found is what a homeserver says that takes the secret."""
    try:
        client.query_user(f"latchkey-doctor-{secrets.token_hex(8)}")
    except CallFailed as failure:
        if failure.errcode == "M_UNRECOGNIZED" or failure.status == 404:
            return failed(
                "it knows no /_synapse/mas/",
                "Give homeserver.yaml a matrix_authentication_service block with enabled: true (Synapse 1.136 or "
                "later), let the listener of MATRIX_HOMESERVER_URL serve `client`, restart Synapse.",
            )
        if failure.status in {401, 403}:
            return failed(
                f"it refuses the secret ({failure.status})",
                "Make MATRIX_HOMESERVER_SECRET and matrix_authentication_service.secret the same; restart both.",
            )
        return failed(str(failure), "Look into Synapse's log.")
    return good("not found is what it should say")


@_only_with_one
def delegates() -> Finding:
    """Synapse serves our metadata as its own."""
    url = f"{settings.MATRIX_HOMESERVER_URL}/_matrix/client/v1/auth_metadata"
    answer = ask_url("GET", url)
    if isinstance(answer, str):
        return failed(f"{url}: {answer}", "See the check that the homeserver answers.")
    named = answer.json.get("issuer")
    if answer.status == 404:
        return failed("it delegates to nobody", "Set matrix_authentication_service.enabled: true; restart Synapse.")
    if answer.status != 200:
        endpoint = f"matrix_authentication_service.endpoint: {issuer()}"
        return failed(f"{url}: {answer.status}", f"It cannot read our metadata: check {endpoint} from its machine.")
    if named != issuer():
        return failed(
            f"it delegates to {shown(named)}",
            f"Set matrix_authentication_service.endpoint: {issuer()} and restart Synapse.",
        )
    return good(f"issuer {named}")


@_only_with_one
def server_name() -> Finding:
    """The part after the colon; ids of people would differ otherwise."""
    theirs = _their_name()
    cure = "Set MATRIX_SERVER_NAME to the server_name of homeserver.yaml, before anybody signs in."
    if not theirs:
        return skipped("it does not say its name: no `keys` on that listener, and no account is known there yet")
    if theirs != settings.MATRIX_SERVER_NAME:
        return failed(f"here {settings.MATRIX_SERVER_NAME}, there {shown(theirs)}", cure)
    return good(theirs)


@_only_with_one
def proxied() -> Finding:
    """Synapse answers 404 to these paths; this server answers something else."""
    base = f"{settings.MATRIX_HOMESERVER_PUBLIC_URL}/_matrix/client"
    wrong = []
    for method, path, body, expected in (
        ("GET", "/v3/login", None, 200 if settings.MATRIX_LEGACY_LOGIN else 404),
        ("POST", "/v3/logout", b"{}", 401),
        ("POST", "/v3/logout/all", b"{}", 401),
        ("POST", "/v3/refresh", b"{}", 400),
        ("POST", "/r0/logout", b"{}", 401),
    ):
        answer = ask_url(method, base + path, body=body)
        said = answer if isinstance(answer, str) else answer.status
        if said != expected:
            wrong.append(f"{path}: {said}")
    if wrong:
        return failed(f"below {base}: {', '.join(wrong)}", _PROXY_CURE)
    outside = ask_url("GET", f"{base}/v3/sync")
    if not isinstance(outside, str) and outside.status == 404:
        return failed("everything else reaches this server too", "Send all other paths to Synapse; see below.")
    return good(settings.MATRIX_HOMESERVER_PUBLIC_URL)


@_only_with_one
def clocks() -> Finding:
    """By the homeserver's Date header, to a second."""
    answer = ask_url("GET", f"{settings.MATRIX_HOMESERVER_URL}/_matrix/client/versions")
    if isinstance(answer, str) or "date" not in answer.headers:
        return skipped("it does not say what time it is")
    apart = abs((clock.now() - parsedate_to_datetime(answer.headers["date"])).total_seconds())
    if apart > _MOST_SECONDS_APART:
        return failed(f"{apart:.0f} seconds apart", "Let both machines take the time from NTP.")
    return good("less than six seconds apart")


@_only_with_one
def queue() -> Finding:
    """Changes that wait long, and accounts that are not connected."""
    age, count = tasks.oldest_age(), HomeserverTask.objects.count()
    problems = HomeserverAccount.objects.exclude(problem="").count()
    if age > _MOST_AGE:
        last = HomeserverTask.objects.exclude(last_error="").order_by("created_at").first()
        detail = f"{words.count(count, 'change')} waiting, the oldest for {age:.0f} s"
        return failed(
            f"{detail}: {last.last_error if last else 'no try'}", "Mend what the failure names; it goes by itself."
        )
    if problems:
        cure = "Open “Accounts there” in the administration: each says why, and what can be done."
        return failed(f"{words.count(problems, 'account')} not connected", cure)
    return good(f"{words.count(count, 'change')} waiting")


def _their_name() -> str:
    answer = ask_url("GET", f"{settings.MATRIX_HOMESERVER_URL}/_matrix/key/v2/server")
    if not isinstance(answer, str) and answer.status == 200:
        return str(answer.json.get("server_name", ""))
    known = HomeserverAccount.objects.exclude(connected_at=None).first()
    try:
        found = client.query_user(known.localpart) if known else None
    except CallFailed:
        return ""
    return found.user_id.partition(":")[2] if found else ""


def _bearer() -> dict[str, str]:
    return {"Authorization": f"Bearer {settings.MATRIX_HOMESERVER_SECRET}"}


CHECKS = (
    Check("metadata", "OAuth metadata is served under PUBLIC_URL", metadata),
    Check("introspection", "a homeserver may ask about tokens with the secret", introspection),
    Check("homeserver-reached", "the homeserver answers", reached),
    Check("homeserver-secret", "the homeserver takes the secret", secret),
    Check("homeserver-delegates", "the homeserver delegates to this server", delegates),
    Check("homeserver-name", "both servers have the same server name", server_name),
    Check("homeserver-proxy", "login, logout and refresh reach this server", proxied),
    Check("homeserver-clock", "both clocks agree", clocks),
    Check("homeserver-queue", "the homeserver has heard of every change", queue),
)

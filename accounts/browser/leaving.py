"""Sending a browser away from here, to where a program or an app wants it (R22, R52).

A form may only be answered by a redirect that the page's `form-action` allows, so the page that asks names the target.
"""

from urllib.parse import urlsplit

from django.http import HttpResponse

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "form-action 'self'{target}; frame-ancestors 'none'; base-uri 'none'"
)


def policy(uri: str) -> str:
    """The content security policy of a page whose form ends at this URI, and nowhere else outside."""
    return _POLICY.format(target=f" {form_source(uri)}" if uri else "")


def form_source(uri: str) -> str:
    """The URI as a source of a policy: its origin, or the scheme of an app's own.

    A policy has no way to write an IPv6 address: such a target stands there as its scheme.
    """
    parts = urlsplit(uri)
    if parts.scheme not in {"http", "https"} or ":" in (parts.hostname or ":"):
        return f"{parts.scheme}:"
    port = f":{parts.port}" if parts.port is not None else ""
    return f"{parts.scheme}://{parts.hostname}{port}"


def to(uri: str, *, after_form: bool = False) -> HttpResponse:
    """The redirect. Unlike Django's it leads to apps of any scheme: whoever calls has checked the URI."""
    headers = {"Location": uri, "Cache-Control": "no-store"}
    return HttpResponse(status=303 if after_form else 302, headers=headers)

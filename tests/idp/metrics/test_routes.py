"""Every path belongs to a class."""

import re

import pytest
from django.urls import URLPattern, get_resolver

from accounts.models import Flow
from idp.metrics import routes


def _examples(resolver, prefix=""):
    """A path for each route of the URL map, names and ids filled in."""
    for entry in resolver.url_patterns:
        text = str(entry.pattern)
        if isinstance(entry, URLPattern):
            yield prefix + _filled(text)
        else:
            yield from _examples(entry, prefix + _filled(text))


def _filled(pattern):
    text = re.sub(r"^\^|\\Z$|\$$", "", pattern).replace("\\Z", "")
    text = re.sub(r"\(\?P<[^>]+>[^)]*\)", "x1", text)
    text = re.sub(r"\(\?:([^|)]*)[^)]*\)\??", r"\1", text)
    text = re.sub(r"<[^>]+>", "1", text)
    return text.replace("\\", "").replace("/?", "")


def test_every_route_has_a_class():
    paths = {f"/{path}" for path in _examples(get_resolver()) if path != ".*" and not path.startswith("admin")}
    assert len(paths) > 80
    unknown = {path for path in paths if routes.of("GET", path) == routes.UNKNOWN}
    assert unknown == set()


@pytest.mark.parametrize("path", ["/wp-login.php", "/x/y", "/tokenx", "//admin/", "/_matri"])
def test_what_nobody_has_is_unknown(path):
    assert routes.of("GET", path) == routes.UNKNOWN


@pytest.mark.parametrize(
    ("method", "path", "route"),
    [
        ("GET", "/token", ("session", "token")),
        ("POST", "/token", ("devicelogin", "token")),
        ("POST", "/api/token/refresh", ("otp", "refresh")),
        ("GET", "/api/token/refresh", ("openpgp", "session-token")),
        ("GET", "/loki/v1/get_challenge/", ("session", "challenge")),
        ("POST", "/_matrix/client/v3/login", ("matrix", "login")),
        ("POST", "/_matrix/client/r0/login", ("matrix", "login")),
        ("GET", "/_matrix/client/v3/login/sso/redirect/google", ("matrix", "sso")),
        ("POST", "/_matrix/client/unstable/org.matrix.msc2918.refresh_token/refresh", ("matrix", "refresh")),
        ("PUT", "/_matrix/client/unstable/io.element.msc4388/rendezvous/abc", ("devicelogin", "rendezvous")),
        ("GET", "/_matrix/client/v1/auth_metadata", ("devicelogin", "discovery")),
        ("GET", "/admin/accounts/user/1/change/", ("admin", "admin")),
        ("GET", "/healthz", ("none", "health")),
    ],
)
def test_the_class_of(method, path, route):
    assert routes.of(method, path) == route


def test_what_is_remembered_does_not_grow_with_names():
    before = len(routes._known)
    for index in range(3000):
        routes.of("GET", f"/_matrix/client/v3/devices/{index}")
        routes.of("GET", f"/_matrix/client/{index}/login")
        routes.of("GET", f"/scan/{index}")
        routes.of(f"M{index}", "/token")
    assert len(routes._known) <= before + 1


def test_doors_are_those_of_lists_and_commands():
    assert routes.doors() - {"none", "admin", "sockets"} == set(Flow.values)

"""Paths as the log shows them (R51)."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp import masking

KEY = "05" + "ab" * 32


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/token",
        "/_matrix/client/v3/login",
        "/_matrix/client/v1/register/m.login.registration_token/validity",
        "/_matrix/client/v3/profile/@alice:example.org/displayname",
        "/admin/accounts/user/17/change/",
        "/account/password/reset/new/",
        "/link/decide",
        f"/loki/v1/moderators/@{KEY}",
        f"/loki/v1/moderation/blacklist/{KEY}",
        "/static/admin/js/vendor/jquery/jquery.min.js",
        "/static/unfold/fonts/material-symbols/Material-Symbols-Outlined.woff2",
    ],
)
def test_what_is_no_secret_is_shown(path):
    assert masking.shown(path) == path


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/no/such/path/" + "aB3" * 32, "/no/such/path/aB3a...(96)"),
        ("/mat_abc", "/...(7)"),
        ("/x/syt_mat_abc/y", "/x/...(11)/y"),
        ("/api/me/eyJhbGciOiJIUzI1NiJ9.e30.x", "/api/me/...(26)"),
        ("/_matrix/client/v1/rendezvous/ab12", "/_matrix/client/v1/rendezvous/...(4)"),
        ("/_synapse/admin/v1/registration_tokens/welcome", "/_synapse/admin/v1/registration_tokens/...(7)"),
        ("/authorize/abcdef", "/authorize/...(6)"),
        ("/link/WDJB-MJHT", "/link/...(9)"),
        ("/account/confirm/Mw-c7", "/account/confirm/...(5)"),
        ("/idp_dc_x", "/...(8)"),
    ],
)
def test_what_could_be_a_secret_is_masked(path, shown):
    assert masking.shown(path) == shown


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ('/a"b', "/a%22b"),
        ("/a\\b", "/a%5Cb"),
        ("/a\nb\r", "/a%0Ab%0D"),
        ("/a\x1b[31mb\x9b", "/a%1B[31mb%C2%9B"),
        ("/a\u202eb\u2028", "/a%E2%80%AEb%E2%80%A8"),
        ("/a b", "/a%20b"),
        ("/\ud800", "/%3F"),
    ],
)
def test_what_a_terminal_would_obey_is_escaped(path, shown):
    assert masking.shown(path) == shown


def test_a_long_path_is_cut():
    shown = masking.shown("/a" * 4000)
    assert shown.endswith("...")
    assert len(shown) < 2000


@given(st.text(max_size=700))
def test_every_path_can_stand_in_a_line_of_json(path):
    shown = masking.shown("/" + path)
    assert shown.isascii()
    assert shown.isprintable()
    assert json.loads(f'"{shown}"') == shown


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-", min_size=32, max_size=120))
def test_no_random_text_is_shown_whole(secret):
    assert secret not in masking.shown(f"/somewhere/{secret}")
    assert secret not in masking.shown(f"/{secret}/x")


def test_a_secret_with_slashes_of_its_own_is_not_shown_whole():
    secret = "0zaN7GUtH0XysBOsfQD+JpD/wL5nPpyyP3s/13LUmMC3QuzutjO7Kfh/mywTgg8="
    assert masking.shown(f"/{secret}") == "/0zaN...(23)/wL5n...(11)/13LU...(19)/mywT...(8)"
    assert masking.shown("/mywTgg8=/x") == "/mywT...(8)/x"


@pytest.mark.parametrize("path", ["/_matrix/client/v3/devices/JLAFKJWSCS", "/api/users/name/Alice", "/x/Ab3defg"])
def test_what_is_short_or_of_one_case_is_shown(path):
    assert masking.shown(path) == path

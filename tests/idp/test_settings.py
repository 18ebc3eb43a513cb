"""Settings: operations.md §2. One declaration each; an unknown value stops the start with one line."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings as django_settings

from idp import declarations, stores
from idp.environment import UnknownValue, parse
from idp.management.commands.settings_page import page

ROOT = Path(__file__).resolve().parents[2]
DECLARED = {setting.name: setting for section in declarations.SECTIONS for setting in section.settings}
CONTRACT = """
HOST PORT SERVER WORKERS PUBLIC_URL ALLOWED_HOSTS SECRET_KEY SECRET_KEY_FALLBACKS DEBUG DATABASE_URL REDIS_URL
MATRIX_SERVER_NAME REGISTRATION EMAIL_URL EMAIL_FROM RATE_LIMIT_SCALE TRUSTED_PROXIES VAR_DIR DEMO ALLOWED_ORIGINS
ADMIN_PATH METRICS_TOKEN ADMIN_REQUIRE_2FA RENDEZVOUS_MODE DEVICE_CODE_LIFETIME OTP_MAIL_LIMIT OTP_TOKEN_MAX_AGE
OTP_REMEMBERED_PASSWORD MATRIX_HOMESERVER_URL MATRIX_HOMESERVER_SECRET
""".split()


def start(tmp_path, **environment):
    """The words of a start that cannot succeed, or "" when it does."""
    result = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "VAR_DIR": str(tmp_path), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return result.stderr.strip() if result.returncode else ""


def test_the_contract_is_declared():
    assert set(CONTRACT) <= set(DECLARED)


def test_no_name_is_declared_twice_and_every_default_is_good():
    names = [setting.name for section in declarations.SECTIONS for setting in section.settings]
    assert len(names) == len(set(names))
    for setting in DECLARED.values():
        parse(setting, setting.default)


def test_the_settings_page_is_what_the_declarations_say():
    assert (ROOT / "docs" / "settings.md").read_text() == page(), "run `make docs`"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("REGISTRATION", "maybe"),
        ("PORT", "http"),
        ("PORT", "0"),
        ("PORT", "65536"),
        ("SERVER", "gunicorn"),
        ("DEBUG", "perhaps"),
        ("PUBLIC_URL", "id.example.org"),
        ("PUBLIC_URL", "https://a/?b"),
        ("TRUSTED_PROXIES", "10.0.0.0/99"),
        ("ADMIN_PATH", "/../"),
        ("OTP_MAIL_LIMIT", "5"),
        ("RATE_LIMIT_SCALE", "-1"),
        ("RATE_LIMIT_SCALE", "nan"),
        ("SESSION_CHALLENGE_RATE", "0/60"),
    ],
)
def test_an_unknown_value_is_named_with_what_is_allowed(name, value):
    with pytest.raises(UnknownValue) as unknown:
        parse(DECLARED[name], value)
    words = str(unknown.value)
    assert words.startswith(f"{name}={value!r} is not allowed: ")
    assert "\n" not in words


def test_a_secret_is_never_repeated():
    with pytest.raises(UnknownValue) as unknown:
        stores.database("mysql://user:hunter2@host/name", folder=ROOT, timeout=5, synchronous="NORMAL", pool_size=1)
    assert "hunter2" not in str(unknown.value)
    with pytest.raises(UnknownValue) as unknown:
        stores.redis_url("http://:hunter2@host")
    assert "hunter2" not in str(unknown.value)


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"REGISTRATION": "maybe"}, "REGISTRATION='maybe' is not allowed: open, token or closed"),
        ({"PORT": "http"}, "PORT='http' is not allowed: a whole number from 1 to 65535"),
        ({"DEBUG": "on", "HOST": "0.0.0.0"}, "DEBUG=on is not allowed with HOST=0.0.0.0: only with a loopback address"),
        ({"WORKERS": "2", "SERVER": "uvicorn"}, "WORKERS=2 is not allowed without REDIS_URL"),
        ({"SECRET_KEY": "short"}, "SECRET_KEY=(secret) is not allowed: at least 32 random characters"),
        ({"DATABASE_URL": "mysql://x"}, "DATABASE_URL=mysql:… is not allowed"),
    ],
)
def test_a_bad_start_stops_with_one_line(tmp_path, environment, words):
    stderr = start(tmp_path, **environment)
    assert stderr.startswith(f"Latchkey cannot start: {words}")
    assert "\n" not in stderr


def test_a_good_start_writes_its_key_once_for_the_owner_only(tmp_path):
    assert start(tmp_path) == ""
    key = tmp_path / "secret_key"
    first = key.read_text()
    assert key.stat().st_mode & 0o777 == 0o600
    assert len(first.strip()) >= 32
    assert start(tmp_path) == ""
    assert key.read_text() == first


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///var/a.sqlite3", ROOT / "var/a.sqlite3"),
        ("sqlite:////tmp/latchkey-test/a.sqlite3", Path("/tmp/latchkey-test/a.sqlite3")),
    ],
)
def test_three_slashes_are_relative_and_four_absolute(url, path):
    found = stores.database(url, folder=ROOT, timeout=5, synchronous="NORMAL", pool_size=1)
    assert Path(found["NAME"]) == path
    mail = stores.email(url.replace("sqlite:", "filemail:"), folder=ROOT)
    assert Path(mail["EMAIL_FILE_PATH"]) == path


def test_sqlite_is_set_up_to_wait_and_to_last():
    from django.db import connection

    if connection.vendor != "sqlite":
        pytest.skip("needs SQLite: unset DATABASE_URL")
    options = django_settings.DATABASES["default"]["OPTIONS"]
    assert options["transaction_mode"] == "IMMEDIATE"
    assert options["timeout"] >= 5
    assert "journal_mode=WAL" in options["init_command"]
    assert "foreign_keys=ON" in options["init_command"]

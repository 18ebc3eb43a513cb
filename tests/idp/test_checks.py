"""`check --deploy`: clean with production settings, and telling what is unsafe (R64)."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from idp import checks

ROOT = Path(__file__).resolve().parents[2]


def found():
    return {message.id for message in checks.facing_the_world(None)}


def test_production_settings_are_clean(tmp_path):
    environment = {
        "PATH": os.environ["PATH"],
        "VAR_DIR": str(tmp_path),
        "PUBLIC_URL": "https://id.example.org",
        "TRUSTED_PROXIES": "127.0.0.1",
        "EMAIL_URL": "smtp+tls://user:password@mail.example.org:587",
    }
    result = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, ""), result.stderr


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("PUBLIC_IS_HTTPS", False, "idp.W001"),
        ("TRUSTED_PROXIES", [], "idp.W002"),
        ("ALLOWED_HOSTS", ["*"], "idp.E001"),
        ("EMAIL_BACKEND", "django.core.mail.backends.console.EmailBackend", "idp.W003"),
    ],
)
def test_an_unsafe_setting_is_told(settings, name, value, message):
    settings.PUBLIC_IS_HTTPS = True
    settings.TRUSTED_PROXIES = ["127.0.0.1"]
    settings.ALLOWED_HOSTS = ["id.example.org"]
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    assert message not in found()
    setattr(settings, name, value)
    assert message in found()


def test_an_open_key_file_is_told(settings, tmp_path):
    settings.VAR_DIR = tmp_path
    key = tmp_path / "secret_key"
    key.write_text("x")
    key.chmod(0o644)
    tmp_path.chmod(0o755)
    assert "idp.W005" in found()
    key.chmod(0o640)
    assert not any(
        message.id == "idp.W005" and "secret_key" in message.msg for message in checks.facing_the_world(None)
    )


def test_old_libraries_are_told(monkeypatch):
    monkeypatch.setattr(checks, "version", lambda name: "4.2.1" if name == "daphne" else "99.0.0")
    assert "idp.E002" in found()


def test_several_processes_on_sqlite_are_told(settings):
    settings.WORKERS = 2
    is_sqlite = settings.DATABASES["default"]["ENGINE"].endswith("sqlite3")
    assert bool(checks.several_processes_on_sqlite(None)) is is_sqlite

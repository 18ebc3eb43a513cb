"""`check --deploy`: clean with production settings, and telling what is unsafe (R64)."""

import os
import re
import subprocess
import sys
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest
from django.db import connection

from accounts import clock, leases
from accounts.models import Lease
from idp import checks, checks_of_places, mounts, stores, unsafe
from idp.environment import UnknownValue

ROOT = Path(__file__).resolve().parents[2]


def messages():
    return [*checks.facing_the_world(None), *checks_of_places.standing_well(None)]


def found():
    return {message.id for message in messages()}


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


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("PUBLIC_IS_HTTPS", False, "idp.W001"),
        ("TRUSTED_PROXIES", [], "idp.W002"),
        ("ALLOWED_HOSTS", ["*"], "idp.E001"),
        ("EMAIL_BACKEND", "django.core.mail.backends.console.EmailBackend", "idp.W003"),
        ("EMAIL_BACKEND", "accounts.mail_files.EmailBackend", "idp.W003"),
        ("EMAIL_USE_TLS", False, "idp.W010"),
        ("TRUSTED_PROXIES", [ip_network("0.0.0.0/0")], "idp.E004"),
        ("TRUSTED_PROXIES", [ip_network("10.0.0.0/8"), ip_network("::/0")], "idp.E004"),
        ("SECRET_KEY", "short", "idp.E003"),
        ("SECRET_KEY", "django-insecure-" + "k2j4h5g6f7d8s9a0q1w2e3r4t5y6", "idp.E003"),
        ("SECRET_KEY_FALLBACKS", ["a" * 64], "idp.E003"),
        ("DEBUG", True, "idp.E005"),
        ("DEMO", True, "idp.W009"),
        ("MATRIX_HOMESERVER_SECRET", "hushhush", "idp.W008"),
        ("METRICS_TOKEN", "prometheus", "idp.W008"),
    ],
)
def test_an_unsafe_setting_is_told(settings, name, value, message):
    settings.PUBLIC_IS_HTTPS = True
    settings.TRUSTED_PROXIES = [ip_network("127.0.0.1")]
    settings.ALLOWED_HOSTS = ["id.example.org"]
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_USE_TLS, settings.EMAIL_USE_SSL = "mail.example.org", True, False
    assert message not in found()
    setattr(settings, name, value)
    assert message in found()


@pytest.mark.django_db
def test_an_open_key_file_is_told(settings, tmp_path):
    settings.VAR_DIR = tmp_path
    key = tmp_path / "secret_key"
    key.write_text("x")
    key.chmod(0o644)
    tmp_path.chmod(0o755)
    assert "idp.W005" in found()
    key.chmod(0o640)
    assert not any(message.id == "idp.W005" and "secret_key" in message.msg for message in messages())
    (tmp_path / "secret_key_fallbacks").write_text("x")
    (tmp_path / "secret_key_fallbacks").chmod(0o604)
    assert any("secret_key_fallbacks" in message.msg for message in messages())


@pytest.mark.django_db
def test_old_libraries_are_told(monkeypatch):
    monkeypatch.setattr(checks, "version", lambda name: "4.2.1" if name == "daphne" else "99.0.0")
    assert "idp.E002" in found()


def test_several_processes_on_sqlite_are_told(settings):
    settings.WORKERS = 2
    is_sqlite = settings.DATABASES["default"]["ENGINE"].endswith("sqlite3")
    assert bool(checks.several_processes_on_sqlite(None)) is is_sqlite


@pytest.mark.parametrize(
    ("version", "is_safe"),
    [
        ((2, 2, 35), False),
        ((2, 2, 36), True),
        ((2, 2, 40), True),
        ((2, 3, 6), False),
        ((2, 3, 7), True),
        ((2, 5, 1), True),
    ],
)
def test_an_old_gpg_is_told_and_none_at_all_is_not(monkeypatch, version, is_safe):
    monkeypatch.setattr(checks, "gpg_version", lambda: version)
    assert bool(checks._gpg()) is not is_safe
    monkeypatch.setattr(checks, "gpg_version", lambda: None)
    assert checks._gpg() == []


def test_a_gpg_that_does_not_say_its_version_is_told(settings, tmp_path):
    program = tmp_path / "gpg"
    program.write_text("#!/bin/sh\necho hello\n")
    program.chmod(0o755)
    settings.OPENPGP_GPG = str(program)
    assert [message.id for message in checks._gpg()] == ["idp.E006"]
    program.write_text("#!/bin/sh\necho 'gpg (GnuPG) 2.2.12'\n")
    assert checks.gpg_version() == (2, 2, 12)
    settings.OPENPGP_GPG = str(tmp_path / "none")
    assert checks.gpg_version() is None


@pytest.mark.django_db
@pytest.mark.parametrize(("seconds", "is_told"), [(30, False), (-59, False), (61, True), (-3600, True)])
def test_a_clock_that_is_a_minute_off_that_of_another_machine_is_told(monkeypatch, seconds, is_told):
    there = clock.now() + timedelta(seconds=seconds)
    monkeypatch.setattr(checks_of_places, "_others", lambda: {"Postgres": there})
    assert ("idp.E007" in found()) is is_told


@pytest.mark.django_db
def test_postgres_and_redis_are_asked_for_the_time_and_their_silence_is_no_clock(settings):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    assert set(checks_of_places._others()) == ({"Postgres"} if connection.vendor == "postgresql" else set())
    assert "idp.E007" not in found()


@pytest.mark.django_db
@pytest.mark.skipif(connection.vendor != "sqlite", reason="is about SQLite")
def test_one_sqlite_file_for_two_machines_is_told():
    leases.take("mail", "here:1:aa", seconds=60)
    leases.take("purge", "here:2:bb", seconds=60)
    leases.take("doctor", "manual", seconds=60)
    assert "idp.E008" not in found()
    leases.take("homeserver", "there:1:cc", seconds=60)
    assert "idp.E008" in found()
    Lease.objects.filter(job="homeserver").update(until=clock.after(-7200))
    assert "idp.E008" not in found()


MOUNTS = """\
/dev/vda / ext4 rw 0 0
server:/export /srv/my\\040share nfs4 rw 0 0
tmpfs /srv/my\\040share/local tmpfs rw 0 0
broken
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [("/var/lib", ""), ("/srv/my share/latchkey", "nfs4"), ("/srv/my share/local/x", ""), ("/srv/my sharement", "")],
)
def test_a_network_file_system_is_known_by_its_mount(tmp_path, folder, kind):
    (tmp_path / "mounts").write_text(MOUNTS)
    assert mounts.network_file_system(Path(folder), tmp_path / "mounts") == kind
    assert mounts.network_file_system(Path(folder), tmp_path / "none") == ""


def test_sqlite_on_a_network_file_system_is_refused_with_the_cure(monkeypatch, tmp_path):
    monkeypatch.setattr(stores, "network_file_system", lambda folder: "nfs4")
    with pytest.raises(UnknownValue, match=r"network file system \(nfs4\).* or Postgres"):
        stores.database(f"sqlite:///{tmp_path}/x.sqlite3", folder=tmp_path, timeout=5, synchronous="FULL", pool_size=1)


@pytest.mark.parametrize("key", ["x" * 40, "0123456" * 10, "change-me-" + "abcdefghij" * 4, "a" * 31])
def test_keys_that_are_short_repeated_or_examples_are_weak(key):
    assert unsafe.is_weak(key)
    assert not unsafe.is_weak("8Jh2kQ0_xR5sT7uV9wYzA1bC3dE4fG6h")


def test_the_oldest_safe_versions_are_those_of_the_security_page():
    page = (ROOT / "SECURITY.md").read_text()
    for name, oldest in {**checks.OLDEST, "gpg": checks.OLDEST_GPG}.items():
        assert f"| {name} | {'.'.join(map(str, oldest))}" in page
    assert f"of 2.3: {'.'.join(map(str, checks.OLDEST_GPG_2_3))} |" in page


def test_every_message_has_an_id_of_its_own_and_says_what_to_do():
    sources = "".join(Path(module.__file__).read_text() for module in (checks, checks_of_places))
    ids = re.findall(r'id="(idp\.[EW]\d{3})"', sources)
    assert len(ids) == len(set(ids)) >= 17
    assert sources.count("hint=") >= len(ids)

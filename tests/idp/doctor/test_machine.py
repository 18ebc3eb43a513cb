"""Settings, files, room, clock, keys, hashing and OpenPGP on this machine, as `doctor` sees them."""

from collections import namedtuple
from pathlib import Path

import pytest
from django.contrib.auth.hashers import get_hasher

from accounts import clock, mail
from idp import checks, time_sync
from idp.doctor import machine, openpgp
from tests.idp.doctor.conftest import US, failed, good, skipped
from tests.openpgp.verifying.material import needs_gpg

pytestmark = pytest.mark.django_db
Usage = namedtuple("Usage", "total used free")


def test_settings_matter_where_strangers_can_come(world, settings, tmp_path):
    settings.PUBLIC_URL = "http://localhost:8000"
    assert "this machine alone" in skipped("settings")
    settings.PUBLIC_URL, settings.VAR_DIR, settings.TRUSTED_PROXIES = US, tmp_path, []
    told = failed("settings")
    assert "to mend, such as: " in told
    assert "check --deploy" in told


def test_open_files_are_named_with_the_command_that_closes_them(settings, monkeypatch, tmp_path):
    monkeypatch.setattr(checks, "open_files", list)
    assert "closed to other users" in good("files")
    monkeypatch.setattr(checks, "open_files", lambda: [tmp_path / "secret_key"])
    assert f"chmod o= {tmp_path / 'secret_key'}" in failed("files")


def test_a_disk_that_is_nearly_full_is_named(monkeypatch):
    monkeypatch.setattr(machine.shutil, "disk_usage", lambda place: Usage(2**40, 0, 2**39))
    assert "GiB" in good("room")
    monkeypatch.setattr(machine.shutil, "disk_usage", lambda place: Usage(2**40, 0, 2**30))
    assert "1,024 MiB left" in failed("room")
    monkeypatch.setattr(machine.shutil, "disk_usage", lambda place: Usage(2**30, 0, 400 * 2**20))
    assert "purge" in failed("room")


def test_the_clock_is_held_against_what_public_url_says(world):
    world.said["GET", "/healthz"] = (200, {})
    assert good("clock").startswith(f"{clock.now():%Y-%m-%dT}")
    world.date = clock.after(-90)
    assert "s off" in failed("clock")


@pytest.mark.parametrize(("known", "words"), [(True, "set by a server of time"), (False, "timedatectl"), (None, "Z")])
def test_whether_a_server_of_time_sets_the_clock_is_told(world, monkeypatch, known, words):
    monkeypatch.setattr(time_sync, "is_synchronised", lambda: known)
    assert words in good("clock")


def test_the_kernel_says_whether_its_clock_is_set_or_nothing():
    assert time_sync.is_synchronised() in {True, False, None}


@pytest.mark.parametrize("header", ["", "yesterday", "Sun, 99 Nov 2026 00:00:00 GMT"])
def test_a_date_that_is_none_is_no_clock(header):
    assert time_sync.seconds_apart(header) is None


def test_sealed_texts_are_opened_with_the_keys_that_are_here(settings):
    mail.send("page-reset", to="ann@example.org", facts={"link": "https://x.example/"})
    assert good("keys") == "1 sealed text looked at"
    settings.SECRET_KEY = "another key of more than thirty two characters"
    told = failed("keys")
    assert "1 of 1 sealed text cannot be opened" in told
    assert "secret_key" in told


@pytest.mark.usefixtures("real_hashes")
def test_hashing_is_argon2_of_the_least_size(monkeypatch):
    assert "Argon2id, 19 MiB, 2 rounds" in good("hashing")
    weak = type("Weak", (type(get_hasher("default")),), {"memory_cost": 8 * 1024})
    monkeypatch.setattr(machine, "get_hasher", lambda _: weak())
    assert "8192 KiB" in failed("hashing")


def test_gpg_that_is_missing_or_old_is_told(monkeypatch):
    for version, words in ((None, "not installed"), ((2, 2, 35), "2.2.36"), ((), "unknown version")):
        monkeypatch.setattr(checks, "gpg_version", lambda version=version: version)
        assert words in failed("gpg-version")
    monkeypatch.setattr(checks, "gpg_version", lambda: (2, 4, 9))
    assert good("gpg-version") == "gpg 2.4.9"


def test_pysequoia_is_given_a_good_signature_and_a_forged_one():
    assert good("pysequoia") == "a good signature passes, a forged one does not"


@needs_gpg
def test_gpg_is_given_a_good_signature_and_a_forged_one():
    assert good("gpg") == "a good signature passes, a forged one does not"


def test_a_verifier_that_refuses_everything_or_nothing_is_found(monkeypatch):
    def refuses(*_: object, **__: object) -> None:
        raise openpgp.NotSigned("broken")

    monkeypatch.setattr(openpgp, "verify", refuses)
    assert "a good signature is refused (broken)" in failed("pysequoia")
    monkeypatch.setattr(openpgp, "verify", lambda *_, **__: None)
    assert "a forged signature passes" in failed("pysequoia")


def test_without_gpg_the_cure_is_told(settings):
    settings.OPENPGP_GPG = str(Path("/nowhere/gpg"))
    assert "not installed" in failed("gpg")
    assert "not installed" in failed("gpg-version")

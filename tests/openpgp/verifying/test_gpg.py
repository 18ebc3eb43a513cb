"""gpg in a process of its own: what is believed, what it is told, how many there are, what stays behind (R33, R36)."""

import os
import tempfile
import threading
from pathlib import Path
from typing import Any

import pysequoia
import pytest

from accounts import clock
from accounts.errors import Reason, Refusal
from challenges.openpgp.verifying import KeyRefused, NotSigned, gate, gpg, read_certificate
from tests.openpgp.verifying import gpg_stand_in
from tests.openpgp.verifying.material import (
    CERTIFICATES,
    MESSAGES,
    NOW,
    ask,
    ask_verify,
    fingerprint,
    needs_gpg,
    packets_of,
)  # fmt: skip

KEY = "rsa2047"


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for a stand-in; what is made for a call is made in `room/left`."""
    (tmp_path / "left").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "left"))
    return tmp_path


def left(room: Path) -> list[Path]:
    return list((room / "left").iterdir())


def test_text_and_key_reach_gpg_by_files_and_never_by_its_command_line(room: Path, settings: Any) -> None:
    settings.OPENPGP_GPG = gpg_stand_in.telling(room)
    with pytest.raises(NotSigned):
        ask_verify(MESSAGES[KEY], KEY)
    arguments = (room / "arguments").read_text().split("\n")
    folder = (room / "folder").read_text().strip()
    for option in ("--no-options", "--batch", "--no-auto-key-retrieve", "--no-auto-key-import", "--no-autostart"):
        assert option in arguments
    assert "--ignore-time-conflict" in arguments
    assert arguments[arguments.index("--homedir") + 1] == folder
    assert arguments[arguments.index("--keyring") + 1] == f"{folder}/key.gpg"
    assert arguments[arguments.index("--status-fd") + 1] == "1"
    own = [one for one in arguments if folder not in one]
    assert not any("alice" in one.lower() or "BEGIN" in one or fingerprint(KEY) in one.lower() for one in own)
    assert (room / "mode").read_text().strip() == "drwx------"
    assert f"GNUPGHOME={folder}" in (room / "environment").read_text()
    assert "DJANGO" not in (room / "environment").read_text()
    assert b"SIGNAL_AUTH_REQUEST" in (room / "input").read_bytes()
    assert left(room) == []


def status(*lines: str) -> str:
    return "".join(f"[GNUPG:] {line}\n" for line in lines)


def valid(primary: str = "", *, kind: str = "01", count: int = 10) -> str:
    primary = primary or fingerprint(KEY).upper()
    moment = int(NOW.timestamp()) - 10
    fields = [primary, "2024-05-01", str(moment), "0", "4", "0", "1", "8", kind, primary]
    return " ".join(["VALIDSIG", *fields][: count + 1])


GOOD = "GOODSIG 0123456789ABCDEF Alice"
LIES = {
    "nothing": "",
    "no good signature": status("NEWSIG", valid()),
    "no valid signature": status("NEWSIG", GOOD),
    "no new signature": status(GOOD, valid()),
    "two good signatures": status("NEWSIG", GOOD, GOOD, valid()),
    "two valid signatures": status("NEWSIG", GOOD, valid(), valid()),
    "two signatures": status("NEWSIG", GOOD, valid(), "NEWSIG"),
    "another primary key": status("NEWSIG", GOOD, valid("AB" * 20)),
    "over bytes": status("NEWSIG", GOOD, valid(kind="00")),
    "too few fields": status("NEWSIG", GOOD, valid(count=9)),
    "a word for people": "Good signature\n" + status("NEWSIG", GOOD, valid()),
    "a time in words": status("NEWSIG", GOOD, valid().replace(str(int(NOW.timestamp()) - 10), "20240501T115950")),
    "a line cut short": status("NEWSIG", GOOD, valid()) + "[GNUPG:]\n",
    **{
        bad: status("NEWSIG", GOOD, valid(), f"{bad} 0123456789ABCDEF x")
        for bad in ("BADSIG", "ERRSIG", "EXPSIG", "EXPKEYSIG", "REVKEYSIG", "NODATA", "FAILURE", "NO_PUBKEY")
    },
}


@pytest.mark.parametrize("lie", LIES)
def test_only_one_good_signature_of_this_key_is_believed(lie: str, room: Path, settings: Any) -> None:
    settings.OPENPGP_GPG = gpg_stand_in.saying(room, LIES[lie])
    with pytest.raises(NotSigned):
        ask_verify(MESSAGES[f"{KEY} gpg"], KEY)


def test_the_status_of_one_good_signature_is_believed(room: Path, settings: Any) -> None:
    settings.OPENPGP_GPG = gpg_stand_in.saying(room, status("NEWSIG", GOOD, valid()))
    assert ask_verify(MESSAGES[f"{KEY} gpg"], KEY).text == "{}"


def test_the_exit_code_counts_too(room: Path, settings: Any) -> None:
    """Two messages give 2 and a good signature."""
    settings.OPENPGP_GPG = gpg_stand_in.saying(room, status("NEWSIG", GOOD, valid()), code=2)
    with pytest.raises(NotSigned):
        ask_verify(MESSAGES[f"{KEY} gpg"], KEY)


def test_another_time_than_the_signature_states_is_not_believed(room: Path, settings: Any) -> None:
    late = valid().replace(str(int(NOW.timestamp()) - 10), str(int(NOW.timestamp())))
    settings.OPENPGP_GPG = gpg_stand_in.saying(room, status("NEWSIG", GOOD, late))
    with pytest.raises(NotSigned, match="another time"):
        ask_verify(MESSAGES[f"{KEY} gpg"], KEY)


@needs_gpg
def test_status_lines_in_a_user_id_or_a_notation_are_not_status_lines() -> None:
    """What they claim is that Mallory's signature is good; it is not."""
    broken = MESSAGES["forged user id"].replace("SIGNAL_AUTH_REQUEST", "SIGNAL_AUTH_REQUESt")
    with pytest.raises(NotSigned):
        ask("gpg", broken, CERTIFICATES["forged user id"])
    with pytest.raises(NotSigned):
        ask("gpg", MESSAGES[f"{KEY} notation"].replace("{}", "[]"), CERTIFICATES[KEY])
    assert ask("gpg", MESSAGES[f"{KEY} notation"], CERTIFICATES[KEY]).text == "{}"


def run_all(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.start()


def test_few_processes_at_once_a_short_queue_and_nothing_left(room: Path, settings: Any) -> None:
    settings.OPENPGP_GPG, settings.OPENPGP_VERIFIERS_AT_ONCE, settings.HTTP_THREADS = gpg_stand_in.waiting(room), 2, 16
    gate._gate.cache_clear()
    outcomes: list[str] = []

    def login() -> None:
        try:
            ask_verify(MESSAGES[KEY], KEY)
        except NotSigned:
            outcomes.append("not signed")
        except Refusal as refusal:
            assert (refusal.reason, refusal.retry_after) == (Reason.OVERLOADED, 1)
            outcomes.append("overloaded")

    threads = [threading.Thread(target=login) for _ in range(14)]
    run_all(threads)
    gpg_stand_in.until(lambda: len(outcomes) == 4 and len(list(room.glob("running.*"))) == 2, "two run, eight wait")
    assert outcomes == ["overloaded"] * 4
    (room / "go").touch()
    for thread in threads:
        thread.join(60)
    assert sorted(outcomes) == ["not signed"] * 10 + ["overloaded"] * 4
    assert max(int(line) for line in (room / "counts").read_text().split()) <= 2
    assert len(gpg_stand_in.numbers(room)) == 10
    assert not any(map(gpg_stand_in.is_running, gpg_stand_in.numbers(room)))
    assert left(room) == []
    with pytest.raises(NotSigned):  # every place is free again
        ask_verify(MESSAGES[KEY], KEY)


def test_registration_waits_at_the_same_gate(room: Path, settings: Any) -> None:
    settings.OPENPGP_GPG, settings.OPENPGP_VERIFIERS_AT_ONCE, settings.HTTP_THREADS = gpg_stand_in.waiting(room), 1, 2
    gate._gate.cache_clear()

    def register() -> None:
        with pytest.raises(KeyRefused):
            read_certificate(CERTIFICATES[KEY], now=NOW)

    threads = [threading.Thread(target=register) for _ in range(2)]
    run_all(threads)
    gpg_stand_in.until(lambda: gate._gate(1)._inside == 2, "one runs, one waits")
    with pytest.raises(Refusal) as refused:
        read_certificate(CERTIFICATES[KEY], now=NOW)
    assert refused.value.reason is Reason.OVERLOADED
    (room / "go").touch()
    for thread in threads:
        thread.join(60)
    gate._gate.cache_clear()


def test_gpg_that_hangs_is_killed_with_what_it_started(
    room: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.OPENPGP_GPG = gpg_stand_in.hanging(room)
    monkeypatch.setattr(gpg, "SECONDS", 0.7)
    with pytest.raises(NotSigned):
        ask_verify(MESSAGES[KEY], KEY)
    with pytest.raises(Refusal) as busy:  # nothing is known of an uploaded key then
        read_certificate(CERTIFICATES[KEY], now=NOW)
    assert busy.value.reason is Reason.OVERLOADED
    for number in gpg_stand_in.numbers(room):
        gpg_stand_in.until(lambda: not gpg_stand_in.is_running(number), "killed")  # noqa: B023  # asked at once
    assert left(room) == []


@needs_gpg
def test_many_logins_leave_no_file_no_process_and_no_descriptor(room: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for number in range(60):
        if number % 2:
            assert ask_verify(MESSAGES[KEY], KEY)
        else:
            with pytest.raises(NotSigned):
                ask_verify(MESSAGES[KEY].replace("SIGNAL", "SIGNED"), KEY)
    assert left(room) == []
    assert len(os.listdir("/proc/self/fd")) <= before + 1


def test_missing_gpg_is_said_once(settings: Any, caplog: pytest.LogCaptureFixture) -> None:
    settings.OPENPGP_GPG = "/nowhere/gpg"
    gpg._say_missing.cache_clear()
    for _ in range(3):
        with pytest.raises(NotSigned):
            ask_verify(MESSAGES[KEY], KEY)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "OPENPGP_GPG" in caplog.text
    assert ask_verify(MESSAGES["rsa2048"], "rsa2048").text


def test_gpg_that_cannot_start_is_no_signature(room: Path, settings: Any) -> None:
    broken = room / "gpg"
    broken.write_bytes(b"\x7fELF")
    broken.chmod(0o700)
    settings.OPENPGP_GPG = str(broken)
    with pytest.raises(NotSigned):
        ask_verify(MESSAGES[KEY], KEY)
    assert left(room) == []


def signed_by_new_key(text: str) -> tuple[str, str]:
    key = pysequoia.Tsk.generate("Carol <carol@example.com>")
    message = pysequoia.sign(key.signer(), text.encode(), mode=pysequoia.SignatureMode.CLEAR)
    return message.decode(), str(key.extract_certificate())


@needs_gpg
@pytest.mark.parametrize(("length", "gpg_takes"), [(18_000, True), (40_000, False)])
def test_gpg_takes_no_lines_over_20000_characters_and_sequoia_does(length: int, gpg_takes: bool) -> None:
    """A difference of the makers (laverna.md §4.1); keys for gpg are capped when they are uploaded."""
    text = '{"publicKey":"' + "k" * length + '"}'
    message, certificate = signed_by_new_key(text)
    now = clock.now()
    assert ask("sequoia", message, certificate, now=now).text == text
    if gpg_takes:
        assert ask("gpg", message, certificate, now=now).text == text
    else:
        with pytest.raises(NotSigned):
            ask("gpg", message, certificate, now=now)


def test_one_stored_key_serves_many_threads() -> None:
    wrong: list[BaseException] = []

    def login() -> None:
        try:
            for _ in range(20):
                assert ask_verify(MESSAGES["rsa2048"], "rsa2048")
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=login) for _ in range(4)]
    run_all(threads)
    for thread in threads:
        thread.join(60)
    assert wrong == []


@needs_gpg
def test_keyring_of_a_call_holds_this_key_alone(room: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Third parties' signatures are not in it either."""
    seen: list[bytes] = []
    wait = gpg._wait

    def noting(arguments: Any, home: Path, message: bytes) -> Any:
        seen.append((home / "key.gpg").read_bytes())
        assert [path.name for path in home.iterdir()] == ["key.gpg"]
        return wait(arguments, home, message)

    monkeypatch.setattr(gpg, "_wait", noting)
    assert ask_verify(MESSAGES[KEY], f"{KEY} certified")
    assert len(seen[0]) < len(packets_of(CERTIFICATES[f"{KEY} certified"]))


@needs_gpg
@pytest.mark.parametrize("text", ['{"é":"😀\u2028\u00a0"}', "", "\n\n", "- From\n-\n", "a\n b  c"])
def test_both_makers_give_the_text_that_was_signed(text: str) -> None:
    message, certificate = signed_by_new_key(text)
    now = clock.now()
    assert ask("sequoia", message, certificate, now=now).text == text
    assert ask("gpg", message, certificate, now=now).text == text

"""The second maker: gpg in a process of its own, for RSA keys that pysequoia refuses (security.md R33, R36).

gpg, not gpgv, which looks at neither expiry nor revocation. Not through python-gnupg: it reads gpg's status lines and
gpg's words for people from one stream, where a user id can look like a status line, and knows no limit of time.
"""

import contextlib
import functools
import logging
import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings

from accounts.errors import Reason, Refusal
from challenges.openpgp.verifying import gate
from challenges.openpgp.verifying.makers import Verdict
from challenges.openpgp.verifying.transferable import Transferable, with_primary_end
from challenges.openpgp.verifying.verdicts import KeyRefused, NotSigned

log = logging.getLogger(__name__)

SECONDS = 5.0
PREFIX = "latchkey-gpg-"
_OPTIONS = (
    "--no-options",
    "--batch",
    "--no-tty",
    "--quiet",
    "--no-autostart",
    "--no-auto-key-retrieve",
    "--no-auto-key-import",
    "--no-auto-key-locate",
    "--disable-dirmngr",
    "--no-random-seed-file",
    "--lock-never",
    "--trust-model",
    "always",
    "--ignore-time-conflict",
    "--no-default-keyring",
    "--no-greeting",
    "--display-charset",
    "utf-8",
)
_BAD = frozenset({
    "BADSIG", "ERRSIG", "EXPSIG", "EXPKEYSIG", "REVKEYSIG", "NODATA", "NO_PUBKEY",
    "UNEXPECTED", "BADARMOR", "FAILURE", "ERROR",
})  # fmt: skip
_STATUS = re.compile(rb"\[GNUPG:\] ([A-Z_]+)(?: (.*))?")
_TEXT_SIGNATURE = "01"
_DEAD = frozenset("reid")  # revoked, expired, invalid, disabled


def is_here() -> bool:
    """Whether there is a gpg to ask."""
    return _program() is not None


def confirmed(certificate: Transferable, *, now: datetime) -> Transferable:
    """The certificate where gpg finds it whole, alive and able to sign; KeyRefused otherwise, OVERLOADED when full."""
    done = _run(certificate, now, ("--with-colons", "--fixed-list-mode", "--list-keys"), b"")
    if done is None:
        raise Refusal(Reason.OVERLOADED, retry_after=1, detail="gpg gave no answer")
    rows = [line.split(":") for line in done.output.decode("utf-8", "replace").split("\n")]
    primary = [row for row in rows if row[0] == "pub"]
    whole = done.code == 0 and len(primary) == 1 and len(primary[0]) > 11
    if not whole or primary[0][1] in _DEAD or "S" not in primary[0][11]:
        raise KeyRefused("This key is not in order: gpg finds no part of it that can sign at the moment.")
    return with_primary_end(certificate, _moment(primary[0][6]))


def _moment(seconds: str) -> datetime | None:
    return datetime.fromtimestamp(int(seconds), UTC) if seconds.isdecimal() else None


def verify(message: bytes, certificate: Transferable, *, now: datetime) -> Verdict:
    """gpg's verdict; OVERLOADED when too many wait for it."""
    done = _run(certificate, now, ("--output", "text", "--verify"), message)
    if done is None or done.code != 0:
        raise NotSigned("gpg")
    signer, created_at = _signer(done.output, certificate.primary.key.fingerprint)
    return Verdict(text=done.text.removesuffix(b"\n").removesuffix(b"\r"), signer=signer, created_at=created_at)


def _signer(status: bytes, fingerprint: str) -> tuple[str, datetime]:
    """Who signed and when, by exactly one good signature; a status line that is none is a reason to say no."""
    matches = [_STATUS.fullmatch(line) for line in status.split(b"\n") if line]
    lines = [(match[1].decode(), (match[2] or b"").decode("utf-8", "replace")) for match in matches if match]
    names = [name for name, _ in lines]
    valid = [value.split(" ") for name, value in lines if name == "VALIDSIG"]
    if len(lines) != len(matches) or _BAD & set(names) or names.count("GOODSIG") != 1 or names.count("NEWSIG") != 1:
        raise NotSigned("gpg status")
    # fingerprint, date, time, end, version, reserved, key algorithm, hash, class, primary fingerprint
    if len(valid) != 1 or len(valid[0]) != 10 or valid[0][8] != _TEXT_SIGNATURE or valid[0][9].lower() != fingerprint:
        raise NotSigned("gpg signer")
    created_at = _moment(valid[0][2])
    if created_at is None:
        raise NotSigned("gpg time")
    return valid[0][0].lower(), created_at


class _Done:
    """A gpg that ended by itself: its exit code, what came from its status descriptor, and the text it put out."""

    def __init__(self, code: int, output: bytes, text: bytes) -> None:
        self.code, self.output, self.text = code, output, text


def _run(certificate: Transferable, now: datetime, command: Sequence[str], message: bytes) -> _Done | None:
    """Runs gpg in a home of its own with this one key; None where there is none or its time was over."""
    program = _program()
    if program is None:
        _say_missing()
        return None
    moment = f"{int(now.timestamp())}!"
    with gate.place():
        try:
            with tempfile.TemporaryDirectory(prefix=PREFIX, ignore_cleanup_errors=True) as home:  # mode 0700
                (Path(home) / "key.gpg").write_bytes(certificate.binary)
                where = ("--homedir", home, "--keyring", f"{home}/key.gpg", "--status-fd", "1")
                return _wait([program, *_OPTIONS, "--faked-system-time", moment, *where, *command], Path(home), message)
        except OSError as error:
            log.error("gpg cannot be started: %s", type(error).__name__)
            return None


def _wait(arguments: Sequence[str], home: Path, message: bytes) -> _Done | None:
    """What came of it; None where the time was over and the process and what it started were killed."""
    place = str(home)
    environment = {"HOME": place, "GNUPGHOME": place, "LC_ALL": "C", "PATH": os.environ.get("PATH", os.defpath)}
    with subprocess.Popen(
        arguments, cwd=home, env=environment, start_new_session=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        try:
            output, _ = process.communicate(message, timeout=SECONDS)
        except BaseException as error:  # the process is not waited for yet, so its number is nobody else's
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            log.warning("gpg took more than %s seconds and was killed", SECONDS)
            return None
    text = home / "text"
    return _Done(process.returncode, output, text.read_bytes() if text.is_file() else b"")


def _program() -> str | None:
    return shutil.which(settings.OPENPGP_GPG or "gpg")


@functools.cache
def _say_missing() -> None:
    log.warning("gpg is not installed: RSA keys below 2048 or above 4096 bits sign nobody in (OPENPGP_GPG)")

"""The two makers that verify OpenPGP signatures: each is given a text that is signed well, and one that is not."""

import json
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path

from accounts.errors import Refusal
from challenges.openpgp.verifying import NotSigned, certificates, gpg, verify
from idp.doctor.findings import Check, Finding, failed, good

_WHOLE = json.loads((Path(__file__).parent / "vectors.json").read_text())
_NOW = datetime.fromisoformat(_WHOLE["now"])


def verifies(maker: str, cure: str) -> Finding:
    """What the door of Laverna asks for each login."""
    found: dict[str, str] = _WHOLE[maker]
    fingerprint = certificates.known(found["certificate"]).primary.key.fingerprint
    ask: Callable[[str], object] = partial(verify, armored=found["certificate"], fingerprint=fingerprint, now=_NOW)
    try:
        ask(found["message"])
    except (NotSigned, Refusal) as failure:
        return failed(f"a good signature is refused ({failure})", cure)
    try:
        ask(found["message"].replace("\n{}\n", "\n{ }\n", 1))
    except NotSigned:
        return good("a good signature passes, a forged one does not")
    except Refusal as failure:
        return failed(f"it gave no answer ({failure.reason})", cure)
    return failed("a forged signature passes", "Close the door at once (rules mode openpgp whitelist) and reinstall.")


def with_gpg() -> Finding:
    """RSA keys of unusual sizes, which old applications made."""
    if not gpg.is_here():
        return failed("gpg is not installed", "Install GnuPG (Debian: apt install gpg), or set OPENPGP_GPG.")
    return verifies(
        "gpg", "Run `gpg --version` as the server's user: it must start, and find room in the temporary folder."
    )


CHECKS = (
    Check(
        "pysequoia", "OpenPGP signatures are verified", partial(verifies, "sequoia", "Install requirements.txt anew.")
    ),
    Check("gpg", "gpg verifies what pysequoia leaves to it", with_gpg),
)

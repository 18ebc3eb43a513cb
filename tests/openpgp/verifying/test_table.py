"""One table of real messages for both makers and for `verify` (table.py)."""

import json

import pytest

from challenges.openpgp.verifying import NotSigned, certificates, cleartext, gpg, signed_texts
from tests.openpgp.verifying import table
from tests.openpgp.verifying.material import (
    CERTIFICATES,
    MESSAGES,
    NOW,
    ask,
    ask_verify,
    fingerprint,
    needs_gpg,
    seconds,
)
from tests.openpgp.verifying.table import Row

ROWS = pytest.mark.parametrize("row", table.ROWS, ids=lambda row: row.name)


def agrees(row: Row, maker: str, good: bool) -> None:
    if good:
        signed = ask(maker, MESSAGES[row.message], CERTIFICATES[row.certificate])
        assert "{" in signed.text
        assert abs(signed.created_at - NOW) <= seconds(300)
    else:
        with pytest.raises(NotSigned):
            ask(maker, MESSAGES[row.message], CERTIFICATES[row.certificate])


@ROWS
def test_sequoia_says_what_the_table_says(row: Row) -> None:
    agrees(row, "sequoia", row.sequoia)


@needs_gpg
@ROWS
def test_gpg_says_what_the_table_says(row: Row) -> None:
    agrees(row, "gpg", row.gpg)


@needs_gpg
@ROWS
def test_verify_takes_the_word_of_the_maker_who_can_judge_the_key(row: Row) -> None:
    maker, good = ("gpg", row.gpg) if row.is_for_gpg else ("sequoia", row.sequoia)
    if good:
        signed = ask_verify(MESSAGES[row.message], row.certificate)
        assert signed == ask(maker, MESSAGES[row.message], CERTIFICATES[row.certificate])
    else:
        with pytest.raises(NotSigned):
            ask_verify(MESSAGES[row.message], row.certificate)


def test_every_difference_has_its_reason() -> None:
    for row in table.ROWS:
        assert bool(row.why) == (row.sequoia != row.gpg), row.name


@pytest.mark.parametrize("row", [row for row in table.ALGORITHMS if row.gpg and row.sequoia], ids=lambda row: row.name)
@needs_gpg
def test_both_makers_give_the_same_text_and_time(row: Row) -> None:
    message, certificate = MESSAGES[row.message], CERTIFICATES[row.certificate]
    assert ask("gpg", message, certificate) == ask("sequoia", message, certificate)


@pytest.mark.parametrize("name", ["rsa2048", "ed25519 legacy", "ed25519 v6"])
def test_text_is_the_line_that_the_app_signed_with_its_key_in_it(name: str) -> None:
    text = ask_verify(MESSAGES[name], name).text
    assert json.loads(text)["publicKey"] == CERTIFICATES[name]
    assert "\n" not in text


@pytest.mark.parametrize("key", [pytest.param("rsa2047", marks=needs_gpg), "ed25519 legacy"])
def test_text_of_many_lines_comes_back_as_it_was_signed(key: str) -> None:
    assert ask_verify(MESSAGES[f"{key} lines"], key).text == '{\n  "a": "b",\n- x\n-----BEGIN\n}\n'


@pytest.mark.parametrize("key", [pytest.param("rsa2047", marks=needs_gpg), "rsa2048"])
def test_openpgpjs_2_rounds_into_the_future_and_is_taken(key: str) -> None:
    """Signed 0.4 s after NOW by the client's clock; half of all its signatures have a time of the next second."""
    early = NOW - seconds(0.5)
    assert ask_verify(MESSAGES[f"{key} ahead"], key, now=early).created_at > early


@pytest.mark.parametrize("key", [pytest.param("rsa2047", marks=needs_gpg), "ed25519 legacy"])
@pytest.mark.parametrize(("late", "good"), [(59, False), (60, True), (61, True)])
def test_a_signature_may_be_five_minutes_ahead_and_no_more(key: str, late: int, good: bool) -> None:
    """The message `soon` was signed 240 s after NOW."""
    now = NOW - seconds(120 - late)
    if good:
        assert ask_verify(MESSAGES[f"{key} soon"], key, now=now).created_at == NOW + seconds(240)
    else:
        with pytest.raises(NotSigned, match="future"):
            ask_verify(MESSAGES[f"{key} soon"], key, now=now)


@pytest.mark.parametrize("key", [pytest.param("rsa2047", marks=needs_gpg), "ed25519 legacy"])
def test_a_key_that_ended_after_it_signed_signs_nobody_in(key: str) -> None:
    """pysequoia judges the moment of the signature; now counts."""
    name = f"{key} prolonged"  # until 2024-06-01 12:00
    end = certificates.known(CERTIFICATES[name]).primary.expires_at
    assert end is not None
    assert ask_verify(MESSAGES[key], name, now=end - seconds(1)).text
    with pytest.raises(NotSigned):
        ask_verify(MESSAGES[key], name, now=end)


def test_a_subkey_that_ended_after_it_signed_signs_nobody_in() -> None:
    name = "ed25519 legacy subkey expired"
    end = next(bound.expires_at for bound in certificates.known(CERTIFICATES[name]).subkeys if bound.expires_at)
    message = cleartext.read(MESSAGES["ed25519 legacy signing subkey"])
    loaded = certificates.known(CERTIFICATES[name])
    assert any(bound.expires_at for bound in loaded.signing(end - seconds(1)))
    assert not any(bound.expires_at for bound in loaded.signing(end))
    assert loaded.named(message.signature.issuers) not in loaded.signing(end)


def test_fingerprint_is_compared_whole_and_in_any_case_of_letters() -> None:
    message, certificate, right = MESSAGES["rsa2048"], CERTIFICATES["rsa2048"], fingerprint("rsa2048")
    assert signed_texts.verify(message, certificate, fingerprint=right.upper(), now=NOW).text
    for wrong in ("", right[-16:], right[:-1] + "0" * (right[-1] != "0") + "1" * (right[-1] == "0"), f"{right} "):
        with pytest.raises(NotSigned, match="another key"):
            signed_texts.verify(message, certificate, fingerprint=wrong, now=NOW)


def test_a_stored_text_that_is_no_certificate_signs_nobody_in() -> None:
    with pytest.raises(NotSigned):
        signed_texts.verify(MESSAGES["rsa2048"], "", fingerprint="", now=NOW)


def test_only_rsa_outside_the_policy_goes_to_gpg(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object, **__: object) -> None:
        raise AssertionError("gpg was asked")

    monkeypatch.setattr(gpg, "verify", none)
    for row in table.ALGORITHMS:
        if row.is_for_gpg:
            with pytest.raises(AssertionError, match="gpg was asked"):
                ask_verify(MESSAGES[row.message], row.certificate)
        elif row.sequoia:
            assert ask_verify(MESSAGES[row.message], row.certificate)

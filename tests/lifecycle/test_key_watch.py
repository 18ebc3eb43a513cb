"""How a running process takes up keys that were changed beside it, and what the two files may hold (R31)."""

from datetime import UTC, datetime, timedelta

import pytest

from accounts import clock, key_rings
from idp import secret_key
from idp.environment import UnknownValue
from idp.key_watch import KeyWatch
from idp.secret_key import OldKey
from tests.lifecycle.conftest import KEY

NEW = "n" * 8 + "zyxwvutsrqponmlkjihgfedcba0987654321"
END = datetime(2035, 1, 31, 12, 0, tzinfo=UTC)


def test_a_new_key_is_taken_up_once_and_the_old_one_goes_on_verifying(keys, settings):
    watch = KeyWatch(keys)
    assert not watch.take_up()
    signed = key_rings.ring("test", claims=False).encode({"exp": 1})
    secret_key.write_fallbacks(keys / secret_key.FALLBACKS_NAME, [OldKey(KEY)])
    secret_key.write_key(keys / secret_key.NAME, NEW)
    assert watch.take_up()
    assert not watch.take_up()
    assert (settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS) == (NEW, [KEY])
    assert key_rings.ring("test", claims=False).decode(signed) == {"exp": 1}


def test_a_key_that_will_sign_soon_verifies_already(keys, settings):
    secret_key.write_fallbacks(keys / secret_key.FALLBACKS_NAME, [OldKey(NEW), OldKey(KEY)])
    assert KeyWatch(keys).take_up()
    assert (settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS) == (KEY, [NEW])


def test_keys_given_in_the_environment_go_on_verifying_too(keys, settings):
    settings.SECRET_KEYS_GIVEN = ["given" + KEY]
    secret_key.write_fallbacks(keys / secret_key.FALLBACKS_NAME, [OldKey(NEW)])
    KeyWatch(keys).take_up()
    assert settings.SECRET_KEY_FALLBACKS == ["given" + KEY, NEW]


def test_a_key_whose_time_is_over_verifies_nothing_although_nobody_touched_the_file(keys, settings, time_machine):
    secret_key.write_fallbacks(keys / secret_key.FALLBACKS_NAME, [OldKey(NEW, clock.after(60))])
    watch = KeyWatch(keys)
    watch.take_up()
    assert settings.SECRET_KEY_FALLBACKS == [NEW]
    time_machine.move_to(clock.after(61))
    assert watch.take_up()
    assert settings.SECRET_KEY_FALLBACKS == []


@pytest.mark.parametrize("harm", ["gone", "short", "garbled fallbacks", "unreadable"])
def test_files_that_make_no_sense_change_nothing_and_nothing_is_written(keys, settings, harm):
    watch = KeyWatch(keys)
    watch.take_up()
    file = keys / secret_key.NAME
    if harm == "gone":
        file.unlink()
    elif harm == "short":
        file.write_text("short")
    elif harm == "unreadable":
        file.unlink()
        file.mkdir()
    else:
        (keys / secret_key.FALLBACKS_NAME).write_text(f"{NEW} until yesterday\n")
    assert not watch.take_up()
    assert (settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS) == (KEY, [])
    assert file.exists() is (harm != "gone")


def test_a_key_from_the_environment_is_not_watched(keys, settings):
    settings.SECRET_KEY_IS_OWN = False
    secret_key.write_key(keys / secret_key.NAME, NEW)
    assert not KeyWatch(keys).take_up()
    assert settings.SECRET_KEY == KEY


def test_older_keys_are_kept_with_their_ends(keys):
    file = keys / secret_key.FALLBACKS_NAME
    kept = [OldKey(NEW), OldKey(KEY, END)]
    secret_key.write_fallbacks(file, kept)
    assert file.read_text() == f"{NEW}\n{KEY} until 2035-01-31T12:00:00Z\n"
    assert secret_key.own_fallbacks(file) == kept
    assert secret_key.in_force(kept, END) == [NEW]
    assert secret_key.in_force(kept, END - timedelta(seconds=1)) == [NEW, KEY]
    assert secret_key.own_fallbacks(keys / "none") == []


@pytest.mark.parametrize(
    "line", ["short", f"{NEW} {KEY}", f"{NEW} until 2035-13-31T12:00:00Z", f"{NEW} until soon", "\xff" * 40 + " x"]
)
def test_a_line_that_is_no_key_is_one_line_and_never_repeated(keys, line):
    file = keys / secret_key.FALLBACKS_NAME
    file.write_text(line)
    with pytest.raises((UnknownValue, ValueError)) as refused:
        secret_key.own_fallbacks(file)
    assert NEW not in str(refused.value)


def test_a_file_that_is_replaced_is_never_seen_half_written(keys):
    file = keys / secret_key.NAME
    with file.open() as old:
        secret_key.write_key(file, NEW)
        assert old.read().strip() == KEY
    assert file.read_text().strip() == NEW
    assert [path.name for path in keys.iterdir()] == [secret_key.NAME]

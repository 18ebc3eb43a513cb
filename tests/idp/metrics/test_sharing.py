"""Several processes, one page."""

import os
import time
from pathlib import Path

import orjson
import pytest

from accounts import figures
from idp.metrics import exposition, sharing
from tests.idp.metrics.reading import number


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where the workers of this test meet."""
    monkeypatch.setattr(sharing, "_folder", lambda: tmp_path)
    return tmp_path


def another(folder, pid, *, age=0.0, **rows):
    file = folder / f"{pid}.json"
    file.write_bytes(orjson.dumps({name.replace("__", "."): found for name, found in rows.items()}))
    os.utime(file, (time.time() - age, time.time() - age))


def page():
    return exposition.page("")[0].decode()


@pytest.mark.django_db
def test_counters_of_all_processes_are_added_up(folder):
    figures.LOGINS.add("matrix", "success", "")
    before = number(page(), "latchkey_logins_total", door="matrix", outcome="success")
    another(folder, 111111, latchkey_logins=[[["matrix", "success", ""], 7.0], [["of-another", "success", ""], 2.0]])
    assert number(page(), "latchkey_logins_total", door="matrix", outcome="success") == before + 7
    assert number(page(), "latchkey_logins_total", door="of-another") == 2


@pytest.mark.django_db
def test_durations_are_added_up(folder):
    empty = [0.0] * (len(figures.REQUEST_SECONDS.bounds) + 2)
    another(folder, 111111, latchkey_http_request_seconds=[[["x", "y"], [3.0, *empty[1:-1], 0.001]]])
    assert number(page(), "latchkey_http_request_seconds_count", door="x") == 3
    assert number(page(), "latchkey_http_request_seconds_sum", door="x") == 0.001


@pytest.mark.django_db
def test_what_a_dead_worker_counted_stays_and_what_it_held_goes(folder):
    rows = {"latchkey_logins": [[["gone", "success", ""], 7.0]], "latchkey_sockets": [[["gone"], 3.0]]}
    another(folder, 111111, latchkey_processes=[[[], 1]], **rows)
    text = page()
    assert number(text, "latchkey_sockets", door="gone") == 3
    assert number(text, "latchkey_processes") == 2
    another(folder, 111111, age=60.0, latchkey_processes=[[[], 1]], **rows)
    text = page()
    assert number(text, "latchkey_logins_total", door="gone") == 7
    assert number(text, "latchkey_sockets", door="gone") == 0
    assert number(text, "latchkey_processes") == 1


@pytest.mark.django_db
def test_the_worst_and_the_youngest_are_not_added_up(folder):
    another(folder, 111111, latchkey_event_loop_lag_seconds=[[[], 7.5]], process_start_time_seconds=[[[], 1.0]])
    text = page()
    assert number(text, "latchkey_event_loop_lag_seconds") == 7.5
    assert number(text, "process_start_time_seconds") > 1e9


@pytest.mark.django_db
@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"latchkey_http_request_seconds": [[["x", "y"], [1.0]]]}'])
def test_a_damaged_file_of_another_is_passed_over(folder, content):
    (folder / "111111.json").write_bytes(content)
    assert number(page(), "latchkey_processes") >= 1


def test_what_is_written_can_be_read_by_the_others(folder):
    figures.LOGINS.add("matrix", "success", "")
    sharing.save()
    [file] = folder.glob("*.json")
    rows = orjson.loads(file.read_bytes())["latchkey_logins"]
    assert [["matrix", "success", ""], figures.LOGINS.rows[("matrix", "success", "")]] in rows


def test_a_disk_that_is_full_stops_nothing(folder, monkeypatch, caplog):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    sharing._complain.cache_clear()
    for _ in range(5):
        sharing.save()
    assert [record.levelname for record in caplog.records].count("WARNING") == 1


def test_one_process_alone_writes_nothing(tmp_path, settings):
    settings.VAR_DIR = tmp_path
    sharing.save()
    assert list(tmp_path.iterdir()) == []


def test_folders_of_servers_that_ended_are_taken_away(tmp_path, settings):
    settings.VAR_DIR = tmp_path
    mine, reborn = sharing._name(os.getpid()), f"{sharing._host()}-{os.getpid()}-12345"
    dead, elsewhere, old = f"{sharing._host()}-999999999-1", "othermachine-7-1", "othermachine-8-1"
    for name in (mine, reborn, dead, elsewhere, old):
        (tmp_path / "figures" / name).mkdir(parents=True)
    os.utime(tmp_path / "figures" / old, (0, 0))
    sharing.clean()
    assert {path.name for path in (tmp_path / "figures").iterdir()} == {mine, elsewhere}


def test_crashes_do_not_fill_the_folder(folder, monkeypatch):
    monkeypatch.setattr(sharing, "_MOST_FILES", 3)
    for pid in range(6):
        another(folder, 900000 + pid, age=100.0 - pid)
    sharing.save()
    left = {path.stem for path in folder.glob("*.json")}
    assert left == {str(os.getpid()), "900005", "900004"}

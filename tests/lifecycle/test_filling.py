"""Every row of every table, of every kind of column, comes back from a backup as it was."""

from tests.commands.run import run
from tests.lifecycle import filling


def test_every_table_and_kind_of_column_is_in_a_backup(house, tmp_path, turn_to):
    counts = filling.fill()
    assert [table for table, rows in counts.items() if not rows] == [], "a table that is not tried"
    before = filling.told()
    run("backup", tmp_path / "b")
    turn_to(tmp_path / "elsewhere.sqlite3")
    run("restore", tmp_path / "b")
    assert filling.told() == before

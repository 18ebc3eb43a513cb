"""Django's SQLite backend that never takes an undone transaction for a committed one (R55)."""

"""What happens to an installation over the years: backups, moves, new keys (docs/lifecycle.md).

backing_up.py restoring.py   a consistent copy while the server runs; back into an empty place
copying.py                   from SQLite to Postgres
rotating.py lifetimes.py     new keys; how long those before must verify
sqlite_files.py postgres_tools.py schema.py   what these stand on
"""

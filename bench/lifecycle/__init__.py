"""What operators' tools cost: copies of a large database, and logins while a purge is at work.

    python -m bench.lifecycle copies     # users list, backup, restore, SQLite to Postgres, logins of those accounts
    python -m bench.lifecycle purge      # p95 of logins while a million expired rows go, and without

Not part of `make bench`: each takes minutes. `--postgres-url` names a Postgres server; without it one is started.
"""

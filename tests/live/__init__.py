"""A real server for tests and for `python -m bench`: own process, own port, own VAR_DIR, own database.

    database.py   a SQLite file in the folder, or a Postgres database of its own, dropped at the end
    process.py    what /proc says of a process: children, CPU time, memory
    server.py     start, wait for /readyz, kill -9, restart
    run.py        the context manager `running`: one or several servers on one database
    postgres_server.py  redis_server.py  stoppable.py   stores of a test's own: killed, frozen, started again
    admin.py      an administrator who signs in and fills forms in
    session.py    a Session client: key pair, decryption, the three calls of a login

Nothing here imports Django: the server is asked over the wire, its rows in plain SQL.
"""

from tests.live.database import Database
from tests.live.run import Installation, environment_of, running
from tests.live.server import Server

__all__ = ["Database", "Installation", "Server", "environment_of", "running"]

"""What `/metrics` shows (operations.md §4, R63; docs/monitoring.md).

    routes.py      which class a path belongs to, so that no path with a name or id becomes a label
    visiting.py    one request or socket from its begin to its end: figures, and its line in the log
    database.py    time of statements and commits
    sampling.py    numbers as they stand: pools, sockets, the process itself
    sharing.py     the numbers of all worker processes, in files
    stored.py      numbers that the database knows: queues, jobs, sessions
    exposition.py  all of it in Prometheus's form
    access.py      who may read it
    endpoint.py    the path

The counters are `accounts/figures.py`, which doors may import.
"""

"""Django's Postgres backend with a pool that knows a database which is gone from one that is slow (R57).

    base.py        what Django loads: its own backend over this pool
    pool.py        connections that wait for work: made when asked for, refused at once while none can be had
    connection.py  a connection that tells since when it waits for an answer, and that another thread can cut
    watch.py       finds a database that takes connections and answers nothing, and ends the waiting for it

`psycopg_pool` was tried first. It makes connections in the background with growing pauses: after a minute without
Postgres the first minute with it again is lost; a request waits its whole patience for a server that refuses at once;
and nothing bounds a statement or a health check whose server has stopped answering.
"""

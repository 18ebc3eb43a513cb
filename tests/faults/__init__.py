"""What happens to a live server (security.md R42–R44, R55–R59): each fault, with figures for docs/reliability.md.

    python -m tests.faults        runs all of it and prints the table

    conftest.py      a Postgres and a Redis of the tests' own, which they kill, freeze and start again
    load.py          people who log in all the time, and what they were told
    figures.py       the lines of the table
    clock/           a clock that the test moves, in every process of a server
    smtp.py          a mail server that can be away

The figures are told, not asserted, except where the requirement names a number; and then with a wide margin, because
the machine may be busy.
"""

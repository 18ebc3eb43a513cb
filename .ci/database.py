"""Creates or drops the database of one CI run: database.py create|drop URL NAME."""

import sys

import psycopg
from psycopg import sql


def main(verb: str, url: str, name: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        if verb == "create":
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
            return
        like = connection.execute("SELECT datname FROM pg_database WHERE datname LIKE %s", [f"%{name}%"]).fetchall()
        for (found,) in like:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(found)))


main(*sys.argv[1:])

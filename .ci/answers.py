"""Prints what does not answer of a Postgres and a Redis URL; nothing when both do."""

import sys

import psycopg
import redis


def main(postgres: str, redis_url: str) -> None:
    try:
        psycopg.connect(postgres, connect_timeout=3).close()
    except psycopg.Error:
        print("no Postgres answers (set CI_POSTGRES)")
        return
    try:
        redis.Redis.from_url(redis_url, socket_connect_timeout=3).ping()
    except redis.RedisError:
        print("no Redis answers (set CI_REDIS)")


main(*sys.argv[1:])

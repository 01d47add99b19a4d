"""A writer that may die between its commit and its invalidation:  writer.py CONNINFO URL SEED DEATHS

DEATHS is the chance of each write to be made by a child of it that does."""

from __future__ import annotations

import os
import random
import signal
import sys

import psycopg

import resilicache

KEYS = 3000


def write(connection: psycopg.Connection[tuple[object, ...]], chance: random.Random) -> list[str]:
    """One transaction; the keys that it has to invalidate."""
    first, second = chance.sample(range(KEYS), 2)
    with connection.transaction():
        if chance.random() < 0.8:
            connection.execute("UPDATE users SET version = version + 1 WHERE id = %s", (first,))
            return [f"user:{first}"]
        connection.execute("DELETE FROM users WHERE id = %s", (second,))
        if chance.random() < 0.5:
            connection.execute("UPDATE users SET id = %s WHERE id = %s", (second, first))
        else:
            connection.execute("INSERT INTO users VALUES (%s, %s)", (second, chance.randrange(1 << 30)))
        return [f"user:{first}", f"user:{second}"]


def die_writing(conninfo: str, chance: random.Random) -> None:
    child = os.fork()
    if child == 0:
        try:
            with psycopg.connect(conninfo, autocommit=True) as connection:
                write(connection, chance)
                os.kill(os.getpid(), signal.SIGKILL)
        finally:
            os._exit(0)
    os.waitpid(child, 0)


def main(conninfo: str, url: str, seed: str, deaths: str) -> None:
    chance = random.Random(int(seed))
    with psycopg.connect(conninfo, autocommit=True) as connection, resilicache.Cache(url) as cache:
        while True:
            if chance.random() < float(deaths):
                die_writing(conninfo, chance)
                continue
            try:
                keys = write(connection, chance)
            except (psycopg.errors.DeadlockDetected, psycopg.errors.UniqueViolation):
                continue
            cache.invalidate(*keys)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""account: a row that is changed by one writer at a time, and a writer that comes too late.

    python account.py redis://localhost:6379

The lock keeps writers in turn as long as they are in time.  One that stood still for longer than its lock doesn't know
that another was there: the database refuses it, by the fence.
"""

import sqlite3
import sys

import resilicache
from resilicache import Update

KEY = "account-example:account:1"


class TooLate(Exception):
    """Another writer was there with a later fence."""


def deposit(database: sqlite3.Connection, amount: int, update: Update) -> int:
    """In one transaction, which is rolled back where another writer was there later."""
    with database:
        (balance,) = database.execute("SELECT balance FROM account WHERE id = 1").fetchone()
        changed = database.execute(
            "UPDATE account SET balance = ?, fence = ? WHERE id = 1 AND fence < ?",
            (balance + amount, update.fence, update.fence),
        )
        if changed.rowcount == 0:
            raise TooLate
    return balance + amount


def read(database: sqlite3.Connection) -> bytes:
    (balance,) = database.execute("SELECT balance FROM account WHERE id = 1").fetchone()
    return b"%d" % balance


def main(url: str) -> None:
    database = sqlite3.connect(":memory:")
    database.execute("CREATE TABLE account (id INTEGER PRIMARY KEY, balance INTEGER, fence INTEGER)")
    database.execute("INSERT INTO account VALUES (1, 100, 0)")
    with resilicache.Cache(url) as cache:
        print("fetched", cache.fetch(KEY, ttl=10, loader=lambda: read(database)))

        def deposit_unseen(update: Update) -> int:
            print("meanwhile", cache.get(KEY))  # by the intent: nobody is given the old balance
            return deposit(database, 10, update)

        print("balance", cache.update(KEY, deposit_unseen, intent=True))
        print("fetched", cache.fetch(KEY, ttl=10, loader=lambda: read(database), strong=True))

        def stand_still(update: Update) -> int:
            cache.delete(KEY)  # as if its lock had ended by itself, long ago
            cache.update(KEY, lambda another: deposit(database, 5, another))
            return deposit(database, 1000, update)

        try:
            cache.update(KEY, stand_still)
        except TooLate:
            print("refused, for another was there: the balance is", read(database).decode())
        print("fetched", cache.fetch(KEY, ttl=10, loader=lambda: read(database), strong=True))
        cache.delete(KEY)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "memory://")

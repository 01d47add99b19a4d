"""Drains an outbox in SQLite, some rows at a time, until it is killed:  drainer.py PATH URL"""

from __future__ import annotations

import sqlite3
import sys

import resilicache
from resilicache.outbox import Outbox

if __name__ == "__main__":
    path, url = sys.argv[1:]
    with resilicache.Cache(url) as cache:
        outbox = Outbox(lambda: sqlite3.connect(path, timeout=30), cache, batch=20)
        print("ready", flush=True)
        outbox.run(0.001)

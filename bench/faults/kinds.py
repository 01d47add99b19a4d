"""What is done to the contenders: each kind of fault, in words and in deeds."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

import agent

from faults.proxy import Proxy  # isort: skip  # of tests/, which places.py lets be found
from servers import Server, free_port  # isort: skip

SLOW_S = 0.3  # each way
CUT_EVERY_S = 0.05


@dataclass
class Place:
    server: Server
    proxy: Proxy | None
    rows: agent.Rows


@dataclass(frozen=True)
class Fault:
    name: str
    title: str
    what: str
    begin: Callable[[Place], AbstractContextManager[None]]
    """The fault lasts as long as the block."""
    arguments: tuple[str, ...] = ()
    """The server's."""
    by_proxy: bool = False


@contextmanager
def killed(place: Place) -> Iterator[None]:
    place.server.kill()
    yield
    place.server.restart()


@contextmanager
def emptied(place: Place) -> Iterator[None]:
    place.server.restart()
    yield


@contextmanager
def stopped(place: Place) -> Iterator[None]:
    place.server.pause()
    yield
    place.server.resume()


@contextmanager
def slow(place: Place) -> Iterator[None]:
    assert place.proxy is not None
    place.proxy.delay(SLOW_S)
    yield
    place.proxy.clear()


@contextmanager
def cut(place: Place) -> Iterator[None]:
    assert place.proxy is not None
    proxy, ended = place.proxy, threading.Event()

    def go_on() -> None:
        while not ended.wait(CUT_EVERY_S):
            proxy.reset()

    thread = threading.Thread(target=go_on)
    thread.start()
    yield
    ended.set()
    thread.join()


@contextmanager
def full(place: Place) -> Iterator[None]:
    place.server.ask("CONFIG", "SET", "maxmemory", "1")
    yield
    place.server.ask("CONFIG", "SET", "maxmemory", "0")


@contextmanager
def read_only(place: Place) -> Iterator[None]:
    place.server.ask("REPLICAOF", "127.0.0.1", free_port())
    yield
    place.server.ask("REPLICAOF", "NO", "ONE")


@contextmanager
def loader_fails(place: Place) -> Iterator[None]:
    place.rows.state = agent.FAILING
    yield
    place.rows.state = agent.WELL


@contextmanager
def loader_pauses(place: Place) -> Iterator[None]:
    place.rows.state = agent.PAUSING
    yield
    place.rows.state = agent.WELL


FAULTS = [
    Fault("nothing", "Nothing happens", "For comparison.", lambda _: nullcontext()),
    Fault("killed", "The server is killed, and started again later",
          "It writes each command to its disk, so that it comes back with what it had: also with values whose rows "
          "were changed while it was away.", killed, ("--appendonly", "yes", "--appendfsync", "always")),
    Fault("emptied", "The server restarts empty", "It is away for a moment, and has nothing when it comes back.",
          emptied),
    Fault("stopped", "The server stands still", "Stopped by a signal: connections stand, and nothing is answered.",
          stopped),
    Fault("slow", "The server is slow",
          f"Each answer comes {2 * SLOW_S:g} s after it was asked for, which is longer than the "
          f"{agent.TIMEOUT_S:g} s that all wait for one.", slow, by_proxy=True),
    Fault("cut", "Connections are cut", f"All of them, every {CUT_EVERY_S * 1000:.0f} ms.", cut, by_proxy=True),
    Fault("full", "The server is out of memory", "It evicts nothing, and refuses what would need memory.", full),
    Fault("read-only", "The server is read-only",
          "It has become a replica whose primary is away, as after a failover that its clients have not noticed.",
          read_only),
    Fault("loader-fails", "The loader fails", "The database refuses every read. Writes succeed.", loader_fails),
    Fault("loader-pauses", "Loaders pause for longer than their lease",
          f"One of eight loads reads its row, and comes back {agent.LONG_LOAD_S:g} s later; meanwhile the row is "
          "changed and invalidated.", loader_pauses),
]
BY_NAME = {fault.name: fault for fault in FAULTS}

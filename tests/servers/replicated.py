"""A primary and its replicas, without anything that would replace the one by another."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from .client import until
from .server import Server

# A replica gets its copy at once; by default the server waits some seconds for further replicas.
REPLICATION = ["--repl-diskless-sync", "yes", "--repl-diskless-sync-delay", "0"]

Started = TypeVar("Started", bound=Server)


def start_together(start: Callable[[], Started], count: int) -> list[Started]:
    """That many at once: all of them, or none and an error."""
    with ThreadPoolExecutor(count + 1) as pool:
        starts = [pool.submit(start) for _ in range(count)]
    try:
        return [started.result() for started in starts]
    except BaseException:
        for started in starts:
            if started.exception() is None:
                started.result().stop()
        raise


def info(server: Server, section: str) -> dict[str, str]:
    lines = server.ask("INFO", section).decode().splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line)


def is_linked(replica: Server, primary: Server) -> bool:
    """It follows this primary, and has all of its data."""
    told = info(replica, "replication")
    return told.get("master_port") == str(primary.port) and told["master_link_status"] == "up"


class Replicated:
    """What it takes besides is a Server's: arguments, tls, user, password."""

    def __init__(self, kind: str, replicas: int = 1, *arguments: str, **access: Any) -> None:
        self.primary = Server(kind, *REPLICATION, *arguments, **access)
        follow = [*REPLICATION, "--replicaof", "127.0.0.1", str(self.primary.port)]
        self.replicas: list[Server] = []
        try:
            self.replicas = start_together(lambda: Server(kind, *follow, *arguments, **access), replicas)
            self.await_linked()
        except BaseException:
            self.stop()
            raise

    @property
    def url(self) -> str:
        return self.primary.url

    @property
    def nodes(self) -> list[Server]:
        return [self.primary, *self.replicas]

    def await_linked(self) -> None:
        until(
            lambda: all(is_linked(replica, self.primary) for replica in self.replicas)
            and info(self.primary, "replication")["connected_slaves"] == str(len(self.replicas)),
            "the replicas follow their primary",
        )

    def stop(self) -> None:
        for node in self.nodes:
            node.stop()

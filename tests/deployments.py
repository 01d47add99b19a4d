"""Servers that belong together: a cluster, and a master that a Sentinel watches."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from servers import Connection, ReplyError, Server, binary, free_port

SLOTS = 16384
START_SECONDS = 20.0
MASTERS = 3


def _until(condition: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + START_SECONDS
    while not condition():
        if time.monotonic() > end:
            raise RuntimeError(f"{START_SECONDS} s were not enough until {what}")
        time.sleep(0.02)


class Cluster:
    """Three masters without replicas, which share the slots."""

    def __init__(self, kind: str) -> None:
        self.nodes: list[Server] = []
        try:
            for number in range(MASTERS):
                bus = str(free_port())
                self.nodes.append(Server(kind, "--cluster-enabled", "yes", "--cluster-port", bus))
                first, last = SLOTS * number // MASTERS, SLOTS * (number + 1) // MASTERS - 1
                self.nodes[-1].ask("CLUSTER", "ADDSLOTSRANGE", str(first), str(last))
                self.nodes[0].ask("CLUSTER", "MEET", "127.0.0.1", str(self.nodes[-1].port), bus)
            _until(lambda: all(map(self._is_complete, self.nodes)), "the nodes know each other")
        except BaseException:
            self.stop()
            raise

    @staticmethod
    def _is_complete(node: Server) -> bool:
        told = node.ask("CLUSTER", "INFO")
        return b"cluster_state:ok" in told and b"cluster_size:%d" % MASTERS in told

    @property
    def url(self) -> str:
        return "redis+cluster://" + ",".join(f"127.0.0.1:{node.port}" for node in self.nodes[:2])

    def stop(self) -> None:
        for node in self.nodes:
            node.stop()


class Watched:
    """A master without replicas, and the Sentinel that tells where it is."""

    def __init__(self, kind: str) -> None:
        self.nodes = [Server(kind)]
        self._port = free_port()
        settings = Path(self.nodes[0].directory, "sentinel.conf")
        settings.write_text(f"sentinel monitor master 127.0.0.1 {self.nodes[0].port} 1\n")
        command = [binary(kind), str(settings), "--sentinel", "--port", str(self._port), "--bind", "127.0.0.1"]
        self._sentinel = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        try:
            _until(self._is_told, "the Sentinel knows the master")
        except BaseException:
            self.stop()
            raise

    def _is_told(self) -> bool:
        try:
            with Connection(self._port) as connection:
                return connection.ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "master") is not None
        except (OSError, ReplyError):
            return False

    @property
    def url(self) -> str:
        return f"redis+sentinel://127.0.0.1:{self._port}/master"

    def stop(self) -> None:
        self._sentinel.kill()
        self._sentinel.wait()
        for node in self.nodes:
            node.stop()

"""A primary with replicas and the sentinels that watch it, and put a replica in its place."""

from __future__ import annotations

from typing import Any

from .client import ReplyError, until
from .replicated import Replicated, is_linked, start_together
from .server import Server

FAILOVER_SECONDS = 60.0
# They look and talk more often than they would, and don't mind a machine that is slow; Redis has the command since 7.
HASTE = [
    *("INFO-PERIOD", "500", "PUBLISH-PERIOD", "200", "ASK-PERIOD", "200", "PING-PERIOD", "200"),
    *("MIN-LINK-RECONNECT-PERIOD", "500", "TILT-TRIGGER", "60000"),
]


class Sentinel(Server):
    """Its configuration is a file, into which it writes what it learns."""

    def __init__(self, kind: str, configuration: list[str], **access: Any) -> None:
        self._configuration = configuration
        super().__init__(kind, **access)

    def _command(self) -> list[str]:
        path = self.directory / "sentinel.conf"
        if not path.exists():
            path.write_text("\n".join(self._configuration) + "\n")
        return [self._program, str(path), "--sentinel", *self._ports(), *self.arguments]

    def _start(self) -> None:
        super()._start()
        try:
            self.ask("SENTINEL", "DEBUG", *HASTE)
        except ReplyError as error:
            if "subcommand" not in str(error):
                raise

    def of(self, name: str) -> dict[str, str]:
        """What it knows of the primary of that name."""
        words = [word.decode() for word in self.ask("SENTINEL", "MASTER", name)]
        return dict(zip(words[::2], words[1::2], strict=True))


class SentinelSet:
    """What it takes besides is a Server's: arguments, tls, user, password; the sentinels themselves ask for no
    password, but speak TLS."""

    def __init__(
        self,
        kind: str,
        replicas: int = 1,
        sentinels: int = 3,
        *arguments: str,
        name: str = "main",
        down_after_ms: int = 1000,
        **access: Any,
    ) -> None:
        self.name = name
        self._replicated = Replicated(kind, replicas, *arguments, **access)
        self.sentinels: list[Sentinel] = []
        lines = self._configuration(sentinels // 2 + 1, down_after_ms)
        try:
            self.sentinels = start_together(lambda: Sentinel(kind, lines, tls=access.get("tls")), sentinels)
            self.await_settled()
        except BaseException:
            self.stop()
            raise

    def _configuration(self, quorum: int, down_after_ms: int) -> list[str]:
        name, primary = self.name, self._replicated.primary
        lines = [
            f"sentinel monitor {name} 127.0.0.1 {primary.port} {quorum}",
            f"sentinel down-after-milliseconds {name} {down_after_ms}",
            f"sentinel failover-timeout {name} 3000",
            f"sentinel parallel-syncs {name} 5",
        ]
        if primary.user is not None:
            lines.append(f"sentinel auth-user {name} {primary.user}")
        if primary.password is not None:
            lines.append(f"sentinel auth-pass {name} {primary.password}")
        return lines

    def stop(self) -> None:
        for sentinel in self.sentinels:
            sentinel.stop()
        self._replicated.stop()

    # ---- looking

    @property
    def url(self) -> str:
        primary = self.nodes[0]
        addresses = ",".join(f"127.0.0.1:{sentinel.port}" for sentinel in self.sentinels)
        return f"{primary.scheme}+sentinel://{primary.access}{addresses}/{self.name}/0"

    @property
    def nodes(self) -> list[Server]:
        """All but the sentinels."""
        return self._replicated.nodes

    @property
    def alive(self) -> list[Server]:
        return [node for node in self.nodes if node.is_alive]

    @property
    def primary(self) -> Server:
        """As the sentinels have it."""
        sentinel = next(sentinel for sentinel in self.sentinels if sentinel.is_alive)
        port = int(sentinel.of(self.name)["port"])
        return next(node for node in self.nodes if node.port == port)

    @property
    def replicas(self) -> list[Server]:
        primary = self.primary
        return [node for node in self.alive if node is not primary]

    def await_settled(self, seconds: float = FAILOVER_SECONDS) -> None:
        """All living sentinels know each other and the primary, which works, and its living replicas follow it."""
        until(self._is_settled, "the sentinels agree", seconds)

    def _is_settled(self) -> bool:
        sentinels = [sentinel for sentinel in self.sentinels if sentinel.is_alive]
        try:
            primary, replicas = self.primary, self.replicas
            told = [sentinel.of(self.name) for sentinel in sentinels]
            return (
                primary.is_alive
                and primary.ask("ROLE")[0] == b"master"
                and all(is_linked(replica, primary) for replica in replicas)
                and all(known["port"] == str(primary.port) and known["flags"] == "master" for known in told)
                and all(int(known["num-other-sentinels"]) >= len(sentinels) - 1 for known in told)
                and all(int(known["num-slaves"]) >= len(replicas) for known in told)
            )
        except (ReplyError, OSError):
            return False

    # ---- changing

    def await_failover(self, old: Server) -> Server:
        """The new primary, once the old one has been replaced."""
        until(lambda: self.primary is not old, "a replica becomes the primary", FAILOVER_SECONDS)
        self.await_settled()
        return self.primary

    def failover(self) -> Server:
        """In order, without a failure; returns the new primary."""
        old = self.primary
        self.sentinels[0].ask("SENTINEL", "FAILOVER", self.name)
        return self.await_failover(old)

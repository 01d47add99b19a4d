"""A cluster: real nodes, formed and changed by CLUSTER commands alone.

A node is killed, paused and restarted as any server; restarted, it knows the cluster and has no data.  After any of
these, await_settled() waits for what the others make of it."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

from .client import Connection, ReplyError, until
from .programs import binary
from .replicated import REPLICATION, is_linked, start_together
from .server import Server

SLOTS = 16384
FORM_SECONDS = 60.0
SETTINGS = [
    *("--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf"),
    *("--cluster-replica-validity-factor", "0", "--cluster-allow-replica-migration", "no"),
]

Owners = list[tuple[int, int, int]]  # first slot, last slot, port of the primary


@dataclass(frozen=True)
class Part:
    """What a node does in the cluster: primary, or replica of `primary`."""

    id: str
    primary: str


class Node(Server):
    BUS = 10000
    _id: str | None = None

    @property
    def id(self) -> str:
        if self._id is None:
            self._id = self.ask("CLUSTER", "MYID").decode()
        return self._id

    @property
    def is_primary(self) -> bool:
        return bool(self.ask("ROLE")[0] == b"master")

    def state(self) -> dict[str, str]:
        lines = self.ask("CLUSTER", "INFO").decode().splitlines()
        return dict(line.split(":", 1) for line in lines)

    def parts(self) -> list[Part]:
        """Of all nodes that it holds to be alive."""
        table = [line.split() for line in self.ask("CLUSTER", "NODES").decode().splitlines()]
        alive = [words for words in table if "fail" not in words[2]]
        return [Part(id, "" if primary == "-" else primary) for id, _, _, primary, *_ in alive]

    def part(self) -> Part:
        """Its own, as it sees it."""
        return next(part for part in self.parts() if part.id == self.id)

    def owners(self) -> Owners:
        return sorted((first, last, primary[1]) for first, last, primary, *_ in self.ask("CLUSTER", "SLOTS"))


class SlotMove:
    """One slot goes to another primary in the classical way; between the steps both are asked for its keys."""

    def __init__(self, cluster: Cluster, slot: int, to: Node) -> None:
        self.cluster, self.slot, self.to = cluster, slot, to
        self.source = cluster.primary_of(slot)

    def begin(self) -> None:
        """From here on the source answers ASK for what it has not."""
        self.to.ask("CLUSTER", "SETSLOT", self.slot, "IMPORTING", self.source.id)
        self.source.ask("CLUSTER", "SETSLOT", self.slot, "MIGRATING", self.to.id)

    def move_keys(self, count: int = 100) -> int:
        """At most so many; how many went."""
        with self.source.connect() as source:
            keys = source.ask("CLUSTER", "GETKEYSINSLOT", self.slot, count)
            if keys:
                # REPLACE: a node that was promoted while its primary gave keys away may still have a copy of them
                options = ["REPLACE", *self._access(), "KEYS", *keys]
                source.ask("MIGRATE", "127.0.0.1", self.to.port, "", 0, 10000, *options)
            return len(keys)

    def _access(self) -> list[str]:
        if self.to.password is None:
            return []
        return ["AUTH2", self.to.user, self.to.password] if self.to.user is not None else ["AUTH", self.to.password]

    def finish(self) -> None:
        """The rest of the keys goes and the slot is the other's, which all nodes learn."""
        while self.move_keys():
            pass
        for node in [self.to, self.source, *self.cluster.primaries]:
            node.ask("CLUSTER", "SETSLOT", self.slot, "NODE", self.to.id)
        self.cluster.await_owner(self.slot, self.to)


class Cluster:
    """What it takes besides is a Server's: arguments, tls, user, password."""

    def __init__(
        self,
        kind: str,
        primaries: int = 3,
        replicas: int = 1,
        *arguments: str,
        node_timeout_ms: int = 2000,
        **access: Any,
    ) -> None:
        self.kind, self._access = kind, access
        self._arguments = [*SETTINGS, *REPLICATION, "--cluster-node-timeout", str(node_timeout_ms), *arguments]
        binary(kind)
        self.nodes: list[Node] = []
        try:
            self._start(primaries, replicas)
        except ReplyError:  # on a port of one that has stopped, its former cluster may still come by
            self.stop()
            self._start(primaries, replicas)

    def _start(self, primaries: int, replicas: int) -> None:
        try:
            self.nodes = start_together(self._start_node, primaries * (1 + replicas))
            self._form(self.nodes[:primaries], self.nodes[primaries:])
        except BaseException:
            self.stop()
            raise

    def _start_node(self) -> Node:
        return Node(self.kind, *self._arguments, **self._access)

    def stop(self) -> None:
        for node in self.nodes:
            node.stop()

    # ---- forming

    def _form(self, primaries: list[Node], replicas: list[Node]) -> None:
        bounds = [SLOTS * number // len(primaries) for number in range(len(primaries) + 1)]
        for node, (first, end) in zip(primaries, itertools.pairwise(bounds), strict=True):
            node.ask("CLUSTER", "ADDSLOTS", *range(first, end))
        for number, node in enumerate(self.nodes, 1):
            node.ask("CLUSTER", "SET-CONFIG-EPOCH", number)
        for node, other in itertools.combinations(self.nodes, 2):
            meet(node, other)
        for replica, primary in zip(replicas, itertools.cycle(primaries), strict=False):
            follow(replica, primary)
        self.await_settled()

    def await_settled(self, seconds: float = FORM_SECONDS) -> None:
        """All living nodes work, and agree on who has which slot and who follows whom; the replicas have all data."""
        until(self._is_settled, "all nodes of the cluster agree", seconds)

    def _is_settled(self) -> bool:
        alive = self.alive
        try:
            owners, parts = alive[0].owners(), [node.part() for node in alive]
            return (
                {port for _, _, port in owners} <= {node.port for node in alive}
                and all(node.state()["cluster_state"] == "ok" and node.owners() == owners for node in alive)
                and all(part in table for table in [node.parts() for node in alive] for part in parts)
                and all(is_linked(node, self.node_of(part.primary)) for node, part in zip(alive, parts) if part.primary)
            )
        except (ReplyError, OSError):
            return False

    # ---- looking

    @property
    def url(self) -> str:
        addresses = ",".join(node.url.split("@")[-1].split("//")[-1] for node in self.alive)
        scheme, access = self.nodes[0].scheme, self.nodes[0].access
        return f"{scheme}+cluster://{access}{addresses}"

    @property
    def alive(self) -> list[Node]:
        return [node for node in self.nodes if node.is_alive]

    @property
    def primaries(self) -> list[Node]:
        return [node for node in self.alive if node.is_primary]

    @property
    def replicas(self) -> list[Node]:
        return [node for node in self.alive if not node.is_primary]

    def replicas_of(self, primary: Node) -> list[Node]:
        follows = {part.id for part in primary.parts() if part.primary == primary.id}
        return [node for node in self.alive if node.id in follows]

    def replaced(self, primary: Node) -> bool:
        """The others have another in its place."""
        others = [node for node in self.alive if node is not primary]
        return all(port != primary.port for node in others for _, _, port in node.owners())

    def node_on(self, port: int) -> Node:
        return next(node for node in self.nodes if node.port == port)

    def node_of(self, id: str) -> Node:
        return next(node for node in self.nodes if node.id == id)

    def slot_of(self, key: str | bytes) -> int:
        return int(self.alive[0].ask("CLUSTER", "KEYSLOT", key))

    def primary_of(self, what: str | bytes | int) -> Node:
        """Of a key or a slot, as a living node has it."""
        slot = what if isinstance(what, int) else self.slot_of(what)
        owners = self.alive[0].owners()
        return self.node_on(next(port for first, last, port in owners if first <= slot <= last))

    def connect(self, key: str | bytes) -> Connection:
        """To the primary that has the key."""
        return self.primary_of(key).connect()

    def await_owner(self, slot: int, owner: Node) -> None:
        def knows(node: Node) -> bool:
            return any(first <= slot <= last and port == owner.port for first, last, port in node.owners())

        until(lambda: all(knows(node) for node in self.alive), f"all nodes know that slot {slot} has moved")

    # ---- changing

    def failover(self, primary: Node) -> Node:
        """A replica takes over in order; returns it when all know."""
        replica = self.replicas_of(primary)[0]
        replica.ask("CLUSTER", "FAILOVER")
        until(lambda: replica.is_primary, "the replica takes over")
        self.await_settled()
        return replica

    def move_slot(self, slot: int, to: Node, atomic: bool = False) -> None:
        """With its keys, and all nodes know; atomic: by CLUSTER MIGRATESLOTS, which Valkey has since 9."""
        if atomic:
            self.move_range(slot, slot, to)
            return
        move = SlotMove(self, slot, to)
        if move.source is not to:
            move.begin()
            move.finish()

    def move_range(self, first: int, last: int, to: Node) -> None:
        """Atomically; all slots have the same primary."""
        source = self.primary_of(first)
        if source is to:
            return
        source.ask("CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", first, last, "NODE", to.id)

        def is_done() -> bool:
            newest = dict(zip(*[iter(source.ask("CLUSTER", "GETSLOTMIGRATIONS")[0])] * 2, strict=True))
            assert newest[b"state"] not in (b"failed", b"canceled"), newest
            return bool(newest[b"state"] == b"success")

        until(is_done, f"slots {first} to {last} have moved")
        for slot in range(first, last + 1):
            self.await_owner(slot, to)

    def add_node(self, replica_of: Node | None = None) -> Node:
        """A primary without slots, or a replica."""
        node = self._start_node()
        for other in self.alive:
            meet(node, other)
        self.nodes.append(node)
        if replica_of is not None:
            follow(node, replica_of)
        self.await_settled()
        return node

    def remove_node(self, node: Node) -> None:
        """A replica, or a primary that has no slots."""
        owned = [(first, last) for first, last, port in self.alive[0].owners() if port == node.port]
        if owned:
            raise ValueError(f"port {node.port} still has the slots {owned}: move them first")
        identity = node.id
        self.nodes.remove(node)
        node.stop()
        for other in self.alive:
            other.ask("CLUSTER", "FORGET", identity)
        self.await_settled()


def meet(node: Node, other: Node) -> None:
    node.ask("CLUSTER", "MEET", "127.0.0.1", other.port)


def follow(replica: Node, primary: Node) -> None:
    until(lambda: Part(primary.id, "") in replica.parts(), "the replica has met its primary")
    replica.ask("CLUSTER", "REPLICATE", primary.id)

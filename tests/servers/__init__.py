"""Servers for tests: real ones, each on a free port of 127.0.0.1, started and stopped by their process id."""

from .certificates import Certificates, Pair
from .client import DEADLINE_S, Connection, ReplyError, until
from .cluster import Cluster, Node, SlotMove
from .programs import KINDS, Missing, binary, free_port
from .replicated import Replicated
from .sentinel import Sentinel, SentinelSet
from .server import Server, running, stop_all

__all__ = [
    "DEADLINE_S",
    "KINDS",
    "Certificates",
    "Cluster",
    "Connection",
    "Missing",
    "Node",
    "Pair",
    "Replicated",
    "ReplyError",
    "Sentinel",
    "SentinelSet",
    "Server",
    "SlotMove",
    "binary",
    "free_port",
    "running",
    "stop_all",
    "until",
]

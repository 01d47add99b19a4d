"""What is done to a server and to the connections to it, while others rely on them."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from faults.proxy import Proxy
from load.truth import Truth
from servers import Server

AWAY_S = 1.0
STILL_S = 1.5  # more than op_timeout, so that connections count as dead
BAD_WEATHER_S = 1.0


class Faults:
    """Each is a method; when it returns, all is well again, but for what clients make of it."""

    def __init__(self, server: Server, proxy: Proxy, seed: int) -> None:
        self._server, self._proxy, self._chance = server, proxy, random.Random(seed)

    def all(self) -> dict[str, Callable[[], None]]:
        return {
            "killed, and back at once": self._server.restart,
            "killed, and away for a while": self._away,
            "standing still": self._still,
            "flushed": lambda: self._server.ask("FLUSHALL"),
            "emptied by eviction": self._evict,
            "clients killed": self._kill_clients,
            "connections reset": self._proxy.reset,
            "replies cut": self._cut,
            "a black hole": lambda: self._weather(self._proxy.swallow),
            "slow": lambda: self._weather(lambda: self._proxy.delay(0.05)),
            "dripping": lambda: self._weather(lambda: self._proxy.drip(self._chance.randint(1, 40), 0.001)),
            "nobody listens": lambda: self._weather(self._proxy.refuse),
        }

    def draw(self) -> str:
        return self._chance.choice(list(self.all()))

    def strike(self, name: str, truth: Truth) -> None:
        with truth.outage(name):
            self.all()[name]()

    def _away(self) -> None:
        self._server.kill()
        time.sleep(AWAY_S)
        self._server.restart()

    def _still(self) -> None:
        self._server.pause()
        time.sleep(STILL_S)
        self._server.resume()

    def _evict(self) -> None:
        with self._server.connect() as connection:
            connection.ask("CONFIG", "SET", "maxmemory-policy", "allkeys-random")
            connection.ask("CONFIG", "SET", "maxmemory", "1")
            connection.ask("CONFIG", "SET", "maxmemory", "0")

    def _kill_clients(self) -> None:
        for _ in range(self._chance.randint(1, 3)):
            self._server.ask("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")

    def _cut(self) -> None:
        self._proxy.cut(self._chance.randint(0, 2000))

    def _weather(self, begin: Callable[[], None]) -> None:
        begin()
        time.sleep(BAD_WEATHER_S)
        self._proxy.clear()

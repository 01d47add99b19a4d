"""A TCP proxy whose weather we make: latency, drips, black holes, connections that are cut in the middle of a reply."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Callable
from typing import Any

CHUNK = 1 << 16
STEP_SECONDS = 10.0


class Proxy:
    """In front of a port of 127.0.0.1; clear() ends whatever was begun.  Open connections have the same weather."""

    def __init__(self, upstream: int) -> None:
        self._upstream = upstream
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._connections: set[_Connection] = set()
        self.accepted = 0
        self._listener: asyncio.Server | None = None
        self.port = 0
        self._clear()
        self._on_loop(self._listen)

    def __enter__(self) -> Proxy:
        return self

    def __exit__(self, *failure: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def lead_to(self, upstream: int) -> None:
        """Connections made from now on go to that port; those that stand stay as they are."""
        self._upstream = upstream

    # ---- the weather

    def delay(self, seconds: float) -> None:
        """Everything takes that long, each way."""
        self._set(seconds=seconds)

    def drip(self, size: int, seconds: float) -> None:
        """Replies come in pieces of that size, so many seconds apart."""
        self._set(drop_size=size, drop_seconds=seconds)

    def swallow(self) -> None:
        """Nothing passes any more, though connections are accepted; after clear() it all does."""
        self._on_loop(self._flows.clear)

    def cut(self, after: int) -> None:
        """So many bytes of replies pass; then the connection that more of them come on is reset.  Once."""
        self._set(left=after)

    def reset(self) -> None:
        """All connections, now."""
        self._on_loop(self._reset)

    def refuse(self) -> None:
        """Resets all connections, and nobody listens any more."""
        self._on_loop(self._stop_listening)
        self.reset()

    def clear(self) -> None:
        self._on_loop(self._clear)
        self._on_loop(self._listen)

    def stop(self) -> None:
        self.refuse()
        self._on_loop(self._end_tasks)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(STEP_SECONDS)
        self._loop.close()

    # ---- on the loop's thread

    def _on_loop(self, what: Callable[[], Any]) -> None:
        async def do() -> None:
            done = what()
            if asyncio.iscoroutine(done):
                await done

        asyncio.run_coroutine_threadsafe(do(), self._loop).result(STEP_SECONDS)

    def _set(self, **values: float | None) -> None:
        self._on_loop(lambda: self.__dict__.update(values))

    def _clear(self) -> None:
        self.seconds, self.drop_size, self.drop_seconds = 0.0, CHUNK, 0.0
        self.left: int | None = None
        self._flows = getattr(self, "_flows", None) or asyncio.Event()
        self._flows.set()

    async def _listen(self) -> None:
        if self._listener is None:
            self._listener = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
            self.port = self._listener.sockets[0].getsockname()[1]

    def _stop_listening(self) -> None:
        if self._listener is not None:
            self._listener.close()
        self._listener = None

    def _reset(self) -> None:
        for connection in list(self._connections):
            connection.reset()

    async def _end_tasks(self) -> None:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        try:
            upstream = await asyncio.open_connection("127.0.0.1", self._upstream)
        except OSError:
            writer.close()
            return
        connection = _Connection(self, (reader, writer), upstream)
        self._connections.add(connection)
        with contextlib.suppress(asyncio.CancelledError):  # of a connection's own task nobody would take it
            await connection.run()
        self._connections.discard(connection)

    async def flows(self) -> None:
        await self._flows.wait()


Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Line = asyncio.Queue[tuple[float, bytes]]


class _Connection:
    def __init__(self, proxy: Proxy, client: Ends, server: Ends) -> None:
        self._proxy, self._client, self._server = proxy, client, server

    async def run(self) -> None:
        """Until one end closes; the other is closed then."""
        ways = [
            asyncio.ensure_future(self._pass(self._client[0], self._server[1], False)),
            asyncio.ensure_future(self._pass(self._server[0], self._client[1], True)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            for _, writer in (self._client, self._server):
                writer.close()

    def reset(self) -> None:
        for _, writer in (self._client, self._server):
            plain: socket.socket = writer.get_extra_info("socket")
            with contextlib.suppress(OSError):
                plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, replies: bool) -> None:
        """What comes is put into a line with the time when it is due, so that latency costs no throughput."""
        line: Line = asyncio.Queue(1024)
        sending = asyncio.ensure_future(self._send(line, writer, replies))
        try:
            while data := await reader.read(CHUNK):
                await line.put((self._proxy._loop.time() + self._proxy.seconds, data))
            await line.put((0.0, b""))
            await sending
        except OSError:
            pass
        finally:
            sending.cancel()

    async def _send(self, line: Line, writer: asyncio.StreamWriter, replies: bool) -> None:
        proxy = self._proxy
        while True:
            due, data = await line.get()
            if not data:
                return
            await asyncio.sleep(max(0.0, due - proxy._loop.time()))
            await proxy.flows()
            if replies and proxy.left is not None:
                data, proxy.left = data[: proxy.left], proxy.left - len(data)
            size = proxy.drop_size if replies else CHUNK
            for at in range(0, len(data), size):
                writer.write(data[at : at + size])
                await writer.drain()
                if at + size < len(data):
                    await asyncio.sleep(proxy.drop_seconds)
            if replies and proxy.left is not None and proxy.left < 0:
                proxy.left = None
                self.reset()
                return

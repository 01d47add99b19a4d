"""One server: a real one on a free port of 127.0.0.1, started and stopped by its process id."""

from __future__ import annotations

import atexit
import shutil
import signal
import ssl
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from .certificates import Certificates
from .client import Connection, ReplyError, until
from .programs import binary, free_port

START_SECONDS = 20.0
START_ATTEMPTS = 5  # a port that was free may be another's by the time that the server wants it

# Every one that was started and not yet stopped.
running: list[Server] = []


def stop_all() -> None:
    while running:
        running[-1].stop()


atexit.register(stop_all)


class Server:
    """Runs until stop() or kill(); `arguments` are the server's own, as in Server("redis7", "--maxmemory", "1mb").

    tls: certificates; it then speaks TLS and nothing else.  password: alone, or of `user` beside whom nobody may
    log in."""

    BUS = 0  # of a cluster: that many ports above its own

    def __init__(
        self,
        kind: str,
        *arguments: str,
        tls: Certificates | None = None,
        user: str | None = None,
        password: str | None = None,
    ) -> None:
        self.kind, self.tls, self.user, self.password = kind, tls, user, password
        self.arguments = [*self._access_arguments(), *arguments]
        self._program = self._find_program()
        self.directory = Path(tempfile.mkdtemp(prefix="resilicache-server-"))
        running.append(self)
        try:
            self._start_somewhere()
        except BaseException:
            self.stop()
            raise

    def _find_program(self) -> str:
        return binary(self.kind)

    def _access_arguments(self) -> list[str]:
        arguments = [] if self.tls is None else self.tls.server_arguments()
        if self.user is not None:
            arguments += ["--user", self.user, "on", f">{self.password}", "~*", "&*", "+@all"]
            arguments += ["--user", "default", "off", "--masteruser", self.user]
        elif self.password is not None:
            arguments += ["--requirepass", self.password]
        if self.password is not None:
            arguments += ["--masterauth", self.password]
        return arguments

    @property
    def scheme(self) -> str:
        return "redis" if self.tls is None else "rediss"

    @property
    def access(self) -> str:
        """What stands before the host in a URL."""
        return f"{self.user or ''}:{self.password}@" if self.password is not None else ""

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.access}127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    @property
    def log(self) -> str:
        """What it has printed, since its first start; nothing once it is stopped, which another thread may do."""
        try:
            return (self.directory / "log").read_text(errors="replace")
        except FileNotFoundError:
            return ""

    # ---- its life

    def _start_somewhere(self) -> None:
        for attempt in range(1, START_ATTEMPTS + 1):
            self.port = free_port(self.BUS)
            try:
                self._start()
                return
            except RuntimeError as error:
                if attempt == START_ATTEMPTS or "in use" not in str(error):
                    raise

    def _ports(self) -> list[str]:
        ports = ["--port", str(self.port)] if self.tls is None else ["--port", "0", "--tls-port", str(self.port)]
        return [*ports, "--bind", "127.0.0.1"]

    def _command(self) -> list[str]:
        return [self._program, *self._ports(), "--save", "", "--appendonly", "no", *self.arguments]

    def _start(self) -> None:
        with open(self.directory / "log", "ab") as log:
            self._process = subprocess.Popen(
                self._command(), cwd=self.directory, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        until(lambda: self._process.poll() is not None or self._answers(), f"{self.kind} answers", START_SECONDS)
        if self._process.poll() is not None:
            code = self._process.returncode
            raise RuntimeError(f"{self.kind} ended with exit code {code}: {self._command()}\n{self.log}")

    def _answers(self) -> bool:
        """Also where it asks for a password or a certificate: or has a bad one: whoever says anything is up."""
        try:
            with self.connect() as connection:
                return isinstance(connection.ask("PING"), bytes)
        except ReplyError as error:
            return error.code != "LOADING"
        except ssl.SSLCertVerificationError:
            return True
        except OSError:
            return False

    def stop(self) -> None:
        """Ends it in order."""
        if self in running:
            running.remove(self)
        self._end(signal.SIGTERM)
        shutil.rmtree(self.directory, ignore_errors=True)

    def kill(self) -> None:
        """Ends it at once, as a crash would."""
        self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> None:
        process = getattr(self, "_process", None)
        if process is None:
            return
        if process.poll() is None:
            self.resume()
            process.send_signal(number)
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def pause(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def restart(self) -> None:
        """The same port, and nothing left of what was stored."""
        self.kill()
        self._start()

    # ---- talking to it

    def connect(self) -> Connection:
        """One that has logged in, and shows the client's certificate where there are some."""
        context = None if self.tls is None else self.tls.context(self.tls.client)
        connection = Connection(self.port, context)
        try:
            if self.password is not None:
                connection.ask("AUTH", *([self.user] if self.user is not None else []), self.password)
        except BaseException:
            connection.close()
            raise
        return connection

    def ask(self, *words: str | bytes | int) -> Any:
        with self.connect() as connection:
            return connection.ask(*words)

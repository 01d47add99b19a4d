"""A PostgreSQL with wal2json, in a directory of its own, reached by a socket there."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import psycopg

from servers import Missing, until

START_SECONDS = 60.0
SETTINGS = {"listen_addresses": "", "wal_level": "logical", "fsync": "off", "max_replication_slots": "20"}


def programs() -> Path:
    """Where they are, of the newest version that has wal2json."""
    found = [path for path in Path("/usr/lib/postgresql").glob("*") if (path / "lib/wal2json.so").exists()]
    if not found:
        raise Missing("no PostgreSQL with wal2json: apt install postgresql postgresql-15-wal2json")
    return max(found, key=lambda path: int(path.name)) / "bin"


class PostgreSQL:
    """Runs until stop(), as the user postgres where we are root, whom it refuses."""

    def __init__(self) -> None:
        self.programs = programs()
        self.directory = Path(tempfile.mkdtemp(prefix="resilicache-postgresql-"))
        self._user = "postgres" if os.geteuid() == 0 else None
        if self._user is not None:
            shutil.chown(self.directory, self._user, self._user)
        self.directory.chmod(0o755)
        self._process: subprocess.Popen[bytes] | None = None
        try:
            data = str(self.directory / "data")
            self._popen("initdb", "--auth=trust", "--no-sync", "--username=postgres", "--encoding=UTF8",
                        "--locale=C", data).wait(timeout=START_SECONDS)  # fmt: skip
            settings = [f"--{name}={value}" for name, value in SETTINGS.items()]
            self._process = self._popen("postgres", "-D", data, "-k", str(self.directory), *settings)
            until(self._answers, "PostgreSQL answers", START_SECONDS)
        except BaseException:
            self.stop()
            raise

    def _popen(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        with open(self.directory / "log", "ab") as log:
            return subprocess.Popen(
                [self.programs / program, *arguments],
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                user=self._user,
                group=self._user,
                extra_groups=[] if self._user is not None else None,
            )

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log
        try:
            self.connect().close()
            return True
        except psycopg.OperationalError:
            return False

    @property
    def log(self) -> str:
        return (self.directory / "log").read_text(errors="replace")

    @property
    def environment(self) -> dict[str, str]:
        """With it, psql and its like find it."""
        return {"PGHOST": str(self.directory), "PGUSER": "postgres", "PGDATABASE": "postgres"}

    @property
    def conninfo(self) -> str:
        return f"host={self.directory} user=postgres dbname=postgres"

    def connect(self) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(self.conninfo, autocommit=True)

    def ask(self, query: str) -> list[tuple[object, ...]]:
        with self.connect() as connection:
            cursor = connection.execute(query.encode())
            return cursor.fetchall() if cursor.description is not None else []

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self._process.send_signal(signal.SIGQUIT)
                self._process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)

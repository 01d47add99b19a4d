"""A real nginx with Lua, on a free port, which runs the Lua code that it is sent."""

from __future__ import annotations

import contextlib
import http.client
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from servers import free_port

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BUILD = Path(os.environ.get("RCACHE_BUILD", ROOT / "build/release"))
MODULES = Path("/usr/lib/nginx/modules")
WAIT_SECONDS = 30.0

CONFIGURATION = """
{user}
load_module {modules}/ndk_http_module.so;
load_module {modules}/ngx_http_lua_module.so;
worker_processes {workers};
daemon off;
pid nginx.pid;
error_log error.log notice;
events {{ worker_connections 2048; }}
http {{
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    client_max_body_size 8m;
    client_body_buffer_size 8m;
    keepalive_requests 10000000;
    lua_package_path "{lua}/?.lua;{here}/?.lua;{here}/../lua/?.lua;;";
    lua_package_cpath "{build}/?.so;;";
    lua_socket_buffer_size 64k;
    lua_socket_log_errors off;
    lua_shared_dict counters 1m;
{http}
    server {{
        listen 127.0.0.1:{port};
        location = /pid {{ content_by_lua_block {{ ngx.print(ngx.worker.pid()) }} }}
        location = /run {{ content_by_lua_block {{ require("runner").content() }} }}
        location = /internal {{ content_by_lua_block {{ ngx.print "from a subrequest" }} }}
{server}
    }}
}}
"""


class LuaError(Exception):
    """What the code raised."""


def need_nginx() -> None:
    if not (MODULES / "ngx_http_lua_module.so").exists():
        pytest.skip("no nginx with Lua: apt install nginx libnginx-mod-http-lua")


def wait_until(condition: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < end, f"not within {WAIT_SECONDS} s: {what}"
        time.sleep(0.01)


def is_alive(pid: int) -> bool:
    try:
        return not Path(f"/proc/{pid}/stat").read_text().split(") ")[1].startswith("Z")
    except FileNotFoundError:
        return False


def request(
    port: int, path: str, body: str | None = None, timeout_seconds: float = WAIT_SECONDS
) -> tuple[int, bytes]:
    """The status and what is answered; a POST if there is a body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_seconds)
    try:
        connection.request("POST" if body is not None else "GET", path, body)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


class Nginx:
    """`http` and `server` are lines for these blocks of its configuration; `cache` the arguments of resty's new."""

    def __init__(self, cache: str, *, workers: int = 1, http: str = "", server: str = "") -> None:
        need_nginx()
        self.port = free_port()
        self.directory = Path(tempfile.mkdtemp(prefix="resilicache-nginx-"))
        patient = 'op_timeout = "5s", connect_timeout = "5s"'  # this machine has other things to do
        init = f'init_by_lua_block {{ cache = assert(require("resty.resilicache").new {{ {patient}, {cache} }}) }}'
        text = CONFIGURATION.format(
            user="user root;" if os.geteuid() == 0 else "",
            modules=MODULES,
            workers=workers,
            http=f"{init if cache else ''}\n{http}",
            server=server,
            lua=ROOT / "bindings/lua/lib",
            here=HERE,
            build=BUILD,
            port=self.port,
        )
        (self.directory / "nginx.conf").write_text(text)
        with (self.directory / "stderr").open("wb") as errors:
            self.process = subprocess.Popen(
                ["nginx", "-p", str(self.directory), "-c", "nginx.conf", "-e", "error.log"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
            )
        try:
            wait_until(self._answers, f"nginx answers\n{self.log()}")
        except BaseException:
            self.stop()
            raise

    def _answers(self) -> bool:
        assert self.process.poll() is None, f"nginx has ended\n{self.log()}"
        try:
            self.request("/pid")
        except OSError:
            return False
        return True

    def log(self) -> str:
        names = ("stderr", "error.log")
        if not self.directory.exists():
            return self.last_log
        return "\n".join((self.directory / name).read_text() for name in names if (self.directory / name).exists())

    def request(self, path: str, body: str | None = None) -> tuple[int, bytes]:
        return request(self.port, path, body)

    def get(self, path: str) -> str:
        status, text = self.request(path)
        assert status == 200, f"{path}: {status} {text.decode(errors='replace')}\n{self.log()}"
        return text.decode()

    def run(self, code: str, timeout_seconds: float = WAIT_SECONDS) -> str:
        """What the code returns, as texts with blanks between them."""
        status, text = request(self.port, "/run", code, timeout_seconds)
        if status != 200:
            raise LuaError(f"{text.decode(errors='replace')}\n{self.log()}")
        return text.decode()

    def workers(self) -> set[int]:
        """The processes of the master's workers that live."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return {int(child) for child in children if is_alive(int(child))}

    def reload(self) -> None:
        self.process.send_signal(signal.SIGHUP)

    def quit(self) -> float:
        """Ends it as `nginx -s quit` does: in order.  Returns how long that took."""
        begin = time.monotonic()
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait(timeout=WAIT_SECONDS)
        return time.monotonic() - begin

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=WAIT_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.last_log = self.log()
        shutil.rmtree(self.directory, ignore_errors=True)

    def complaints(self) -> list[str]:
        """What it wrote at level error and above, but for what it writes whenever these things are done on purpose."""
        levels = ("[error]", "[crit]", "[alert]", "[emerg]")
        lines = [line for line in self.log().splitlines() if any(level in line for level in levels)]
        on_purpose = ("lua_code_cache is off", "Connection reset by peer")
        return [line for line in lines if not any(words in line for words in on_purpose)]


@contextlib.contextmanager
def nginx(cache: str, **more: object) -> Iterator[Nginx]:
    """One that has to have nothing to complain about in the end."""
    running = Nginx(cache, **more)  # type: ignore[arg-type]
    try:
        yield running
    finally:
        running.stop()
    complaints = running.complaints()
    assert not complaints, "\n".join(complaints)

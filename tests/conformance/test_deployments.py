"""The conformance cases, played by the command on servers of every make and by every way that leads there."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from test_conformance import conform

from servers import Certificates, Cluster, SentinelSet, Server

Deployment = tuple["Server | Cluster | SentinelSet", str]
"""What runs, and the URL that leads there."""
Plays = dict[str, "Future[subprocess.CompletedProcess[str]]"]

AT_ONCE = 3


@pytest.fixture(scope="module")
def certificates() -> Iterator[Certificates]:
    made = Certificates()
    yield made
    made.remove()


def with_unix_socket(_: Certificates) -> Deployment:
    server = Server("redis7", "--unixsocket", "socket")
    return server, f"unix://{server.directory}/socket"


def with_database(_: Certificates) -> Deployment:
    server = Server("redis7")
    return server, f"{server.url}/5"


def with_acl_user(_: Certificates) -> Deployment:
    server = Server("redis7", user="app", password="secret")
    return server, server.url


def with_tls(certificates: Certificates) -> Deployment:
    server = Server("redis7", tls=certificates)
    return server, f"{server.url}?tls_ca_file={certificates.authority}"


def with_client_certificate(certificates: Certificates) -> Deployment:
    server = Server("redis7", "--tls-auth-clients", "optional", tls=certificates)
    server.ask("CONFIG", "SET", "tls-auth-clients", "yes")
    client = certificates.client
    shown = f"tls_certificate={client.certificate}&tls_key={client.key}"
    return server, f"{server.url}?tls_ca_file={certificates.authority}&{shown}"


def as_cluster(kind: str) -> Callable[[Certificates], Deployment]:
    def start(_: Certificates) -> Deployment:
        cluster = Cluster(kind, primaries=3, replicas=1)
        return cluster, cluster.url

    return start


def as_cluster_with_tls(certificates: Certificates) -> Deployment:
    cluster = Cluster("redis7", primaries=3, replicas=0, tls=certificates)
    return cluster, f"{cluster.url}?tls_ca_file={certificates.authority}"


def as_sentinel_set(_: Certificates) -> Deployment:
    sentinels = SentinelSet("valkey9", replicas=1)
    return sentinels, sentinels.url


DEPLOYMENTS = {
    "unix socket": with_unix_socket,
    "database": with_database,
    "ACL user": with_acl_user,
    "TLS": with_tls,
    "client certificate": with_client_certificate,
    "cluster of Redis": as_cluster("redis7"),
    "cluster of Valkey": as_cluster("valkey9"),
    "cluster with TLS": as_cluster_with_tls,
    "Sentinel set of Valkey": as_sentinel_set,
}


def play(name: str, certificates: Certificates) -> subprocess.CompletedProcess[str]:
    running, url = DEPLOYMENTS[name](certificates)
    try:
        return conform(url)
    finally:
        running.stop()


@pytest.fixture(scope="module")
def plays(request: pytest.FixtureRequest, certificates: Certificates) -> Iterator[Plays]:
    """Some at once: they spend their time waiting."""
    calls = [item.callspec.params for item in request.session.items if hasattr(item, "callspec")]
    wanted = [call["deployment"] for call in calls if "deployment" in call]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {name: pool.submit(play, name, certificates) for name in wanted}


@pytest.mark.parametrize("deployment", DEPLOYMENTS)
def test_the_command_plays_them_all(deployment: str, plays: Plays) -> None:
    done = plays[deployment].result()
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 failed, " in done.stdout.splitlines()[-1]

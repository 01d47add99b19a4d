"""Caches over TLS, on real servers: whom they believe, what they say when they don't, and what happens meanwhile."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

import resilicache
from secured import PATIENT, SecuredServer, eventually, refusal
from servers import Certificates, Pair, Server, binary, free_port, until

Secured = Callable[..., SecuredServer]


@pytest.mark.parametrize("scheme", ["rediss", "valkeys"])
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_values_come_back_from_a_server_that_is_trusted(secured: Secured, scheme: str, host: str) -> None:
    with resilicache.Cache(secured().address(host, scheme)) as cache:
        assert cache.fetch("k", ttl=10, loader=lambda: b"v") == b"v"
        assert cache.get("k") == b"v"
        cache.invalidate("k")
        assert cache.fetch("k", ttl=10, loader=lambda: b"w", strong=True) == b"w"


def test_large_values_and_many_travel_both_ways(secured: Secured) -> None:
    large = bytes(range(256)) * 50000
    small = {f"k{number}": b"%d" % number * 100 for number in range(3000)}
    with resilicache.Cache(secured().address()) as cache:
        cache.set("large", large, ttl=60)
        assert cache.get("large") == large
        assert cache.fetch_batch(small, ttl=60, loader=lambda keys: {key: small[key] for key in keys}) == small
        assert cache.fetch_batch(small, ttl=60, loader=lambda keys: {}) == small


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("foreign", {}, "of a CA that is not trusted here; tls_ca_file names one that is"),
        ("server", {"tls_ca_file": ""}, "of a CA that is not trusted here"),
        ("expired", {}, "has expired"),
        ("elsewhere", {}, "is for another host; tls_server_name says which name to expect"),
        ("server", {"tls_server_name": "elsewhere.example"}, "is for another host"),
    ],
)
def test_a_server_that_is_not_trusted_is_refused(
    secured: Secured, certificates: Certificates, name: str, options: dict[str, str], words: str
) -> None:
    server = secured(getattr(certificates, name))
    with resilicache.Cache(server.address(**options)) as cache:
        error = refusal(lambda: cache.get("k"))
        assert isinstance(error, resilicache.UnavailableError)
        assert f"localhost:{server.port}: " in str(error) and words in str(error)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("foreign", {"tls_verify": "no"}),
        ("expired", {"tls_verify": "no"}),
        ("elsewhere", {"tls_server_name": "elsewhere.example"}),
    ],
)
def test_options_say_what_else_to_trust(
    secured: Secured, certificates: Certificates, name: str, options: dict[str, str]
) -> None:
    with resilicache.Cache(secured(getattr(certificates, name)).address(**options)) as cache:
        assert cache.fetch("k", ttl=10, loader=lambda: b"v") == b"v"


def test_a_directory_of_cas_is_trusted(secured: Secured, certificates: Certificates, tmp_path: Path) -> None:
    shutil.copy(certificates.authority, tmp_path / "ca.pem")
    subprocess.run(["openssl", "rehash", tmp_path], check=True, timeout=60)
    with resilicache.Cache(secured().address(tls_ca_file="", tls_ca_dir=tmp_path)) as cache:
        assert cache.get("k") is None


def joined(pair: Pair) -> bytes:
    return Path(pair.certificate).read_bytes() + Path(pair.key).read_bytes()


def test_a_server_may_want_a_certificate_of_its_clients(
    secured: Secured, certificates: Certificates, tmp_path: Path
) -> None:
    server = secured(clients="yes")

    def shown(pair: Pair) -> dict[str, str]:
        return {"tls_certificate": pair.certificate, "tls_key": pair.key}

    with resilicache.Cache(server.address()) as cache:
        assert "set tls_certificate and tls_key" in str(refusal(lambda: cache.get("k")))
    with resilicache.Cache(server.address(**shown(certificates.foreign))) as cache:
        assert "does not trust the CA of tls_certificate" in str(refusal(lambda: cache.get("k")))
    with resilicache.Cache(server.address(**shown(certificates.client))) as cache:
        assert cache.get("k") is None
    both = tmp_path / "both.pem"
    both.write_bytes(joined(certificates.client))
    with resilicache.Cache(server.address(tls_certificate=both)) as cache:
        assert cache.get("k") is None


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"tls_ca_file": "/nowhere/ca.pem"}, "'tls_ca_file' is '/nowhere/ca.pem': No such file or directory"),
        ({"tls_ca_dir": "/nowhere"}, "'tls_ca_dir' is '/nowhere': No such file"),
        ({"tls_ca_file": "{server.key}"}, "which holds no certificates in PEM"),
        ({"tls_certificate": "{server.key}"}, "which holds no certificate in PEM"),
        (
            {"tls_certificate": "{client.certificate}", "tls_key": "{server.key}"},
            "which holds no key of the certificate, in PEM and without a passphrase: key values mismatch",
        ),
        ({"tls_certificate": "{client.certificate}"}, "which holds no key of the certificate"),
    ],
)
def test_a_file_that_is_none_is_named(
    secured: Secured, certificates: Certificates, options: dict[str, str], words: str
) -> None:
    pairs = {"client": certificates.client, "server": certificates.server}
    chosen = {name: value.format(**pairs) for name, value in options.items()}
    with resilicache.Cache(secured().address(**chosen)) as cache:
        error = refusal(lambda: cache.get("k"))
        assert isinstance(error, resilicache.InvalidError) and words in str(error)


def test_a_key_with_a_passphrase_asks_for_none(secured: Secured, certificates: Certificates, tmp_path: Path) -> None:
    locked = tmp_path / "locked.key"
    subprocess.run(
        ["openssl", "pkcs8", "-topk8", "-in", certificates.client.key, "-out", locked, "-passout", "pass:secret"],
        check=True,
        timeout=60,
    )
    options = {"tls_certificate": certificates.client.certificate, "tls_key": locked}
    with resilicache.Cache(secured().address(**options)) as cache:
        assert "without a passphrase" in str(refusal(lambda: cache.get("k")))


def test_a_server_without_tls_is_told_by_its_address(server: Server) -> None:
    with resilicache.Cache(f"rediss://localhost:{server.port}?connect_timeout=300ms") as cache:
        message = str(refusal(lambda: cache.get("k")))
        assert f"localhost:{server.port}: " in message and "redis://" in message


def test_a_server_with_tls_is_told_to_whoever_speaks_none(secured: Secured) -> None:
    server = secured()
    with resilicache.Cache(f"redis://localhost:{server.port}", **PATIENT) as cache:
        message = str(refusal(lambda: cache.get("k")))
        assert f"localhost:{server.port}: " in message and "write rediss://" in message


def test_the_server_changes_its_certificate(secured: Secured, certificates: Certificates, tmp_path: Path) -> None:
    trusted, later = tmp_path / "ca.pem", Certificates()
    trusted.write_bytes(Path(certificates.authority).read_bytes() + Path(later.authority).read_bytes())
    server = secured()
    with resilicache.Cache(server.address(tls_ca_file=trusted)) as cache:
        cache.set("k", b"v", ttl=60)
        server.show(later.server)
        assert cache.get("k") == b"v"
        server.cut_off()
        assert eventually(lambda: cache.get("k")) == b"v"
    later.remove()


def test_a_new_ca_counts_for_the_next_connection(secured: Secured, certificates: Certificates, tmp_path: Path) -> None:
    trusted, later = tmp_path / "ca.pem", Certificates()
    shutil.copy(certificates.authority, trusted)
    server = secured()
    with resilicache.Cache(server.address(tls_ca_file=trusted)) as cache:
        cache.set("k", b"v", ttl=60)
        server.show(later.server)
        server.cut_off()
        assert "CA that is not trusted" in str(refusal(lambda: cache.get("k")))
        shutil.copy(later.authority, tmp_path / "new")
        (tmp_path / "new").rename(trusted)
        assert eventually(lambda: cache.get("k")) == b"v"
    later.remove()


def test_a_new_client_certificate_counts_for_the_next_connection(
    secured: Secured, certificates: Certificates, tmp_path: Path
) -> None:
    def show(pair: Pair) -> None:
        (tmp_path / "new").write_bytes(joined(pair))
        (tmp_path / "new").rename(tmp_path / "own.pem")

    show(certificates.foreign)
    with resilicache.Cache(secured(clients="yes").address(tls_certificate=tmp_path / "own.pem")) as cache:
        assert "does not trust" in str(refusal(lambda: cache.get("k")))
        show(certificates.client)
        assert eventually(lambda: cache.get("k")) is None


def test_a_cluster_is_reached_by_tls(secured: Secured) -> None:
    server = secured(None, "--cluster-enabled", "yes", "--cluster-port", str(free_port()))
    server.ask("CLUSTER", "ADDSLOTSRANGE", "0", "16383")
    with resilicache.Cache(server.address(scheme="rediss+cluster")) as cache:
        values = {f"k{number}": b"v" for number in range(50)}
        assert eventually(lambda: cache.fetch_batch(values, ttl=60, loader=lambda keys: values)) == values
        assert cache.get("k1") == b"v"


def test_sentinels_and_their_master_are_reached_by_tls(
    secured: Secured, certificates: Certificates, tmp_path: Path
) -> None:
    master = secured()
    port = free_port()
    configuration = tmp_path / "sentinel.conf"
    configuration.write_text(
        f"port 0\ntls-port {port}\nbind 127.0.0.1\ntls-replication yes\ntls-auth-clients no\ndir {tmp_path}\n"
        f"tls-cert-file {certificates.server.certificate}\ntls-key-file {certificates.server.key}\n"
        f"tls-ca-cert-file {certificates.authority}\nsentinel monitor main 127.0.0.1 {master.port} 1\n"
    )
    sentinel = subprocess.Popen([binary("redis7"), configuration, "--sentinel"], stdout=subprocess.DEVNULL)
    try:
        url = f"rediss+sentinel://localhost:{port}/main"
        with resilicache.Cache(url, tls_ca_file=certificates.authority, **PATIENT) as cache:
            assert eventually(lambda: cache.fetch("k", ttl=10, loader=lambda: b"v")) == b"v"
    finally:
        sentinel.terminate()
        sentinel.wait(timeout=20)


def test_a_child_process_has_connections_of_its_own(secured: Secured) -> None:
    with resilicache.Cache(secured().address()) as cache:
        cache.set("k", b"v", ttl=60)
        child = os.fork()
        if child == 0:
            os._exit(0 if cache.get("k") == b"v" else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert cache.get("k") == b"v"


def test_a_server_killed_in_the_middle_of_values_is_come_back_to(secured: Secured) -> None:
    server = secured()
    value = bytes(1000) * 1000
    stopped = threading.Event()
    outcomes: list[set[str]] = [set() for _ in range(4)]

    def work(number: int) -> None:
        while not stopped.is_set():
            try:
                cache.set(f"k{number}", value, ttl=60)
                assert cache.get(f"k{number}") in (value, None)
                outcomes[number].add("done")
            except resilicache.UnavailableError:
                outcomes[number].add("refused")

    with resilicache.Cache(server.address()) as cache:
        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        try:
            until(lambda: all("done" in outcome for outcome in outcomes), "all have values")
            server.kill()
            until(lambda: all("refused" in outcome for outcome in outcomes), "all are refused")
            for outcome in outcomes:
                outcome.clear()
            server.restart()
            until(lambda: all("done" in outcome for outcome in outcomes), "all have values")
        finally:
            stopped.set()
            for thread in threads:
                thread.join()

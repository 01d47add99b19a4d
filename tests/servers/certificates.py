"""Certificates for tests, made by the openssl program."""

from __future__ import annotations

import shutil
import ssl
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from .programs import Missing

LOCAL = "DNS:localhost,IP:127.0.0.1,IP:::1"


@dataclass(frozen=True)
class Pair:
    """A certificate and its key: the paths of two PEM files."""

    certificate: str
    key: str


class Certificates:
    """`authority` has signed all but `foreign`; valid from now for two days, but for `expired`.

    server    for localhost, 127.0.0.1 and ::1
    client    of the user tester
    elsewhere for elsewhere.example alone
    expired   as server, until yesterday
    foreign   as server, by an authority that nobody knows"""

    def __init__(self) -> None:
        if shutil.which("openssl") is None:
            raise Missing("no certificates: apt install openssl")
        self.directory = Path(tempfile.mkdtemp(prefix="resilicache-certificates-"))
        authority = self._authority("authority")
        self.authority = authority.certificate
        self.server = self._signed("server", authority, LOCAL)
        self.client = self._signed("tester", authority)
        self.elsewhere = self._signed("elsewhere", authority, "DNS:elsewhere.example")
        self.expired = self._signed("expired", authority, LOCAL, days=-1)
        self.foreign = self._signed("foreign", self._authority("stranger"), LOCAL)

    def _pair(self, name: str) -> Pair:
        return Pair(str(self.directory / f"{name}.crt"), str(self.directory / f"{name}.key"))

    def _openssl(self, *words: str) -> None:
        done = subprocess.run(["openssl", *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
        if done.returncode != 0:
            raise RuntimeError(f"openssl {' '.join(words)}: {done.stderr}")

    def _request(self, name: str, pair: Pair, *words: str) -> None:
        key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", pair.key]
        self._openssl("req", *key, "-subj", f"/CN={name}", *words)

    def _authority(self, name: str) -> Pair:
        pair = self._pair(name)
        self._request(name, pair, "-x509", "-days", "2", "-out", pair.certificate)
        return pair

    def _signed(self, name: str, authority: Pair, hosts: str = "", days: int = 2) -> Pair:
        pair = self._pair(name)
        request = str(self.directory / f"{name}.csr")
        self._request(name, pair, "-out", request, *(["-addext", f"subjectAltName={hosts}"] if hosts else []))
        signer = ["-CA", authority.certificate, "-CAkey", authority.key, "-CAcreateserial"]
        words = ["-req", "-in", request, *signer, "-days", str(days), "-copy_extensions", "copy"]
        self._openssl("x509", *words, "-out", pair.certificate)
        return pair

    def context(self, client: Pair | None = None) -> ssl.SSLContext:
        """For a client of ours, which knows the authority and shows `client`."""
        context = ssl.create_default_context(cafile=self.authority)
        if client is not None:
            context.load_cert_chain(client.certificate, client.key)
        return context

    def server_arguments(self) -> list[str]:
        """Clients show no certificate; add "--tls-auth-clients", "yes" where they have to."""
        files = ["--tls-cert-file", self.server.certificate, "--tls-key-file", self.server.key]
        among_servers = ["--tls-replication", "yes", "--tls-cluster", "yes"]
        return ["--tls-ca-cert-file", self.authority, *files, "--tls-auth-clients", "no", *among_servers]

    def remove(self) -> None:
        shutil.rmtree(self.directory, ignore_errors=True)

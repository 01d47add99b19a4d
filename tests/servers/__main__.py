"""Servers to play with:  python tests/servers single|replicated|cluster|sentinel|tls [--kind redis7|valkey9|redis62]

Prints the URL and waits for Ctrl-C."""

import argparse
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from servers import KINDS, Certificates, Cluster, Missing, Replicated, SentinelSet, Server  # noqa: E402

STARTS = {"single": Server, "replicated": Replicated, "cluster": Cluster, "sentinel": SentinelSet, "tls": Server}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python tests/servers", description="Starts servers, until Ctrl-C.")
    parser.add_argument("what", choices=STARTS)
    parser.add_argument("--kind", choices=KINDS, default=KINDS[0])
    parser.add_argument("--password")
    asked = parser.parse_args()
    access = {"password": asked.password}
    try:
        if asked.what == "tls":
            access["tls"] = Certificates()
            print(f"certificates in {access['tls'].directory}")
        started = STARTS[asked.what](asked.kind, **access)
    except Missing as missing:
        raise SystemExit(str(missing)) from None
    print(started.url, flush=True)
    try:
        signal.sigwait([signal.SIGINT, signal.SIGTERM])
    finally:
        started.stop()
        if asked.what == "tls":
            access["tls"].remove()


signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT, signal.SIGTERM])
main()

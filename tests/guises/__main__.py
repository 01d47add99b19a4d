"""A guise of a server to play with:  python tests/guises GUISE [--port PORT --beneath PORT]

Prints its URL, and runs until it is killed or Ctrl-C; without --beneath it starts a server of its own behind it."""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from guises.others import GUISES  # noqa: E402
from guises.proxy import Proxy  # noqa: E402
from servers import Server, free_port  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(prog="python tests/guises", description="A server in the guise of another.")
    parser.add_argument("guise", choices=GUISES)
    parser.add_argument("--port", type=int)
    parser.add_argument("--beneath", type=int, metavar="PORT", help="of the server that it stands for")
    asked = parser.parse_args()
    guise = GUISES[asked.guise]()
    port = free_port() if asked.port is None else asked.port
    beneath = Server(guise.beneath).port if asked.beneath is None else asked.beneath
    proxy = Proxy(guise, port, beneath)
    print(f"redis://127.0.0.1:{port}", flush=True)
    try:
        proxy.run()
    except KeyboardInterrupt:
        pass


main()

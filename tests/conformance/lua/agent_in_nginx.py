"""One of a fleet, in an nginx worker:  python agent_in_nginx.py URL PREFIX

Hands the lines on, and what is answered back."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
TESTS = HERE.parents[1]
LINE_SECONDS = 60.0
sys.path[:0] = [str(TESTS), str(TESTS / "openresty")]

from nginx import Nginx  # noqa: E402

PATHS = f'package.path = "{HERE}/?.lua;" .. package.path\n'


def quoted(text: str) -> str:
    level = "=" * next(count for count in range(1, 9) if "]" + "=" * count + "]" not in text)
    return f"[{level}[{text}]{level}]"


def main(url: str, prefix: str) -> int:
    nginx = Nginx("")
    try:
        nginx.run(f'{PATHS} require("nginx_agent").start({quoted(url)}, {quoted(prefix)})')
        for line in sys.stdin:
            words = line.rstrip("\n")
            print(nginx.run(f'return require("nginx_agent").play({quoted(words)})', LINE_SECONDS), flush=True)
        nginx.run('return require("nginx_agent").play(nil)', LINE_SECONDS)
    finally:
        nginx.stop()
    for complaint in nginx.complaints():
        print(complaint, file=sys.stderr)
    return 1 if nginx.complaints() else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

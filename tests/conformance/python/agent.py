"""One of a fleet, that plays lines as they come:  agent.py URL PREFIX

It tells of each in one line what came of it: "ok WHAT" or "no WHY".  The line "calls" is about how often loaders were
called."""

from __future__ import annotations

import sys

from calls import show
from stage import Stage, Unexpected
from words import Mistake
from worlds import ThreadWorld, completed


def answer_to(stage: Stage, line: str) -> str:
    try:
        return f"ok {stage.called}" if line == "calls" else f"ok {show(completed(stage.play(line)))}"
    except (Unexpected, Mistake) as problem:
        return f"no {problem}"


def main() -> None:
    url, prefix = sys.argv[1:]
    stage = Stage(ThreadWorld(), url, prefix)
    for line in sys.stdin:
        print(answer_to(stage, line.strip()).replace("\n", " "), flush=True)
    completed(stage.clear())


if __name__ == "__main__":
    main()

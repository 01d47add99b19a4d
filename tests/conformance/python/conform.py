"""The conformance cases in Python:  conform.py threads|asyncio URL CASES...

Prints a line of JSON for each case and exits 1 if one failed."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import secrets
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from stage import Stage, Unexpected, World
from words import Case, Mistake, read_cases
from worlds import AsyncWorld, ThreadWorld, completed

AT_ONCE = 8
"""Cases spend their time waiting, each below a prefix of its own."""
PREFIX = f"resilicache-conform:{secrets.token_hex(8)}:"
NEEDS = {"server", "memory", "nonsense", "throwing", "partial", "counting", "inline", "cancel", "waiting", "renewing"}
NEEDS |= {"keeping", "forgetting-fails", "forgetting-is-absent"}


def lack_of(case: Case, world: World, url: str) -> str | None:
    for need in case.needs:
        if need not in NEEDS:
            raise Mistake(f"needs {need}, which is none of {', '.join(sorted(NEEDS))}")
        if need == "server" and url.startswith("memory:"):
            return "a memory:// cache has no second one on the same keys"
        if need == "memory" and not url.startswith("memory:"):
            return "about memory:// alone"
        if need in world.lacks:
            return world.lacks[need]
    return None


async def verdict_of(case: Case, number: int, world: World, url: str) -> tuple[str, str]:
    try:
        if (lack := lack_of(case, world, url)) is not None:
            return "n/a", lack
        stage = Stage(world, url, f"{PREFIX}{number}:")
        try:
            for line in case.lines:
                try:
                    await stage.play(line.text)
                except (Unexpected, Mistake) as problem:
                    raise Unexpected(f"{line.place}: {line.text}: {problem}") from None
                except Exception as error:
                    raise Mistake(f"{line.place}: {line.text}: {traceback.format_exc()}") from error
        finally:
            await stage.clear()
    except (Unexpected, Mistake) as failure:
        return "FAILED", str(failure)
    return "ok", ""


async def told(case: Case, number: int, world: World, url: str) -> bool:
    verdict, reason = await verdict_of(case, number, world, url)
    line = {"chapter": case.chapter, "case": case.name, "verdict": verdict, "reason": reason}
    os.write(sys.stdout.fileno(), f"{json.dumps(line)}\n".encode())  # others write, too, and sys.stdout can't bear that
    return verdict != "FAILED"


def run_threads(cases: list[Case], url: str) -> bool:
    world = ThreadWorld()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        runs = [pool.submit(completed, told(case, number, world, url)) for number, case in enumerate(cases)]
        return all([run.result() for run in runs])


async def run_asyncio(cases: list[Case], url: str) -> bool:
    world, room = AsyncWorld(), asyncio.Semaphore(AT_ONCE)

    async def run(case: Case, number: int) -> bool:
        async with room:
            return await told(case, number, world, url)

    return all(await asyncio.gather(*(run(case, number) for number, case in enumerate(cases))))


def main() -> int:
    world, url, *paths = sys.argv[1:]
    logging.getLogger("resilicache").setLevel(logging.CRITICAL)  # it tells of loaders that fail, as they are to
    cases = read_cases(map(Path, paths))
    good = run_threads(cases, url) if world == "threads" else asyncio.run(run_asyncio(cases, url))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())

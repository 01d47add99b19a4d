"""The load: a crew of threads, tasks and programs, whose judge speaks when the test is over."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest

resilicache = pytest.importorskip("resilicache")

from load.programs import Programs, start_program  # noqa: E402
from load.truth import Truth  # noqa: E402
from load.workers import Crew  # noqa: E402
from servers import until  # noqa: E402

DELAY_S = 1.0
SAME_SLOT = [f"{{row}}:{number}" for number in range(4)]
KEYS = [f"row:{number}" for number in range(20)] + SAME_SLOT
# A primary that hands over in order answers nobody meanwhile; on a slow machine for longer than op_timeout would be.
OPTIONS = f"delay={DELAY_S}s&lock_expire=1s&op_timeout=3s&connect_timeout=3s"
CALLS_MIN = 200

QUIET_CALLS = 500
GO_ON_SECONDS = 60.0

Load = Callable[..., Truth]


def go_on(truth: Truth, calls: int = QUIET_CALLS) -> None:
    """Until so many more calls have succeeded."""
    enough = truth.succeeded + calls
    until(lambda: truth.succeeded >= enough, "the load goes on", GO_ON_SECONDS)


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Programs:
    return Programs(tmp_path_factory.mktemp("load"))


@pytest.fixture
def load(programs: Programs) -> Iterator[Load]:
    """load(url): from then on until the end of the test, which fails if the judge finds anything.  Further arguments
    are Truth's."""
    seed = int(os.environ.get("RCACHE_TEST_SEED", random.randrange(1 << 32)))
    print(f"RCACHE_TEST_SEED={seed}")
    crews: list[Crew] = []
    commands = [programs.command(language) for language in programs.here()]

    def start(url: str, **arguments: Any) -> Truth:
        url = f"{url}{'&' if '?' in url else '?'}{OPTIONS}"
        crew = Crew(Truth(DELAY_S + 0.5, **arguments), KEYS, seed)
        crews.append(crew)
        for _ in range(2):  # as two processes would
            crew.start_threads(crew.keep(resilicache.Cache(url)), 3)
        crew.start_tasks(url, 4)
        for command in commands:
            start_program(crew, *command, url)
        return crew.truth

    yield start
    for crew in crews:
        crew.stop()
    for crew in crews:
        judge(crew.truth)


def judge(truth: Truth) -> None:
    findings = truth.judge()
    print(truth)
    assert findings == []
    assert truth.succeeded >= CALLS_MIN

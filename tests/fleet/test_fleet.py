"""A mixed fleet on one key of one server: programs in Go, Python and Lua, an nginx worker, and the real rockscache."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from agents import AGENTS, PREFIX, Agent, Builds, Missing

from builds import GO, run
from servers import Server
from wire.parties import Rocks

ROCKS = "rockscache"
EVERYBODY = [*AGENTS, ROCKS]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    running = Server("redis7")
    yield running
    running.stop()


@pytest.fixture(scope="module")
def builds(tmp_path_factory: pytest.TempPathFactory) -> Builds:
    return Builds(tmp_path_factory.mktemp("fleet"))


@pytest.fixture
def agents(builds: Builds, server: Server) -> Iterator[dict[str, Agent]]:
    """All of ours; when they leave they take their keys with them."""
    try:
        started = {name: builds.start(name, server.url + "?layout=hash") for name in AGENTS}
    except Missing as missing:
        pytest.skip(str(missing))
    yield started
    for agent in started.values():
        agent.close()
    assert server.ask("DBSIZE") == 0


@pytest.fixture(scope="module")
def rocks(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rocks]:
    if GO is None:
        pytest.skip("there is no go on this machine to build the rockscache client with: https://go.dev/dl")
    program = tmp_path_factory.mktemp("rocks") / "rocks"
    run(GO, "build", "-o", program, ".", cwd=Path(__file__).parents[1] / "wire/rocks")
    rocks = Rocks(program, server.port)
    yield rocks
    rocks.close()


def everywhere(agents: dict[str, Agent], line: str) -> list[str]:
    """By all of ours, at once."""
    for agent in agents.values():
        agent.tell(line)
    return [agent.answer() for agent in agents.values()]


def loads_of(agents: dict[str, Agent]) -> int:
    return sum(int(agent.do("calls")) for agent in agents.values())


@pytest.mark.parametrize("loader", EVERYBODY)
def test_while_one_loads_the_others_wait_and_get_its_value(
    loader: str, agents: dict[str, Agent], rocks: Rocks
) -> None:
    for name, agent in agents.items():
        agent.do(f'row hot "loaded by {name}"')
    others = {name: agent for name, agent in agents.items() if name != loader}
    if loader == ROCKS:
        theirs = rocks.begin_fetch(PREFIX + "hot", b"loaded by rockscache", held=True)
        theirs.wait_for("loading")
    else:
        agents[loader].do("first: fetch hot after go")
        agents[loader].do("await first loading")
        theirs = rocks.begin_fetch(PREFIX + "hot", b"loaded by rockscache")
        theirs.must_wait()
    everywhere(others, "reader: fetch hot")
    everywhere(others, "await stat leases_busy 1")

    if loader == ROCKS:
        theirs.answer()
    else:
        agents[loader].do("tell go")
        assert agents[loader].do("first") == f'"loaded by {loader}"'
    assert everywhere(others, "reader") == [f'"loaded by {loader}"'] * len(others)
    assert theirs.result() == f"loaded by {loader}".encode()
    assert (loads_of(agents), theirs.count("loading")) == ((0, 1) if loader == ROCKS else (1, 0))


def test_of_all_that_come_at_once_one_loads(agents: dict[str, Agent], rocks: Rocks) -> None:
    theirs_loaded = 0
    for number in range(20):
        for name, agent in agents.items():
            agent.do(f'row cold{number} "loaded by {name}"')
        theirs = rocks.begin_fetch(f"{PREFIX}cold{number}", b"loaded by rockscache")
        values = everywhere(agents, f"fetch cold{number}")
        values.append(f'"{theirs.result().decode()}"')
        theirs_loaded += theirs.count("loading")
        assert len(set(values)) == 1, values
        assert loads_of(agents) + theirs_loaded == number + 1


@pytest.mark.parametrize("writer", EVERYBODY)
def test_an_invalidation_by_one_is_seen_by_all(writer: str, agents: dict[str, Agent], rocks: Rocks) -> None:
    everywhere(agents, 'row user "old"')
    assert everywhere(agents, "fetch user strong") == ['"old"'] * len(agents)
    assert rocks.fetch(PREFIX + "user", b"not asked for") == b"old"
    before = loads_of(agents)
    everywhere(agents, 'row user "new"')
    if writer == ROCKS:
        rocks.run("tag_as_deleted", PREFIX + "user")
    else:
        agents[writer].do("invalidate user")
    assert everywhere(agents, "fetch user strong") == ['"new"'] * len(agents)
    assert loads_of(agents) == before + 1
    theirs = rocks.begin_fetch(PREFIX + "user", b"not asked for", strong=True)
    assert theirs.result() == b"new"
    assert theirs.count("loading") == 0


@pytest.mark.parametrize("writer", EVERYBODY)
def test_a_lock_for_update_by_one_holds_for_all(writer: str, agents: dict[str, Agent], rocks: Rocks) -> None:
    key = PREFIX + "user"
    everywhere(agents, 'row user "old"')
    assert everywhere(agents, "fetch user") == ['"old"'] * len(agents)
    before = loads_of(agents)

    def as_writer(verb: str) -> None:
        if writer == ROCKS:
            rocks.run(verb, key, owner="writer")
        else:
            agents[writer].do(f"{verb} user by writer")

    as_writer("lock")
    others = {name: agent for name, agent in agents.items() if name != writer}
    everywhere(others, "lock user by another -> RCACHE_E_LOST")
    assert everywhere(agents, "fetch user eventual") == ['"old"'] * len(agents)
    everywhere(agents, "fetch user strong deadline 100ms -> RCACHE_E_TIMEOUT")
    theirs = rocks.begin_fetch(key, b"new", strong=True)
    theirs.must_wait()
    everywhere(agents, "reader: fetch user strong")
    everywhere(agents, 'row user "new"')
    assert loads_of(agents) == before

    as_writer("unlock")
    assert everywhere(agents, "reader") == ['"new"'] * len(agents)
    assert theirs.result() == b"new"
    # What rockscache may have loaded first tells no epoch, and is no value to those who are strong.
    assert loads_of(agents) == before + 1

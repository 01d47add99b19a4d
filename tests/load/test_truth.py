"""That the judge finds what is wrong: one that never does proves nothing."""

from __future__ import annotations

import time

import pytest

resilicache = pytest.importorskip("resilicache")

from load.truth import Truth, value_of  # noqa: E402
from load.workers import Crew  # noqa: E402
from servers import until  # noqa: E402

BOUND_S = 0.05


@pytest.fixture
def truth() -> Truth:
    """The row "k" has version 2, and version 1 was acknowledged."""
    made = Truth(BOUND_S)
    made.acknowledge("k", made.commit("k"))
    made.commit("k")
    return made


def verdict(truth: Truth, what: str, value: str) -> str:
    truth.end(truth.begin(what, "k"), value)
    return "".join(truth.judge())


@pytest.mark.parametrize("version", [1, 2])
def test_a_strong_fetch_returns_what_was_acknowledged_or_newer(truth: Truth, version: int) -> None:
    assert verdict(truth, "strong", value_of("k", version)) == ""


def test_a_strong_fetch_returns_nothing_older(truth: Truth) -> None:
    assert "returned version 0; it had to be 1 to 2" in verdict(truth, "strong", value_of("k", 0))


def test_a_strong_fetch_goes_not_back(truth: Truth) -> None:
    assert verdict(truth, "strong", value_of("k", 2)) == ""
    assert "it had to be 2 to 2" in verdict(truth, "strong", value_of("k", 1))


def test_what_is_acknowledged_while_it_runs_counts_not(truth: Truth) -> None:
    number = truth.begin("strong", "k")
    truth.acknowledge("k", 2)
    truth.end(number, value_of("k", 1))
    assert truth.judge() == []


@pytest.mark.parametrize("what", ["strong", "eventual"])
def test_nobody_returns_what_was_not_committed_or_is_another_key_s(truth: Truth, what: str) -> None:
    assert "returned version 3" in verdict(truth, what, value_of("k", 3))
    assert "the value of l" in verdict(truth, what, value_of("l", 2))


def test_an_eventual_fetch_has_some_time(truth: Truth) -> None:
    assert verdict(truth, "eventual", value_of("k", 0)) == ""
    begin = time.monotonic()
    until(lambda: time.monotonic() > begin + BOUND_S, "the time is over")
    assert "it had to be 1 to 2" in verdict(truth, "eventual", value_of("k", 0))


def test_an_eventual_fetch_has_more_time_after_an_outage(truth: Truth) -> None:
    with truth.outage("broken", recovery_s=10):
        begin = time.monotonic()
        until(lambda: time.monotonic() > begin + BOUND_S, "the time is over")
    assert verdict(truth, "eventual", value_of("k", 0)) == ""


def test_failures_need_an_outage(truth: Truth) -> None:
    with truth.outage("broken", recovery_s=0):
        truth.fail(truth.begin("strong", "k"), "no server")
    truth.fail(truth.begin("strong", "k"), "still none")
    (finding,) = truth.judge()
    assert finding.endswith(" s: strong k failed, and nothing was broken: still none")
    assert "1 calls failed" in str(truth) and "1 no server" in str(truth) and "2 failed" in str(truth)


def test_who_leaves_a_server_alone_has_found_it_down_for_as_long(truth: Truth) -> None:
    with truth.outage("broken", recovery_s=-5):
        pass
    truth.fail(truth.begin("strong", "k"), "redis://a is down, for 8 s by now: no answer")
    truth.fail(truth.begin("strong", "k"), "'k': an invalidation of it has not reached the server yet")
    truth.fail(truth.begin("strong", "k"), "redis://a is down, for 3 s by now: no answer")
    (finding,) = truth.judge()
    assert "for 3 s by now" in finding


def test_what_has_not_returned_is_told(truth: Truth) -> None:
    truth.begin("strong", "k")
    (finding,) = truth.judge()
    assert finding.endswith(" s: strong k has not returned")


def test_a_cache_that_does_not_invalidate_is_found(truth: Truth) -> None:
    crew = Crew(truth, [f"row:{number}" for number in range(4)], seed=1)
    with resilicache.Cache("memory://", disable_cache_delete=True) as cache:
        crew.start_threads(cache, 2)
        try:
            until(lambda: any("strong row" in finding for finding in truth.findings), "it is found")
            until(lambda: any("eventual row" in finding for finding in truth.findings), "it is found, too")
        finally:
            crew.stop()

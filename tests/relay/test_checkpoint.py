"""Where the relay goes on: no event is lost, whatever ends it."""

from __future__ import annotations

import json
import random
import signal
import threading
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

import resilicache
from relaying import (
    DONE,
    FAILED,
    USERS,
    WARNED,
    RunningRelay,
    debezium,
    insert,
    lines,
    lsn,
    maxwell,
    of_mysql,
    of_postgresql,
    relay,
    transaction,
)
from servers import until

SHOP = ("--map", "shop.users=user:{id}")


def keep(cache: resilicache.Cache, *numbers: int) -> None:
    for number in numbers:
        cache.set(f"user:{number}", b"old", ttl=600)


def is_old(cache: resilicache.Cache, number: int) -> bool:
    entry = cache.inspect(f"user:{number}")
    return entry is not None and entry["state"] == "invalidated"


def invalidated(cache: resilicache.Cache, count: int) -> list[int]:
    return [number for number in range(count) if is_old(cache, number)]


def run(url: str, path: Path, *events: object, maps: tuple[str, ...] = USERS, code: int = DONE) -> list[str]:
    """The positions that it prints; the last one is in the file, too."""
    done = relay(url, *maps, "--checkpoint", path, events=lines(*events))
    assert done.returncode == code, done.stderr
    printed = done.stdout.splitlines()
    assert not printed or path.read_text() == printed[-1] + "\n"
    return printed


def test_what_was_applied_is_skipped_and_what_came_since_is_not(
    url: str, cache: resilicache.Cache, tmp_path: Path
) -> None:
    events = [transaction(0x100 * (number + 1), insert({"id": number})) for number in range(4)]
    keep(cache, 0, 1, 2, 3)
    assert run(url, tmp_path / "at", *events[:2]) == ["0/200"]
    assert invalidated(cache, 4) == [0, 1]
    keep(cache, 0, 1)
    # The position is printed again: the feeder may have ended before it was told.
    assert run(url, tmp_path / "at", *events)[0] == "0/200"
    assert invalidated(cache, 4) == [2, 3]


def test_a_change_with_a_lower_lsn_that_is_committed_later_is_not_skipped(
    url: str, cache: resilicache.Cache, tmp_path: Path
) -> None:
    overlapping = {"lsn": "0/90", **insert({"id": 1})}  # before the first transaction's end
    keep(cache, 1)
    run(url, tmp_path / "at", transaction(0x100, {"lsn": "0/98", **insert({"id": 0})}))
    run(url, tmp_path / "at", transaction(0x200, overlapping))
    assert is_old(cache, 1)


def test_a_transaction_without_its_end_is_no_position(url: str, cache: resilicache.Cache, tmp_path: Path) -> None:
    second = transaction(0x200, insert({"id": 1}), insert({"id": 2})).splitlines()
    keep(cache, 2)
    assert run(url, tmp_path / "at", transaction(0x100, insert({"id": 0})), *second[:2]) == ["0/100"]
    assert run(url, tmp_path / "at", *second) == ["0/100", "0/200"]
    assert is_old(cache, 2)


def test_format_1_ends_a_transaction_with_its_line(url: str, tmp_path: Path) -> None:
    change = {"kind": "insert", "schema": "public", "table": "users", "columnnames": ["id"], "columnvalues": [1]}
    assert run(url, tmp_path / "at", {"nextlsn": "1/2A", "change": [change]}) == ["1/2A"]


def test_rows_of_one_position_are_skipped_together_or_not_at_all(
    url: str, cache: resilicache.Cache, tmp_path: Path
) -> None:
    path = tmp_path / "at"
    rows = [maxwell("insert", {"id": number}, 100, commit=number == 2) for number in range(3)]
    later = maxwell("insert", {"id": 3}, 200)
    keep(cache, 0, 1, 2, 3)
    assert run(url, path, *rows[:2], maps=SHOP) == []  # the rest of it may still come
    assert run(url, path, *rows, maps=SHOP) == ["binlog.000003:100"]
    assert invalidated(cache, 4) == [0, 1, 2]
    keep(cache, 0, 1, 2)
    assert run(url, path, *rows, later, maps=SHOP)[-1] == "binlog.000003:200"
    assert invalidated(cache, 4) == [3]


@pytest.mark.parametrize(
    ("sources", "maps", "position"),
    [
        ([of_postgresql(0x100, 0x90), of_postgresql(0x100, 0xA0), of_postgresql(0x200, 0x98)], USERS, "0/100,0/A0"),
        ([of_mysql(100, 0), of_mysql(100, 1), of_mysql(300)], SHOP, "binlog.000003:100"),
    ],
)
def test_debezium_s_position_is_complete_once_a_later_one_comes(
    url: str,
    cache: resilicache.Cache,
    tmp_path: Path,
    sources: list[dict[str, object]],
    maps: tuple[str, ...],
    position: str,
) -> None:
    events = [debezium("c", source, None, {"id": number}) for number, source in enumerate(sources)]
    keep(cache, 0, 1, 2)
    assert run(url, tmp_path / "at", *events, maps=maps) == [position]
    keep(cache, 0, 1, 2)
    run(url, tmp_path / "at", *events, maps=maps)
    assert invalidated(cache, 3) == [2]


def test_a_snapshot_is_applied_and_is_no_position(url: str, cache: resilicache.Cache, tmp_path: Path) -> None:
    path = tmp_path / "at"
    run(url, path, *(debezium("c", of_mysql(at), None, {"id": 0}) for at in (900, 901)), maps=SHOP)
    read = debezium("r", {**of_mysql(5), "snapshot": "true"}, None, {"id": 1})
    keep(cache, 1)
    assert run(url, path, read, maps=SHOP) == ["binlog.000003:900"]
    assert is_old(cache, 1)


def test_positions_of_another_server_s_binlog_are_not_skipped(
    url: str, cache: resilicache.Cache, tmp_path: Path
) -> None:
    path = tmp_path / "at"
    run(url, path, maxwell("insert", {"id": 0}, 500), maps=SHOP)
    keep(cache, 1)
    other = {**maxwell("insert", {"id": 1}, 4), "position": "mysql-bin.000001:4"}
    assert run(url, path, other, maps=SHOP)[-1] == "mysql-bin.000001:4"
    assert is_old(cache, 1)


def test_lines_of_a_file_can_be_positions(url: str, cache: resilicache.Cache, tmp_path: Path) -> None:
    maps = (*USERS, "--by-line")
    events = [insert({"id": 0}), "", insert({"id": 1})]
    keep(cache, 0, 1, 2)
    assert run(url, tmp_path / "at", *events, maps=maps) == ["line:3"]
    keep(cache, 0, 1)
    assert run(url, tmp_path / "at", *events, insert({"id": 2}), maps=maps) == ["line:3", "line:4"]
    assert invalidated(cache, 3) == [2]
    done = relay(url, *USERS, "--checkpoint", tmp_path / "at")
    assert done.returncode == FAILED and "was written with --by-line: go on in the same way" in done.stderr


def test_a_line_that_makes_no_sense_leaves_the_checkpoint_before_it(url: str, tmp_path: Path) -> None:
    path = tmp_path / "at"
    broken = transaction(0x200, insert({"id": []}))
    events = [transaction(0x100, insert({"id": 0})), broken, transaction(0x300)]
    assert run(url, path, *events, code=FAILED) == ["0/100"]
    done = relay(url, *USERS, "--checkpoint", path, "--skip-malformed", events=lines(*events))
    assert done.returncode == WARNED and path.read_text() == "0/300\n"


def test_machines_get_the_position_with_its_counts(url: str) -> None:
    done = relay(url, *USERS, "--json", events=lines(transaction(0x100, insert({"id": 0}), insert({"id": 0}))))
    assert json.loads(done.stdout) == {"position": "0/100", "lines": 4, "invalidated": 1}


BEHIND_S = 7200


def commits(when: datetime) -> list[object]:
    """What each feeder tells of one."""
    seconds, text = int(when.timestamp()), when.isoformat(" ")
    return [
        {"action": "C", "nextlsn": "0/100", "timestamp": text},
        {"action": "C", "nextlsn": "0/100", "timestamp": text[:-3]},
        {"change": [], "nextlsn": "0/100", "timestamp": text},
        {**maxwell("insert", {"id": 1}, 100), "database": "public", "ts": seconds},
        debezium("c", {**of_postgresql(1, 2), "ts_ms": seconds * 1000}, after={"id": 1}),
    ]


@pytest.mark.parametrize("zone_minutes", [0, 330, -120])
@pytest.mark.parametrize("number", range(5))
def test_how_far_it_is_behind_is_told_for_machines(url: str, zone_minutes: int, number: int) -> None:
    began = datetime.now(timezone(timedelta(minutes=zone_minutes))) - timedelta(seconds=BEHIND_S)
    event = commits(began)[number]
    if number == 1 and zone_minutes % 60 != 0:
        pytest.skip("PostgreSQL leaves out minutes of a zone that has none")
    next_one = debezium("c", of_postgresql(3, 4), after={"id": 1})  # so that the one before is known to be complete
    done = relay(url, *USERS, "--json", events=lines(event, *([next_one] if number == 4 else [])))
    assert 0 <= json.loads(done.stdout)["lag_ms"] - BEHIND_S * 1000 < 60000


def test_positions_come_while_it_waits_for_more(url: str, cache: resilicache.Cache, tmp_path: Path) -> None:
    keep(cache, 0, 1)
    with RunningRelay(url, *USERS, "--checkpoint", tmp_path / "at") as running:
        for number in range(2):
            running.feed(transaction(0x100 * (number + 1), insert({"id": number})))
            until(lambda at=number: is_old(cache, at), f"{number} is invalidated")
            until(lambda at=number: running.positions[-1:] == [lsn(0x100 * (at + 1))], f"the position of {number}")
        assert (tmp_path / "at").read_text() == "0/200\n"
        running.process.send_signal(signal.SIGTERM)
        assert running.wait() == DONE


def test_sigterm_ends_it_with_its_checkpoint(url: str, cache: resilicache.Cache, tmp_path: Path) -> None:
    keep(cache, 0)
    with RunningRelay(url, *USERS, "--checkpoint", tmp_path / "at") as running:
        running.feed(transaction(0x100, insert({"id": 0})))
        until(lambda: is_old(cache, 0), "it is invalidated")
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(timeout=30) == DONE
        assert (tmp_path / "at").read_text() == "0/100\n"


def test_killed_anywhere_it_loses_nothing(url: str, cache: resilicache.Cache, tmp_path: Path) -> None:
    count, seed = 6000, random.randrange(1 << 30)
    chance = random.Random(seed)
    path = tmp_path / "at"
    events = [transaction(0x100 * (number + 1), insert({"id": number})) for number in range(count)]
    keep(cache, *range(count))
    for _ in range(8):
        with RunningRelay(url, *USERS, "--checkpoint", path, "--batch", "2") as running:
            end = threading.Timer(chance.uniform(0.01, 0.6), running.process.kill)
            end.start()
            try:
                running.feed(*events)
            except BrokenPipeError:
                pass
            end.join()
    assert run(url, path, *events)[-1] == lsn(0x100 * count)
    assert invalidated(cache, count) == list(range(count)), f"seed {seed}"

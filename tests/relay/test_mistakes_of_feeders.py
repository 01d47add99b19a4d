"""What the relay says of lines, maps and flags that make no sense."""

from __future__ import annotations

from pathlib import Path

import pytest

from relaying import DONE, FAILED, NOWHERE, USERS, WARNED, WRONG, insert, keys_of, lines, relay, transaction
from servers import Server

GOOD = insert({"id": 1})
MALFORMED = [
    ("nonsense", "no JSON, at byte 2"),
    ('{"action":"I"', "it ends before the event does"),
    ('{"action":"B"}{"action":"C"}', "something follows after the event, at byte 15"),
    ("[1]", "no event of wal2json, Maxwell or Debezium"),
    ("1", "no event of wal2json, Maxwell or Debezium"),
    ('"text"', "no event of wal2json, Maxwell or Debezium"),
    ('{"rows":[]}', "it has no action, change, type or op"),
    ('{"action":"X"}', "'X' is no action of wal2json"),
    ('{"action":"B","nextlsn":"zero"}', "'zero' is no LSN"),
    ('{"action":"I","schema":"public","table":"users"}', "lacks its columns"),
    ('{"action":"D","schema":"public","table":"users"}', "lacks its identity"),
    ('{"action":"I","columns":[]}', "doesn't name its table"),
    ('{"action":"I","schema":"public","table":"users","columns":[{"name":"no"}]}', "no column 'id'"),
    ('{"action":"I","schema":"public","table":"users","columns":[1]}', "no column 'id'"),
    ('{"action":"I","schema":"public","table":"users","columns":[{"name":"id","value":{}}]}', "a list or an object"),
    ('{"action":"T","schema":"public","table":"users"}', "public.users was emptied as a whole"),
    ('{"change":[1]}', "change 1 of the event lacks its kind"),
    ('{"change":[{"kind":"insert","columnnames":["id"]}]}', "change 1 of the event lacks its kind or its columns"),
    ('{"change":[{"kind":"insert","schema":"public","table":"users","columnnames":["id"],"columnvalues":[]}]}',
     "no column 'id'"),
    ('{"database":"shop","type":"frob"}', "'frob' is no type of Maxwell's"),
    ('{"database":"shop","type":"insert","table":"users"}', "lacks its data"),
    ('{"database":"shop","type":"insert","table":"users","position":"5"}', "'5' is no position in a binlog"),
    ('{"op":"x","source":{}}', "'x' is no op of Debezium"),
    ('{"op":"c"}', "lacks its source"),
    ('{"op":"c","source":{"schema":"public","table":"users"}}', "lacks its 'after'"),
    ('{"op":"c","source":{"sequence":"5"},"after":{}}', "'5' is no sequence of two LSNs"),
    ('{"op":"c","source":{"file":"x","pos":5},"after":{}}', "'x' is no file of a binlog"),
    ('{"payload":5,"schema":{}}', "no event of wal2json, Maxwell or Debezium"),
    ('{"action":"I","schema":"public","table":"users","columns":[{"name":"id","value":"' + "x" * 1100000 + '"}]}',
     "would have 1100005 bytes"),
    ("[" * 1000, "no JSON"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "words"), MALFORMED)
def test_a_line_that_makes_no_sense_stops_it_and_is_named(line: str, words: str) -> None:
    done = relay(NOWHERE, "--dry-run", *USERS, events=lines(GOOD, line, insert({"id": 2})))
    assert done.returncode == FAILED
    assert done.stdout == "user:1\n"
    assert done.stderr.startswith("resilicache: line 2: ") and words in done.stderr


@pytest.mark.parametrize(("line", "words"), MALFORMED)
def test_such_a_line_may_be_skipped_and_is_named_all_the_same(line: str, words: str) -> None:
    done = relay(NOWHERE, "--dry-run", "--skip-malformed", *USERS, events=lines(GOOD, line, insert({"id": 2})))
    assert done.returncode == WARNED
    assert done.stdout == "user:1\nuser:2\n"
    assert done.stderr.startswith("resilicache: line 2, skipped: ") and words in done.stderr


EMPTIED = [
    '{"action":"T","schema":"public","table":"users"}',
    '{"change":[{"kind":"truncate","schema":"public","table":"users"}]}',
    '{"op":"t","source":{"schema":"public","table":"users"}}',
]


@pytest.mark.parametrize("line", EMPTIED)
def test_a_table_that_was_emptied_stops_it_and_may_be_passed(line: str) -> None:
    events = lines(GOOD, line, insert({"id": 2}))
    stopped = relay(NOWHERE, "--dry-run", *USERS, events=events)
    assert stopped.returncode == FAILED and stopped.stdout == "user:1\n"
    assert "line 2: public.users was emptied as a whole" in stopped.stderr and "--skip-truncate" in stopped.stderr
    passed = relay(NOWHERE, "--dry-run", "--skip-truncate", *USERS, events=events)
    assert passed.returncode == WARNED and passed.stdout == "user:1\nuser:2\n"
    assert "line 2: public.users was emptied as a whole: its keys stay cached" in passed.stderr
    nonsense = relay(NOWHERE, "--dry-run", "--skip-truncate", *USERS, events=lines(line, "nonsense"))
    assert nonsense.returncode == FAILED and "line 2: no JSON" in nonsense.stderr


def test_who_has_no_keys_may_be_emptied() -> None:
    assert keys_of('{"action":"T","schema":"public","table":"other"}', GOOD) == ["user:1"]


def test_bytes_that_are_no_utf_8_make_no_sense() -> None:
    done = relay(NOWHERE, "--dry-run", *USERS, events="\udcff\n".encode("utf-8", "surrogateescape").decode("latin-1"))
    assert done.returncode in (FAILED,) and "line 1: no JSON" in done.stderr


def test_what_can_be_told_of_a_skipped_line_is_done() -> None:
    change = '{"kind":"insert","schema":"public","table":"users","columnnames":["id"],"columnvalues":[%s]}'
    event = '{"change":[%s]}' % ",".join(change % value for value in ("1", "[]", "3"))
    done = relay(NOWHERE, "--dry-run", "--skip-malformed", *USERS, events=lines(event))
    assert (done.returncode, done.stdout) == (WARNED, "user:1\nuser:3\n")


def test_a_last_line_without_its_end_counts() -> None:
    assert relay(NOWHERE, "--dry-run", *USERS, events=lines(GOOD).rstrip("\n")).stdout == "user:1\n"


def test_blank_lines_say_nothing() -> None:
    assert keys_of("", " \r", GOOD) == ["user:1"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "no table has keys: write --map public.users=user:{id}"),
        (("--map", "users"), "'users' is no TABLE=KEY"),
        (("--map", "users=user:{id}"), "'users' names no schema: write it before the table, as in public.users"),
        (("--map", "a.b=user:1"), "'user:1' names no column"),
        (("--map", "a.b=user:{id"), "a brace stands alone"),
        (("--map", "a.b=user:{}"), "a brace stands alone"),
        (("--map", "a.b=user:{id}}"), "a brace stands alone"),
        (("--map-file", "/nowhere/maps"), "cannot read /nowhere/maps: No such file"),
        (("--map",), "--map wants a value"),
        ((*USERS, "--batch", "0"), "--batch '0' is no number of keys: write 1 to 100000"),
        ((*USERS, "--batch", "5x"), "--batch '5x'"),
        ((*USERS, "--give-up", "soon"), "--give-up 'soon' is no time"),
        ((*USERS, "more"), "relay takes no 'more'"),
        (USERS, "memory:// is this process's own"),
    ],
)
def test_what_is_wrong_with_the_flags_is_told(arguments: tuple[str, ...], words: str) -> None:
    done = relay(NOWHERE, *arguments)
    assert done.returncode == WRONG and words in done.stderr


def test_a_file_of_maps_names_its_line(tmp_path: Path) -> None:
    path = tmp_path / "maps"
    path.write_text("public.users=user:{id}\nnonsense\n")
    done = relay(NOWHERE, "--map-file", path)
    assert done.returncode == WRONG and f"{path}, line 2: 'nonsense' is no TABLE=KEY" in done.stderr


@pytest.mark.parametrize(
    ("event", "words"),
    [
        ('{"change":[]}', "-o include-lsn=1"),
        (GOOD, "-o include-lsn=1 -o include-transaction=1"),
        ('{"database":"shop","table":"users","type":"insert","data":{"id":1}}', "output_binlog_position=true"),
        ('{"op":"c","source":{"schema":"public","table":"users"},"after":{"id":1}}', "only Debezium's connectors"),
    ],
)
def test_a_checkpoint_wants_positions_whatever_may_be_skipped(
    shared: Server, tmp_path: Path, event: object, words: str
) -> None:
    for more in ([], ["--skip-malformed"]):
        done = relay(shared.url, *USERS, "--checkpoint", tmp_path / "at", *more, events=lines(event))
        assert done.returncode == FAILED
        assert "line 1: the event has no position for the checkpoint" in done.stderr and words in done.stderr


def test_a_checkpoint_that_is_none_is_told(shared: Server, tmp_path: Path) -> None:
    path = tmp_path / "at"
    for text in ("", "0/1", "nonsense\n", "line:x\n", "0/1,\n", "binlog:5\n", "0/123456789\n"):
        path.write_text(text)
        done = relay(shared.url, *USERS, "--checkpoint", path)
        assert done.returncode == FAILED and f"{path} has no position in it: remove it" in done.stderr


def test_a_checkpoint_that_can_t_be_written_ends_it(shared: Server) -> None:
    done = relay(shared.url, *USERS, "--checkpoint", "/nowhere/at", events=lines(transaction(0x100, GOOD)))
    assert done.returncode == FAILED and "cannot write the checkpoint /nowhere/at: No such file" in done.stderr


def test_events_may_do_without_positions_where_there_is_no_checkpoint(shared: Server) -> None:
    done = relay(shared.url, *USERS, events=lines(GOOD))
    assert (done.returncode, done.stdout) == (DONE, "")

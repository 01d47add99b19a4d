"""Which keys the relay finds in the events of each feeder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from relaying import (
    DONE,
    FAILED,
    NOWHERE,
    USERS,
    debezium,
    delete,
    insert,
    keys_of,
    lines,
    maxwell,
    of_mysql,
    of_postgresql,
    relay,
    transaction,
    update,
)

SHOP = ("--map", "shop.users=user:{id}", "--map", "shop.users=email:{email}")
EMAILS = (*USERS, "--map", "public.users=email:{email}")

# As PostgreSQL 15 with wal2json 2.5 wrote them.
WAL2JSON_1 = [
    '{"nextlsn":"0/152D660","change":[{"kind":"insert","schema":"public","table":"users","columnnames":["id","name",'
    '"score"],"columntypes":["integer","text","numeric"],"columnvalues":[1,"a",1.10]},{"kind":"insert","schema":'
    '"public","table":"users","columnnames":["id","name","score"],"columntypes":["integer","text","numeric"],'
    '"columnvalues":[2,"b",123456789012345678901234567890]}]}',
    '{"nextlsn":"0/152D7C8","change":[{"kind":"update","schema":"public","table":"users","columnnames":["id","name",'
    '"score"],"columntypes":["integer","text","numeric"],"columnvalues":[3,"b",1],"oldkeys":{"keynames":["id"],'
    '"keytypes":["integer"],"keyvalues":[2]}},{"kind":"delete","schema":"public","table":"users","oldkeys":{"keynames":'
    '["id"],"keytypes":["integer"],"keyvalues":[4]}}]}',
    '{"nextlsn":"0/152E510","change":[]}',
]
WAL2JSON_2 = [
    '{"action":"B","timestamp":"2026-11-26 05:54:23.788376+00","lsn":"0/152D798","nextlsn":"0/152D7C8"}',
    '{"action":"I","lsn":"0/152D5A0","schema":"public","table":"users","columns":[{"name":"id","type":"integer",'
    '"value":1},{"name":"score","type":"numeric","value":123456789012345678901234567890}]}',
    '{"action":"U","lsn":"0/152D6B0","schema":"public","table":"users","columns":[{"name":"id","type":"integer",'
    '"value":3},{"name":"name","type":"text","value":"b"}],"identity":[{"name":"id","type":"integer","value":2}]}',
    '{"action":"D","lsn":"0/152D758","schema":"public","table":"users","identity":[{"name":"id","type":"integer",'
    '"value":4}]}',
    '{"action":"M","lsn":"0/152D758","transactional":true,"prefix":"wal2json","content":"hello"}',
    '{"action":"C","lsn":"0/152D798","nextlsn":"0/152D7C8"}',
]


@pytest.mark.parametrize("events", [WAL2JSON_1, WAL2JSON_2])
def test_wal2json_tells_of_inserts_updates_and_deletes(events: list[str]) -> None:
    assert sorted(keys_of(*events)) == ["user:1", "user:2", "user:3", "user:4"]


def test_maxwell_tells_what_an_update_changed_and_what_it_left() -> None:
    changed = maxwell("update", {"id": 1, "email": "new"}, 100, old={"email": "old"})
    assert sorted(keys_of(changed, maps=SHOP)) == ["email:new", "email:old", "user:1"]
    gone = maxwell("delete", {"id": 2, "email": "x"}, 200)
    begun = {"database": "shop", "table": "users", "type": "bootstrap-start", "data": {}}
    copied = {"database": "shop", "table": "users", "type": "bootstrap-insert", "data": {"id": 3, "email": "y"}}
    assert keys_of(gone, begun, copied, maps=SHOP) == ["user:2", "email:x", "user:3", "email:y"]


@pytest.mark.parametrize("enveloped", [False, True])
def test_debezium_tells_with_and_without_its_envelope(enveloped: bool) -> None:
    source = of_postgresql(1, 2)
    events = [
        debezium("c", source, None, {"id": 1, "email": "a"}),
        debezium("u", source, {"id": 1, "email": "a"}, {"id": 1, "email": "b"}),
        debezium("u", source, None, {"id": 5, "email": "c"}),
        debezium("d", source, {"id": 6, "email": None}),
        debezium("r", source, None, {"id": 7, "email": "é"}),
    ]
    others = [None, {"ts_ms": 1449786310000}, {"status": "BEGIN", "id": "571"}]
    shown = [{"schema": {}, "payload": event} for event in events] if enveloped else events
    keys = keys_of(*shown, *others, maps=EMAILS)
    assert keys == ["user:1", "email:a", "email:b", "user:5", "email:c", "user:6", "user:7", "email:é"]


def test_debezium_on_mysql_names_tables_by_their_database() -> None:
    assert keys_of(debezium("c", of_mysql(4), None, {"id": 1, "email": "a"}), maps=SHOP) == ["user:1", "email:a"]


def test_a_changed_key_gives_the_one_before_and_the_one_after() -> None:
    assert keys_of(transaction(0x100, update({"id": 3}, {"id": 2}))) == ["user:2", "user:3"]


def test_a_key_comes_once_however_often_its_row_changes() -> None:
    changes = [update({"id": number % 3}, {"id": number % 3}) for number in range(100)]
    assert keys_of(transaction(0x100, *changes)) == ["user:0", "user:1", "user:2"]


def test_values_are_written_as_the_feeder_writes_them() -> None:
    event = '{"action":"I","schema":"public","table":"users","columns":[{"name":"id","value":%s}]}'
    values = ["1.10", "18446744073709551614", "-7", "true", '"caf\\u00e9 {x}"', '""', "1e3"]
    assert keys_of(*(event % value for value in values)) == [
        "user:1.10", "user:18446744073709551614", "user:-7", "user:true", "user:café {x}", "user:", "user:1e3"
    ]  # fmt: skip


def test_no_key_has_a_null_in_it() -> None:
    assert keys_of(insert({"id": 1, "email": None}), maps=EMAILS) == ["user:1"]


def test_a_column_that_is_not_told_anew_is_as_it_was() -> None:
    whole = {"id": 1, "email": "a"}
    assert keys_of(update({"id": 1}, whole), maps=EMAILS) == ["user:1", "email:a"]
    withheld = {"id": 1, "email": "__debezium_unavailable_value"}
    assert keys_of(debezium("u", of_postgresql(1, 2), whole, withheld), maps=EMAILS) == ["user:1", "email:a"]


def test_a_row_that_is_told_by_its_key_alone_can_t_give_other_keys() -> None:
    for event in (update({"id": 1, "email": "new"}, {"id": 1}), delete({"id": 1})):
        done = relay(NOWHERE, "--dry-run", *EMAILS, events=lines(event))
        assert done.returncode == FAILED
        assert "line 1: the event of public.users has no column 'email' as it was before the change" in done.stderr
        assert "REPLICA IDENTITY FULL" in done.stderr


def test_templates_have_several_columns_and_braces() -> None:
    maps = ["--map", "public.users={{{org}}}:user:{id}"]
    assert keys_of(insert({"id": 1, "org": "x"}), maps=maps) == ["{x}:user:1"]


def test_maps_come_from_a_file_too(tmp_path: Path) -> None:
    path = tmp_path / "maps"
    path.write_text("# the shop\n\npublic.users=user:{id}\r\npublic.orders=order:{id}\n")
    events = [insert({"id": 1}), insert({"id": 2}, "orders"), insert({"id": 3}, "other")]
    assert keys_of(*events, maps=["--map-file", str(path)]) == ["user:1", "order:2"]


def test_keys_are_printed_for_machines() -> None:
    done = relay(NOWHERE, "--dry-run", "--json", *USERS, events=lines(insert({"id": 'a"\n'})))
    assert done.returncode == DONE
    assert json.loads(done.stdout) == 'user:a"\n'

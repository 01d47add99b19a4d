"""Versions of rows that the relay hands to the cache: what is older than the change is not stored."""

from __future__ import annotations

import pytest

import resilicache
from relaying import DONE, FAILED, USERS, WRONG, delete, insert, lines, maxwell, relay, transaction, update
from servers import Server

BY_COLUMN = (*USERS, "--version", "version")
BY_LSN = (*USERS, "--version", "lsn")


def run(url: str, *arguments: str, events: str) -> None:
    done = relay(url, *arguments, events=events)
    assert done.returncode == DONE, done.stderr


def is_outdated(cache: resilicache.Cache, number: int, version: int) -> bool:
    try:
        cache.set(f"user:{number}", b"value", ttl=600, version=version)
        return False
    except resilicache.OutdatedError:
        return True


def test_a_column_tells_each_row_s_version(url: str, cache: resilicache.Cache) -> None:
    changes = [insert({"id": number, "version": 10 + number % 3}) for number in range(100)]
    run(url, *BY_COLUMN, events=lines(transaction(0x100, *changes, update({"id": 5, "version": 90}, {"id": 5}))))
    for number in range(100):
        version = 90 if number == 5 else 10 + number % 3
        assert is_outdated(cache, number, version - 1) and not is_outdated(cache, number, version)


def test_a_key_that_a_row_has_left_is_invalidated_without_its_version(url: str, cache: resilicache.Cache) -> None:
    cache.set("user:1", b"old", ttl=600)
    run(url, *BY_COLUMN, events=lines(transaction(0x100, update({"id": 2, "version": 7}, {"id": 1}))))
    entry = cache.inspect("user:1")
    assert entry is not None and entry["state"] == "invalidated"
    assert not is_outdated(cache, 1, 1) and is_outdated(cache, 2, 6)


def test_rows_without_the_column_are_invalidated_without_a_version(url: str, cache: resilicache.Cache) -> None:
    cache.set("user:1", b"old", ttl=600)
    cache.set("user:2", b"old", ttl=600)
    run(url, *BY_COLUMN, events=lines(transaction(0x100, insert({"id": 1}), delete({"id": 2}))))
    assert not is_outdated(cache, 1, 1) and not is_outdated(cache, 2, 1)


@pytest.mark.parametrize("form", [1, 2])
def test_the_end_of_the_transaction_is_a_version_too(url: str, cache: resilicache.Cache, form: int) -> None:
    change = {"kind": "insert", "schema": "public", "table": "users", "columnnames": ["id"], "columnvalues": [1]}
    of_form = {1: {"nextlsn": "1/100", "change": [change]}, 2: transaction(0x100000100, insert({"id": 1}))}
    run(url, *BY_LSN, events=lines(of_form[form]))
    assert is_outdated(cache, 1, 0x1000000FF) and not is_outdated(cache, 1, 0x100000100)


@pytest.mark.parametrize("value", [-1, "7", 1.5, 1 << 63, [], True])
def test_what_is_no_version_stops_it(shared: Server, value: object) -> None:
    done = relay(shared.url, *BY_COLUMN, events=lines(transaction(0x100, insert({"id": 1, "version": value}))))
    assert done.returncode == FAILED and "the column 'version' of public.users is no version" in done.stderr


def test_feeders_without_the_lsn_of_a_commit_are_told_so(shared: Server) -> None:
    done = relay(shared.url, "--map", "shop.users=user:{id}", "--version", "lsn",
                 events=lines(maxwell("insert", {"id": 1}, 100)))  # fmt: skip
    assert done.returncode == FAILED and "the event has no LSN of its commit: only wal2json tells it" in done.stderr
    assert relay(shared.url, *BY_LSN, "--by-line").returncode == WRONG

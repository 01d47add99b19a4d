"""User and password: where they may come from, how they change while a cache is open, and that nobody sees them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import resilicache
from secured import PATIENT, eventually, refusal
from servers import Server

SECRET = "pass/word?&%25 of:today"
OTHER = "tomorrow's"


@pytest.fixture
def guarded(start: Callable[..., Any]) -> Any:
    """Its user `app` needs a password; the default one, which the test is, needs none."""
    server = start(Server, "redis7")
    server.ask("ACL", "SETUSER", "app", "on", "~*", "&*", "+@all")
    let_in(server, SECRET)
    return server


def let_in(server: Server, password: str) -> None:
    """With this password and no other, from now on."""
    server.ask("ACL", "SETUSER", "app", "resetpass", ">" + password)


def as_app(server: Server, **options: Any) -> resilicache.Cache:
    return resilicache.Cache(server.url, **{**PATIENT, "username": "app", **options})


def test_an_option_is_the_password(guarded: Server) -> None:
    with as_app(guarded, password=SECRET) as cache:
        assert cache.get("k") is None


def test_options_go_over_the_url(guarded: Server) -> None:
    url = guarded.url.replace("://", "://nobody:wrong@")
    with resilicache.Cache(url, username="app", password=SECRET, **PATIENT) as cache:
        assert cache.get("k") is None
    with resilicache.Cache(guarded.url.replace("://", "://app:wrong@"), password=SECRET, **PATIENT) as cache:
        assert cache.get("k") is None


def test_a_variable_of_the_environment_is_the_password(guarded: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_USER", "app")
    monkeypatch.delenv("APP_PASSWORD", raising=False)
    with resilicache.Cache(guarded.url, username_env="APP_USER", password_env="APP_PASSWORD", **PATIENT) as cache:
        error = refusal(lambda: cache.get("k"))
        assert isinstance(error, resilicache.InvalidError)
        assert "'password_env' names the environment variable 'APP_PASSWORD', which is not set" in str(error)
        monkeypatch.setenv("APP_PASSWORD", SECRET)
        assert eventually(lambda: cache.get("k")) is None


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_file_is_the_password(guarded: Server, tmp_path: Path, end: str) -> None:
    path = tmp_path / "password"
    path.write_bytes((SECRET + end).encode())
    with as_app(guarded, password_file=str(path), password="wrong") as cache:
        assert cache.get("k") is None


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "No such file or directory"),
        (b"\n", "it is empty"),
        (b"a\0b", "it has a zero byte in it"),
        (b"x" * 65537, "it is larger than 64 KiB"),
    ],
)
def test_a_file_that_is_no_password_is_named(
    guarded: Server, tmp_path: Path, content: bytes | None, words: str
) -> None:
    path = tmp_path / "password"
    if content is not None:
        path.write_bytes(content)
    with as_app(guarded, password_file=str(path)) as cache:
        error = refusal(lambda: cache.get("k"))
        assert isinstance(error, resilicache.InvalidError) and f"'password_file' is '{path}': {words}" in str(error)


def cut_off(server: Server) -> None:
    server.ask("CLIENT", "KILL", "USER", "app")


def test_a_file_that_changes_counts_for_the_next_connection(guarded: Server, tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_text(SECRET)
    with as_app(guarded, password_file=str(path)) as cache:
        cache.set("k", b"v", ttl=60)
        let_in(guarded, OTHER)
        cut_off(guarded)
        assert isinstance(refusal(lambda: cache.get("k")), resilicache.AuthError)
        path.write_text(OTHER)
        assert eventually(lambda: cache.get("k")) == b"v"


def test_a_program_gives_new_credentials(guarded: Server) -> None:
    with as_app(guarded, username="nobody", password="wrong") as cache:
        assert isinstance(refusal(lambda: cache.get("k")), resilicache.AuthError)
        cache.credentials("app", SECRET)
        assert eventually(lambda: cache.get("k")) is None
        let_in(guarded, OTHER)
        cache.credentials("app", OTHER)
        assert cache.get("k") is None
        cut_off(guarded)
        assert eventually(lambda: cache.get("k")) is None


def test_what_the_program_gave_can_be_taken_back(guarded: Server) -> None:
    with as_app(guarded, password=SECRET) as cache:
        cache.credentials(None, "wrong")
        assert isinstance(refusal(lambda: cache.get("k")), resilicache.AuthError)
        cache.credentials(None, None)
        assert eventually(lambda: cache.get("k")) is None
        cache.credentials("", "ignored")
        cut_off(guarded)
        assert eventually(lambda: cache.get("k")) is None


def test_a_child_process_has_what_its_parent_was_given(guarded: Server) -> None:
    with as_app(guarded, password="wrong") as cache:
        cache.credentials("app", SECRET)
        cache.set("k", b"v", ttl=60)
        child = os.fork()
        if child == 0:
            os._exit(0 if cache.get("k") == b"v" else 1)
        assert os.waitpid(child, 0)[1] == 0


def test_credentials_are_text_and_fit() -> None:
    with resilicache.Cache() as cache:
        with pytest.raises(TypeError, match="password is str or None, not bytes"):
            cache.credentials("app", b"secret")  # type: ignore[arg-type]
        with pytest.raises(resilicache.InvalidError, match="the password is longer than 64 KiB"):
            cache.credentials("app", "x" * 65537)
        with pytest.raises(ValueError, match="NUL"):
            cache.credentials("app", "a\0b")
    with pytest.raises(resilicache.ClosedError):
        cache.credentials("app", "secret")


def test_no_message_has_the_password(guarded: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "hunter2"
    path = tmp_path / "password"
    path.write_text(secret)
    monkeypatch.setenv("APP_PASSWORD", secret)
    sources: list[dict[str, str]] = [
        {"password": secret},
        {"password_file": str(path)},
        {"password_env": "APP_PASSWORD"},
    ]
    for options in sources:
        with as_app(guarded, **options) as cache:
            seen = [str(refusal(lambda: cache.get("k"))), repr(cache), str(cache.stats())]
            assert not any(secret in text for text in seen), seen
    with resilicache.Cache(f"{guarded.url}?password={secret}") as cache:
        assert secret not in repr(cache)
    with pytest.raises(resilicache.InvalidError) as refused:
        resilicache.Cache(guarded.url, password=secret * 10000)
    assert secret not in str(refused.value)

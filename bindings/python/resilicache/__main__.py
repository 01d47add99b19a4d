"""The command line tool in Python: the commands, flags and output of the C one, as far as they are about entries."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Callable
from typing import NamedTuple, NoReturn

from . import __version__
from .cache import Cache
from .errors import Error, InvalidError
from .options import options

DONE, ABSENT, USAGE, FAILED = range(4)
COMMAND_SAYS_ABSENT = 100
UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


class Arguments(NamedTuple):
    words: list[str]
    command: list[str]
    """What follows "--"."""
    options: dict[str, str]
    ttl: float
    strong: bool | None
    json: bool


class Usage(Exception):
    """Wrong arguments, in words."""


def _seconds(text: str) -> float:
    for unit in ("ms", "s", "m", "h", ""):
        if text.endswith(unit):
            try:
                seconds = float(text.removesuffix(unit)) * UNITS.get(unit, 1.0)
            except ValueError:
                break
            if 0.001 <= seconds < 1e12:
                return seconds
            break
    raise Usage(f"--ttl '{text}' is no time to live: write 500ms, 10s, 5m or 1h")


def parse(arguments: list[str]) -> Arguments:
    """
    >>> parse(["get", "memory://", "user:1", "--json"]).words
    ['get', 'memory://', 'user:1']
    """
    split = arguments.index("--") if "--" in arguments else len(arguments)
    rest = iter(arguments[:split])
    words: list[str] = []
    chosen: dict[str, str] = {}
    ttl, strong, as_json = 60.0, None, False
    for word in rest:
        if word in ("--ttl", "--option"):
            value = next(rest, None)
            if value is None:
                raise Usage(f"{word} wants a value")
            if word == "--ttl":
                ttl = _seconds(value)
            elif "=" in value:
                name, _, chosen_value = value.partition("=")
                chosen[name] = chosen_value
            else:
                raise Usage("--option wants NAME=VALUE, as in --option lock_expire=5s")
        elif word == "--strong":
            strong = True
        elif word == "--json":
            as_json = True
        elif word.startswith("--") and word not in ("--help", "--version"):
            raise Usage(f"unknown flag {word}; `python -m resilicache --help` lists them")
        else:
            words.append(word)
    return Arguments(words, arguments[split + 1 :], chosen, ttl, strong, as_json)


def _for_json(value: bytes) -> object:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(value).decode()}


def _complain(code: int, message: str) -> int:
    print(f"resilicache: {message}", file=sys.stderr)
    return code


def _print_value(arguments: Arguments, key: str, outcome: str, value: bytes | None) -> int:
    if arguments.json:
        shown = None if value is None else _for_json(value)
        print(json.dumps({"key": key, "outcome": outcome, "value": shown}, ensure_ascii=False))
    elif value is None:
        _complain(ABSENT, f"'{key}' is not there")
    else:
        sys.stdout.buffer.write(value)
        if sys.stdout.isatty():
            print()
    return ABSENT if value is None else DONE


def get(cache: Cache, arguments: Arguments, key: str) -> int:
    value = cache.get(key)
    return _print_value(arguments, key, "absent" if value is None else "hit", value)


def set_(cache: Cache, arguments: Arguments, key: str, value: str) -> int:
    cache.set(key, sys.stdin.buffer.read() if value == "-" else value.encode("utf-8", "surrogateescape"), arguments.ttl)
    return DONE


def fetch(cache: Cache, arguments: Arguments, key: str) -> int:
    if not arguments.command:
        raise Usage(f"usage: python -m resilicache {COMMANDS['fetch'].usage}")

    def load() -> bytes | None:
        run = subprocess.run(arguments.command, stdout=subprocess.PIPE)
        if run.returncode == COMMAND_SAYS_ABSENT:
            return None
        if run.returncode != 0:
            raise RuntimeError(f"'{arguments.command[0]}' ended with exit code {run.returncode}")
        return run.stdout

    outcome, value = cache._fetch_inline(key, arguments.ttl, load, arguments.strong)
    return _print_value(arguments, key, outcome, value)


def _print_count(arguments: Arguments, verb: str, count: int) -> int:
    print(json.dumps({verb: count}) if arguments.json else f"{verb} {count}")
    return DONE


def invalidate(cache: Cache, arguments: Arguments, *keys: str) -> int:
    cache.invalidate(*keys)
    return _print_count(arguments, "invalidated", len(keys))


def delete(cache: Cache, arguments: Arguments, *keys: str) -> int:
    return _print_count(arguments, "deleted", cache.delete(*keys))


def inspect(cache: Cache, arguments: Arguments, key: str) -> int:
    entry = cache.inspect(key)
    if entry is None:
        return _print_value(arguments, key, "absent", None)
    if arguments.json:
        print(json.dumps({"key": key, **entry}, ensure_ascii=False))
    else:
        print("".join(f"{name} {value}\n" for name, value in entry.items()), end="")
    return DONE


def print_options(arguments: Arguments) -> int:
    if arguments.json:
        rows = [json.dumps(option._asdict(), ensure_ascii=False) for option in options()]
        print("[" + ",\n ".join(rows) + "]")
        return DONE
    for option in options():
        print(f"{option.name:<26} {option.default:<8} {option.range:<14} {option.help}")
    return DONE


def print_version(arguments: Arguments) -> int:
    print(json.dumps({"version": __version__}) if arguments.json else f"resilicache {__version__}")
    return DONE


class Command(NamedTuple):
    run: Callable[..., int]
    words: range
    """How many words may follow the URL."""
    usage: str
    help: str


MANY = 1_000_000
COMMANDS = {
    "get": Command(get, range(1, 2), "get URL KEY", "the stored value, whatever its state"),
    "set": Command(set_, range(2, 3), "set URL KEY VALUE [--ttl 60s]", "store a value (VALUE '-': standard input)"),
    "fetch": Command(
        fetch,
        range(1, 2),
        "fetch URL KEY [--ttl 60s] [--strong] -- COMMAND [ARG ...]",
        "the cached value, or what COMMAND prints (its exit code 100: there is none)",
    ),
    "invalidate": Command(
        invalidate, range(1, MANY), "invalidate URL KEY ...", "tag as deleted: readers get a new one"
    ),
    "delete": Command(delete, range(1, MANY), "delete URL KEY ...", "remove at once"),
    "inspect": Command(inspect, range(1, 2), "inspect URL KEY", "state, lease, time to live and owner of an entry"),
}


def help_text() -> str:
    lines = [f"python -m resilicache {__version__}: a cache that keeps its promises", ""]
    lines += [f"  {command.usage:<58} {command.help}" for command in COMMANDS.values()]
    lines += [f"  {'options':<58} every option: name, default, range, meaning"]
    lines += [f"  {'version':<58} which one this is; also --version", ""]
    lines += [
        "  --json                 output for machines",
        "  --option NAME=VALUE    any option of `options`; also in the URL: redis://host?NAME=VALUE",
        "  URL                    memory://  redis://[user:password@]host[:port][/db]  valkey://...  unix:///path",
        "",
        "Exit codes: 0 done, 1 the key is not there, 2 wrong arguments, 3 it failed.",
    ]
    return "\n".join(lines)


def run(arguments: Arguments) -> int:
    name, *words = arguments.words or ["--help"]
    if name in ("--help", "help"):
        print(help_text(), file=sys.stdout if arguments.words else sys.stderr)
        return DONE if arguments.words else USAGE
    if name == "options":
        return print_options(arguments)
    if name in ("--version", "version"):
        return print_version(arguments)
    command = COMMANDS.get(name)
    if command is None:
        raise Usage(f"there is no command '{name}'; `python -m resilicache --help` lists them")
    if len(words) - 1 not in command.words:
        raise Usage(f"usage: python -m resilicache {command.usage}")
    kept_for_later = {"invalidate_errors": "fail"}  # by a process that ends
    with Cache(words[0], **(kept_for_later | arguments.options)) as cache:
        return command.run(cache, arguments, *words[1:])


def main(arguments: list[str] | None = None) -> NoReturn:
    try:
        code = run(parse(sys.argv[1:] if arguments is None else arguments))
    except (Usage, InvalidError) as error:
        code = _complain(USAGE, str(error))
    except (Error, OSError, RuntimeError) as error:
        code = _complain(FAILED, str(error))
    sys.exit(code)


if __name__ == "__main__":
    main()

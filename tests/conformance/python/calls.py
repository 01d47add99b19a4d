"""A call as a case writes it, how it is made, and what came of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from words import Mistake, Word

import resilicache

TTL_S = 60.0
_UNITS = {"ms": 0.001, "s": 1.0}


@dataclass
class Failed:
    status: str
    message: str


Found = bytes | None | int | str | Failed | dict[str, str | int] | list[Any]
"""A value, None for absent, a count, "done", a failure, an entry's lines; or of a batch, one of these for each key."""


class LoaderFailed(Exception):
    """What a loader of a case raises."""

    permanent = False


def seconds(word: Word) -> float:
    found = re.fullmatch(r"(\d+)(ms|s)", str(word))
    if found is None:
        raise Mistake(f"{word} is no time: write 250ms or 3s")
    return int(found[1]) * _UNITS[found[2]]


@dataclass
class Call:
    verb: str
    names: list[bytes] = field(default_factory=list)
    value: bytes = b""
    at: str = "main"
    owner: bytes = b""
    ttl: float = TTL_S
    lease: float | None = None
    deadline: float | None = None
    strong: bool | None = None
    waiting: bool = False
    intent: bool = False
    inline: bool = False
    after: bytes | None = None
    seeing: Word | None = None
    failure: str | None = None
    nonsense: bool = False
    permanently: bool = False
    version: int | None = None
    primary: int | None = None
    forgotten: list[bytes] = field(default_factory=list)


VERBS = {"fetch", "batch", "get", "set", "raw-get", "raw-set", "invalidate", "delete", "inspect", "lock", "renew"}
VERBS |= {"unlock", "update"}
_FLAGS: dict[str, tuple[str, Any]] = {
    "strong": ("strong", True),
    "eventual": ("strong", False),
    "waiting": ("waiting", True),
    "intent": ("intent", True),
    "inline": ("inline", True),
    "nonsense": ("nonsense", True),
    "permanently": ("permanently", True),
}
_ATTRIBUTES: dict[str, tuple[str, Any]] = {
    "at": ("at", str),
    "by": ("owner", lambda word: word.text),
    "to": ("value", lambda word: word.text),
    "ttl": ("ttl", seconds),
    "lease": ("lease", seconds),
    "deadline": ("deadline", seconds),
    "after": ("after", lambda word: word.text),
    "seeing": ("seeing", lambda word: word),
    "version": ("version", lambda word: int(str(word))),
    "primary": ("primary", lambda word: int(str(word))),
    "fails": ("failure", str),
    "throws": ("failure", str),
}


def _is_attribute(word: Word) -> bool:
    return not word.quoted and (str(word) in _FLAGS or str(word) in _ATTRIBUTES or str(word) == "forgetting")


def call_of(words: Sequence[Word]) -> Call:
    verb = str(words[0])
    if verb not in VERBS or words[0].quoted:
        raise Mistake(f"{verb} is neither a step nor a call")
    call = Call(verb)
    rest = list(words[1:])
    while rest and not _is_attribute(rest[0]):
        call.names.append(rest.pop(0).text)
    if verb in ("set", "raw-set"):
        call.value = call.names.pop()
    while rest:
        word = str(rest.pop(0))
        if word in _FLAGS:
            name, value = _FLAGS[word]
            setattr(call, name, value)
        elif word in _ATTRIBUTES and rest:
            name, read = _ATTRIBUTES[word]
            setattr(call, name, read(rest.pop(0)))
        elif word == "forgetting":
            while rest and not _is_attribute(rest[0]):
                call.forgotten.append(rest.pop(0).text)
        else:
            raise Mistake(f"{word} is nothing that a call has, or wants something behind it")
    if len(call.names) != 1 and verb not in ("batch", "invalidate", "delete"):
        raise Mistake(f"{verb} wants one key, or this is something that no call has")
    return call


def failed_by(error: BaseException, call: Call) -> Failed:
    """Arguments of no use, and a loader's own failure, come as Python's own exceptions."""
    if isinstance(error, resilicache.Error):
        return Failed(error.status_name, str(error))
    if isinstance(error, LoaderFailed) or (isinstance(error, TypeError) and call.nonsense):
        return Failed("RCACHE_E_LOADER", str(error))
    if isinstance(error, ValueError):
        return Failed("RCACHE_E_INVALID", str(error))
    return Failed("RCACHE_E_CANCELED", repr(error))


def listed(call: Call, values: dict[bytes, bytes | None] | None, failure: Failed | None) -> Found:
    """One for each key, also where some failed; only the failure, where a loader's own left nothing else."""
    if values is None:
        return failure
    return [values.get(name, failure) for name in call.names]


def show(found: Found) -> str:
    if isinstance(found, bytes):
        text = found.decode("utf-8", "backslashreplace")
        return f'"{text}"' if len(text) <= 60 else f'"{text[:60]}..." of {len(found)} bytes'
    if isinstance(found, Failed):
        return f"{found.status} ({found.message})"
    if isinstance(found, dict):
        return ", ".join(f"{name} {value}" for name, value in found.items())
    if isinstance(found, list):
        shown = " ".join(show(one) for one in found[:20])
        return shown if len(found) <= 20 else f"{shown} ... of {len(found)}"
    return "absent" if found is None else str(found)


def succeeded(found: Found) -> bool:
    return not any(isinstance(one, Failed) for one in (found if isinstance(found, list) else [found]))


def _meets_one(found: Found, word: Word) -> bool:
    if word.quoted:
        return found == word.text
    text = str(word)
    if text.startswith("RCACHE_"):
        return isinstance(found, Failed) and found.status == text
    if text == "absent":
        return found is None
    return found == (int(text) if text.isdigit() else text)


def _line_meets(found: str | int | None, word: Word) -> bool:
    bounds = re.fullmatch(r"(\d+)\.\.(\d+)", str(word))
    if bounds is not None:
        return isinstance(found, int) and int(bounds[1]) <= found <= int(bounds[2])
    return str(found) == str(word)


def meets(found: Found, expected: Sequence[Word], call: Call) -> bool:
    first = expected[0]
    said = str(expected[2]) if len(expected) == 3 and str(expected[1]) == "saying" else None
    is_status = not first.quoted and first.text.startswith(b"RCACHE_") and (len(expected) == 1 or said is not None)
    if isinstance(found, dict):
        pairs = zip(expected[::2], expected[1::2], strict=True)
        return len(expected) > 1 and all(_line_meets(found.get(str(name)), value) for name, value in pairs)
    if is_status:
        failures = [one for one in (found if isinstance(found, list) else [found]) if isinstance(one, Failed)]
        return bool(failures) and failures[0].status == str(first) and (said or "") in failures[0].message
    if isinstance(found, list):
        if str(first) == "named" and not first.quoted:
            return found == call.names
        return len(found) == len(expected) and all(map(_meets_one, found, expected))
    return len(expected) == 1 and _meets_one(found, first)

"""What can be set: in Cache(...), in a URL's query and on the command line."""

from __future__ import annotations

from typing import NamedTuple

from . import _native as native


class Option(NamedTuple):
    """One option, in words."""

    name: str
    type: str
    default: str
    range: str
    help: str


def options() -> list[Option]:
    """Every option that there is.

    >>> [option.default for option in resilicache.options() if option.name == "lock_expire"]
    ['3s']
    """
    return [Option(*row) for row in native.describe_options()]

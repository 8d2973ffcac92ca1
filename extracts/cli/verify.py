"""`extracts verify`: what a recipient runs; works with the recipient extra alone, offline."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from extracts.cli.options import Json
from extracts.cli.output import answer, out
from extracts.errors import VerificationFailed


def verify(
    folder: Annotated[
        Path,
        typer.Argument(
            help="A delivery's folder, or an agreement's with all its deliveries.",
            metavar="DIR",
            exists=True,
            file_okay=False,
        ),
    ],
    signers: Annotated[
        Path, typer.Option(help="Your own copy of the controller's allowed_signers; never one that came along.")
    ],
    identity: Annotated[
        Path | None, typer.Option(help="Your age identity or unencrypted SSH key: opens the data in memory.")
    ] = None,
    rehearsal: Annotated[bool, typer.Option(help="Judge by the signatures of a rehearsal.")] = False,
    index_number: Annotated[
        int | None,
        typer.Option(
            "--index-number-at-least",
            help="The number of the newest index.json that you saw of this agreement; an older one fails.",
            min=0,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Check a delivery, back to the two people who approved it."""
    from extracts.handover.asking import telling_whom_to_ask
    from extracts.handover.chain import verify as verify_all

    now = datetime.now(UTC)
    with telling_whom_to_ask():
        found = verify_all(folder, signers, now, identity, rehearsal=rehearsal, least_number=index_number)
    lines = [line for one in found for line in one.sentences()]
    answer([one.document() for one in found], as_json, lambda: out.print("\n".join(lines), markup=False))
    if not all(one.passed for one in found):
        raise typer.Exit(VerificationFailed.exit_code)

"""`extracts receipts ...`: what recipients signed, taken in from their inboxes."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from extracts.cli.options import Json, workplace
from extracts.cli.output import answer, err, out

if TYPE_CHECKING:
    from extracts.steps.receipts import TakenIn

app = typer.Typer(no_args_is_help=True, help="Receipts and certificates from recipients.")


@app.command()
def take(as_json: Json = False) -> None:
    """Take in what lies in the inboxes. What is not right is refused, and its recipient told."""
    from extracts.steps.receipts import take_receipts

    done = take_receipts(workplace())
    answer(asdict(done), as_json, lambda: _show(done))
    if done.problems:
        raise typer.Exit(1)


def _show(done: TakenIn) -> None:
    for dealt in done.taken:
        out.print(f"{dealt.recipient}: taken: {', '.join(dealt.deliveries)}", markup=False)
    for dealt in done.refused:
        out.print(f"{dealt.recipient}: refused, {dealt.objection}: {dealt.digest}", markup=False)
    for problem in done.problems:
        err.print(problem, markup=False)
    waiting = f" {done.waiting} files wait for their other half." if done.waiting else ""
    out.print(f"Taken: {len(done.taken)}. Refused: {len(done.refused)}.{waiting}")

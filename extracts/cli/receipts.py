"""`extracts receipts take`, `withdraw` and `republish`: what becomes of deliveries after they left."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from extracts.cli.options import Actor, Json, Reasons, acting, workplace
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


Delivery = Annotated[str, typer.Argument(help="Id of the delivery.", metavar="DELIVERY", show_default=False)]


def withdraw(delivery_id: Delivery, reasons: Reasons, user: Actor = "", as_json: Json = False) -> None:
    """Take a delivery back for good, at once. Whoever has it is asked to destroy it."""
    from extracts.steps.taking_back import withdraw as take_back

    done = take_back(workplace(), delivery_id, acting(user), reasons)
    if done.collected_by:
        said = f"{done.collected_by} has it ({done.was}), and was asked to destroy it."
    else:
        said = f"No receipt says that {done.recipient} has it (it was {done.was}); they were told not to use it."
    told = f"{delivery_id} is withdrawn and out of the transfer area. {said}"
    answer(asdict(done), as_json, lambda: out.print(told, markup=False))


def republish(delivery_id: Delivery, user: Actor = "", as_json: Json = False) -> None:
    """Publish again what nobody had acknowledged in time."""
    from extracts.steps.taking_back import republish as publish_again

    path = publish_again(workplace(), delivery_id, acting(user))
    told = f"{delivery_id} can be collected again: {path}"
    answer({"delivery": delivery_id, "path": str(path)}, as_json, lambda: out.print(told, markup=False))


def _show(done: TakenIn) -> None:
    for dealt in done.taken:
        out.print(f"{dealt.recipient}: taken: {', '.join(dealt.deliveries)}", markup=False)
    for dealt in done.refused:
        out.print(f"{dealt.recipient}: refused, {dealt.objection}: {dealt.digest}", markup=False)
    for problem in done.problems:
        err.print(problem, markup=False)
    waiting = f" {done.waiting} files wait for their other half." if done.waiting else ""
    out.print(f"Taken: {len(done.taken)}. Refused: {len(done.refused)}.{waiting}")

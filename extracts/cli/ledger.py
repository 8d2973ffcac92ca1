"""`extracts ledger ...`: read the record, and prove that nobody changed it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from extracts.cli.options import Json, workplace
from extracts.cli.output import answer, out, show_table

app = typer.Typer(no_args_is_help=True, help="The append-only record of everything that happened.")


@app.command()
def show(
    subject: Annotated[str, typer.Option(help="Only about this request or delivery.")] = "",
    kind: Annotated[str, typer.Option(help="Only of this kind, such as delivery.published.")] = "",
    limit: Annotated[int, typer.Option(help="How many, newest first.", min=1, max=10_000)] = 50,
    as_json: Json = False,
) -> None:
    """The newest events."""
    from extracts.record import ledger
    from extracts.record.transaction import reading

    with reading(workplace().register) as view:
        found = ledger.events(
            view.connection, subject=subject or None, kind=kind or None, limit=limit, newest_first=True
        )
    fields = ("sequence", "at", "kind", "subject", "actor", "payload")
    rows = [{name: getattr(e, name) for name in fields} for e in found]
    table = [(e.sequence, f"{e.at:%Y-%m-%d %H:%M}", e.kind, e.subject, e.actor) for e in found]
    answer(rows, as_json, lambda: show_table("Ledger", ("#", "at (UTC)", "kind", "subject", "actor"), table))


@app.command()
def verify(
    anchors: Annotated[
        list[Path] | None, typer.Option(help="A folder of deliveries, whose manifests are anchors; may be repeated.")
    ] = None,
    since_checkpoint: Annotated[
        bool, typer.Option("--since-checkpoint", help="Only what came after the last time that nothing was wrong.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Prove the chain of events. Anchors that somebody else keeps are held against it."""
    from extracts.steps.ledger_check import check_ledger

    work = workplace()
    report = check_ledger(
        work, anchors or (work.places.drop_zone,), required=bool(anchors), since_checkpoint=since_checkpoint
    )
    document = {
        "passed": report.passed,
        "events": report.events,
        "head": {"sequence": report.head.sequence, "digest": report.head.digest},
        "anchors_matched": len(report.anchors_matched),
        "not_checked": list(report.not_checked),
        "found": str(report),
    }
    answer(document, as_json, lambda: out.print(str(report), markup=False))
    if not report.passed:
        raise typer.Exit(1)

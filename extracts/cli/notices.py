"""`extracts notices ...`: what people were told, and sending what waits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from extracts.cli.options import Json, workplace
from extracts.cli.output import answer, err, out, show_table

if TYPE_CHECKING:
    from extracts.record.notices import KeptNotice, Sending

app = typer.Typer(no_args_is_help=True, help="What people are told, and whether it reached them.")


@app.command()
def send(as_json: Json = False) -> None:
    """Raise what time has caused, and send what is due."""
    from extracts.steps.notice_sending import send_notices

    done = send_notices(workplace())
    said = f"Raised: {done.raised}. Sent: {done.sent}. Not sent: {done.failed}."
    answer(done.__dict__, as_json, lambda: out.print(said))
    if done.problems or done.failed:
        for problem in done.problems if not as_json else ():
            err.print(problem, markup=False)
        raise typer.Exit(1)


@app.command("list")
def list_all(
    request_id: Annotated[str, typer.Option(help="Only about this request.")] = "",
    waiting: Annotated[bool, typer.Option("--waiting", help="Only those that did not reach everybody.")] = False,
    limit: Annotated[int, typer.Option(help="How many, newest first.", min=1, max=10_000)] = 50,
    as_json: Json = False,
) -> None:
    """Notices, newest first, and how far they got."""
    from extracts.record import notices as outbox
    from extracts.record.transaction import reading

    with reading(workplace().register) as view:
        kept = outbox.list_notices(view, request_id=request_id, limit=limit)
        sendings = outbox.sendings_of(view, [k.notice.notice_id for k in kept])
    rows = [_row(k, [s for s in sendings if s.notice_id == k.notice.notice_id]) for k in kept]
    shown = [r for r in rows if not waiting or r["state"] != "sent"]
    columns = ("request", "about", "to", "raised", "state")
    answer(shown, as_json, lambda: show_table("Notices", columns, [[r[c] for c in columns] for r in shown]))


def _row(kept: KeptNotice, sendings: list[Sending]) -> dict[str, Any]:
    notice = kept.notice
    return {
        "id": notice.notice_id,
        "request": notice.request_id,
        "version": notice.version,
        "about": notice.kind,
        "to": notice.audience,
        "raised": f"{kept.raised_at:%Y-%m-%d %H:%M}",
        "state": _state(sendings),
        "subject": notice.subject,
        "body": notice.body,
        "sendings": [
            {
                "channel": s.channel,
                "attempts": s.attempts,
                "sent_at": s.sent_at,
                "next_try_at": None if s.sent_at else s.next_try_at,
                "failure": s.failure,
            }
            for s in sendings
        ],
    }


def _state(sendings: list[Sending]) -> str:
    """Sent to all; or what it waits for, with the reason of the last failure."""
    if not sendings:
        return "waits for the next sender"
    open_ = [s for s in sendings if s.sent_at is None]
    if not open_:
        return "sent"
    worst = max(open_, key=lambda s: s.attempts)
    if not worst.failure:
        return f"waits for the next sender ({worst.channel})"
    return f"failed {worst.attempts} times, next try {worst.next_try_at:%Y-%m-%d %H:%M}: {worst.failure}"

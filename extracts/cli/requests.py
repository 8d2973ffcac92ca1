"""`extracts request ...` and `extracts plan`: what requesters and the Board read and send."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from extracts.cli.briefings import feasibility
from extracts.cli.options import Actor, Json, Reasons, RequestId, acting, workplace
from extracts.cli.output import answer, out, show_table
from extracts.cli.reviews import start_if_set
from extracts.errors import UsageError

if TYPE_CHECKING:
    from extracts.agreement.clocks import Clock
    from extracts.record.entries import RequestEntry
    from extracts.steps.requests import Examined

app = typer.Typer(no_args_is_help=True, help="Ask for data, and see where a request stands.")
Feasible = Annotated[
    bool,
    typer.Option(
        "--feasibility", help="Answer per column whether it can be had, counted in the source; it is recorded."
    ),
]
Page = Annotated[
    Path | None,
    typer.Option(
        "--page",
        help="With --feasibility: write the answer as a signed page, too, and FILE.sig beside it.",
        metavar="FILE",
        show_default=False,
    ),
]
File = Annotated[
    Path, typer.Argument(help="A request in YAML, as in examples/requests/.", metavar="FILE", show_default=False)
]


@app.command()
def check(file: File, feasible: Feasible = False, page: Page = None, user: Actor = "", as_json: Json = False) -> None:
    """Check a request; nothing is saved. By its schema, the catalogue and the policy."""
    from extracts.steps.requests import check_request

    if feasible:
        feasibility(file, page, user, as_json)
        return
    if page:
        raise UsageError("--page is the answer to --feasibility.", advice="Give both.")
    _show(check_request(workplace(), file), as_json)


@app.command()
def submit(file: File, user: Actor = "", as_json: Json = False) -> None:
    """Submit a request to the Board; the same again changes nothing."""
    from extracts.steps.requests import stored_request, submit_request

    work = workplace()
    examined = submit_request(work, file, acting(user))
    start_if_set(examined.request.request_id, examined.request.version)
    _show(examined, as_json, failing=False)
    if not as_json:
        entry = stored_request(work, examined.request.request_id, examined.request.version)
        out.print(f"\n{entry.request_id} version {entry.version} is {entry.status}.")


@app.command("list")
def list_all(
    status: Annotated[str, typer.Option(help="Only those with this status.")] = "",
    recipient: Annotated[str, typer.Option(help="Only those for this recipient.")] = "",
    overdue: Annotated[bool, typer.Option("--overdue", help="Only those that are overdue.")] = False,
    as_json: Json = False,
) -> None:
    """All requests on the register, with their clocks."""
    from extracts.record import register
    from extracts.record.transaction import reading
    from extracts.steps.clocks import clocks_of

    work, statuses = workplace(), (_status(status),) if status else ()
    with reading(work.register) as view:
        entries = register.list_requests(view, statuses=statuses, recipient=recipient)
        clocks = clocks_of(work, view, entries)
    timed = [(e, clocks.get((e.request_id, e.version))) for e in entries]
    found = [(row_of(e), clock) for e, clock in timed if not overdue or (clock and clock.overdue)]
    columns = ("id", "version", "title", "recipient", "status")
    table = [[*(row[c] for c in columns), *_clock_cells(clock)] for row, clock in found]
    answer(
        [{**row, "clock": clock.document() if clock else None} for row, clock in found],
        as_json,
        lambda: show_table("Requests", (*columns, "days", "target", "due"), table),
    )


def _clock_cells(clock: Clock | None) -> tuple[object, ...]:
    """Working days, target, and when it is due; empty for a version that a newer one replaced."""
    if clock is None:
        return "", "", ""
    due = f"{'OVERDUE ' if clock.overdue else ''}{clock.due_by or ''}" or clock.pace.name.lower()
    return clock.days, clock.target, due


def _status(word: str) -> str:
    from extracts.agreement.status import Status

    if word not in list(Status):
        raise UsageError(f"{word!r} is no status of a request.", advice=f"Use one of: {', '.join(Status)}.")
    return word


@app.command()
def withdraw(request_id: RequestId, reasons: Reasons, user: Actor = "", as_json: Json = False) -> None:
    """Take back what you asked for. An agreement that runs ends at once."""
    from extracts.steps.withdrawal import withdraw_request

    entry = withdraw_request(workplace(), request_id, acting(user), reasons)
    said = f"{request_id} version {entry.version}, which was {entry.status}, is withdrawn."
    document = {"request": request_id, "version": entry.version, "was": entry.status, "status": "withdrawn"}
    answer(document, as_json, lambda: out.print(said, markup=False))


def plan(request_id: RequestId, as_json: Json = False) -> None:
    """What would leave, or leaves, in plain English. Read this before signing."""
    from extracts.agreement.explanation import explain, explanation_data
    from extracts.agreement.facts import facts_of
    from extracts.steps.decided import foremost_decision
    from extracts.steps.requests import shown_plan

    work = workplace()
    decided = foremost_decision(work, request_id)
    shown, request = shown_plan(work, request_id)
    facts, today = facts_of(request, work.parties, work.datasets), work.today()
    answer(
        {**explanation_data(shown, facts, today), "decision": decided.decision.document() if decided else None},
        as_json,
        lambda: out.print(explain(shown, facts, today, decided.in_words() if decided else None), markup=False),
    )


def row_of(entry: RequestEntry) -> dict[str, Any]:
    """The line of a request in a list."""
    return {
        "id": entry.request_id,
        "version": entry.version,
        "title": entry.title,
        "requester": f"{entry.requester_name} ({entry.requester_organisation})",
        "recipient": entry.recipient,
        "status": entry.status,
        "submitted": f"{entry.submitted_at:%Y-%m-%d}",
    }


def _show(examined: Examined, as_json: bool, failing: bool = True) -> None:
    document = {
        "request": examined.request.request_id,
        "request_digest": examined.request.digest,
        "assessment": examined.assessment.document(),
        "plan_digest": examined.plan.digest if examined.plan else None,
        "refusal": examined.refusal,
        "next_dates": [d.isoformat() for d in examined.next_dates],
    }
    answer(document, as_json, lambda: _say(examined))
    if failing and examined.plan is None:
        raise typer.Exit(1)


def _say(examined: Examined) -> None:
    from extracts.agreement.request_fields import EMERGENCY

    out.print(examined.assessment.as_text(), markup=False)
    if examined.request.expedited:
        out.print(f"\nAsks for the expedited lane. {EMERGENCY}", markup=False)
    if examined.plan:
        out.print(f"\nPlan {examined.plan.digest}", markup=False)
        dates = ", ".join(f"{d:%a %d %b %Y}" for d in examined.next_dates)
        out.print(f"Next dates: {dates or 'none, it has ended'}", markup=False)
    else:
        # A floor lies below every rule: where all of them pass, nothing above says why.
        why = f": {examined.refusal}" if examined.assessment.passed else "."
        out.print(f"\nNo plan can be made of it as it stands{why}", markup=False)

"""`extracts run`, `redeliver`, `why`, `deliveries ...`, `source sql`: what engineers do and ask."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from extracts.cli.options import Actor, Json, RequestId, signed_in, workplace
from extracts.cli.output import answer, err, out, show_facts, show_table
from extracts.errors import AlreadyDelivered, Outcome, UsageError

if TYPE_CHECKING:
    from extracts.agreement.custody import CustodyNow
    from extracts.handover.dropzone.sftp_address import SftpAddress
    from extracts.record.delivery_entries import DeliveryEntry
    from extracts.steps.workplace import Workplace

deliveries_app = typer.Typer(no_args_is_help=True, help="What was delivered.")
source_app = typer.Typer(no_args_is_help=True, help="What the source's database administrator needs.")
Reason = Annotated[str, typer.Option("--reason", help="What was wrong; the recipient reads it.")]
Recipient = Annotated[str, typer.Option(help="Only to this one, where the agreement is for several.")]
Period = Annotated[str, typer.Option(help="2026-11, 2026-Q4, 2026-W47 or a date; default: the one due now.")]


def run(
    request_id: RequestId, period: Period = "", recipient: Recipient = "", user: Actor = "", as_json: Json = False
) -> None:
    """Run an agreement now, without Airflow. The same gates, the same record."""
    _run(request_id, period, user or signed_in(), "", as_json, recipient)


def redeliver(
    request_id: RequestId,
    reason: Reason,
    period: Period = "",
    recipient: Recipient = "",
    user: Actor = "",
    as_json: Json = False,
) -> None:
    """Deliver a period again. The new revision supersedes the one before; of several recipients, each one's own."""
    _run(request_id, period, user or signed_in(), _readable(reason), as_json, recipient)


def _readable(reason: str) -> str:
    """The reason as the recipient will read it. Raises UsageError for what cannot be seen."""
    from pydantic_core import PydanticCustomError

    from extracts.catalogue.forms import clean_text

    try:
        found = clean_text(reason)
    except PydanticCustomError as error:
        raise UsageError(f"--reason: {error.message()}.") from None
    if not found:
        raise UsageError("A correction needs its reason.", advice="Say what was wrong: --reason.")
    return found


def _run(request_id: str, period: str, user: str, reason: str, as_json: bool, recipient: str) -> None:
    from extracts.steps.run import RunKey, check_asked, run_all

    work = workplace()
    check_asked(work, request_id, period, recipient)
    run_id = f"manual-{work.now():%Y%m%dT%H%M%S.%f}"
    key = RunKey(
        request_id,
        run_id,
        period=period or None,
        started_by=user,
        signed_in_as=signed_in(),
        reason=reason,
        recipient=recipient,
    )
    found = run_all(work, key, lambda step: None if as_json else err.print(f"  {step} ..."))
    answer(found, as_json, lambda: _show_outcome(request_id, found))
    if found["outcome"] != Outcome.DELIVERED and found["error"] != AlreadyDelivered.__name__:
        raise typer.Exit(1)


def _show_outcome(request_id: str, found: dict[str, Any]) -> None:
    rows = [f"{dataset}: {count:,}" for dataset, count in found["rows"].items()]
    facts = {"gate": found["gate"], "reason": found["reason"], "delivery": found["delivery"], "rows": rows}
    show_facts(f"{request_id}: {found['outcome']}", {name: value for name, value in facts.items() if value})


def why(request_id: RequestId, period: Period = "", as_json: Json = False) -> None:
    """Why there is no delivery, and whose move it is. Also what is due next."""
    from extracts.steps.run import check_asked
    from extracts.steps.why import why as ask

    work = workplace()
    check_asked(work, request_id, period)
    found = ask(work, request_id, period)
    facts = {name: value for name, value in found.in_words().items() if value}
    answer(found.document(), as_json, lambda: show_facts(request_id, facts))


@deliveries_app.command("list")
def list_deliveries(
    request_id: Annotated[str, typer.Option(help="Only of this agreement.")] = "",
    recipient: Annotated[str, typer.Option(help="Only to this recipient.")] = "",
    tests: Annotated[
        bool, typer.Option("--rehearsals", help="The rehearsals instead, which are no deliveries.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Deliveries, where each is by now, and rehearsals apart."""
    from extracts.record import custody, register
    from extracts.record.transaction import reading

    work = workplace()
    rehearsed = _rehearsals(work, request_id, recipient)
    if tests:
        answer(rehearsed, as_json, lambda: _show_rehearsals(rehearsed))
        return
    with reading(work.register) as view:
        there = {c.delivery_id: c for c in custody.custodies(view, request_id=request_id, recipient=recipient)}
        found = [
            _row(d, work.places.drop_zone) | _custody(there.get(d.delivery_id))
            for d in register.list_deliveries(view, request_id=request_id, recipient=recipient)
        ]
    columns = ("id", "period", "revision", "recipient", "state", "custody", "destroy_by", "rows")

    def show() -> None:
        show_table("Deliveries", columns, [[d[c] for c in columns] for d in found])
        if rehearsed:
            _show_rehearsals(rehearsed)

    answer(found, as_json, show)


def _rehearsals(work: Workplace, request_id: str, recipient: str) -> list[dict[str, Any]]:
    from extracts.record import rehearsals
    from extracts.record.transaction import reading

    with reading(work.register) as view:
        found = rehearsals.list_rehearsals(view, request_id=request_id, recipient=recipient)
    return [
        {
            "id": r.rehearsal_id,
            "request": r.request_id,
            "recipient": r.recipient,
            "state": r.outcome,
            "sent": r.published_at,
            "acknowledged": r.acknowledged_at,
            "in_area": r.in_area,
            "manifest": r.manifest_digest,
        }
        for r in found
    ]


def _show_rehearsals(found: list[dict[str, Any]]) -> None:
    def at(when: Any) -> str:
        return f"{when:%Y-%m-%d %H:%M} UTC" if when else ""

    rows = [[r["id"], r["recipient"], r["state"], at(r["sent"]), at(r["acknowledged"])] for r in found]
    show_table("Rehearsals: made-up rows, no deliveries", ("id", "recipient", "state", "sent", "acknowledged"), rows)


@deliveries_app.command("show")
def show_delivery(
    delivery_id: Annotated[str, typer.Argument(help="Id of the delivery.", show_default=False)], as_json: Json = False
) -> None:
    """One delivery, its files, and each step of its custody."""
    from extracts.record import custody, register
    from extracts.record.transaction import reading

    work = workplace()
    with reading(work.register) as view:
        found = _row(register.get_delivery(view, delivery_id), work.places.drop_zone)
        there = custody.custodies(view, delivery_ids=(delivery_id,))
        found |= _custody(there[0] if there else None)
        steps = custody.custody_steps(view, delivery_id)
    found["steps"] = [{"step": s.step, "at": s.at, "by": s.actor, "document": s.document_digest} for s in steps]
    files = [f"{f['name']}  {f['rows']:,} rows  {f['bytes']:,} bytes" for f in found["files"]]
    at = f"{found['published']:%Y-%m-%d %H:%M} UTC" if found["published"] else ""
    went = [f"{s.at:%Y-%m-%d %H:%M} UTC  {s.step}, by {s.actor}" for s in steps]
    facts = {n: value for n, value in {**found, "published": at, "files": files, "steps": went}.items() if value}
    answer(found, as_json, lambda: show_facts(delivery_id, facts))


@source_app.command("sql")
def source_sql(
    request_id: Annotated[str, typer.Argument(help="Id of the agreement; none with --briefing.")] = "",
    ended: Annotated[bool, typer.Option("--ended", help="The script that takes it all away again.")] = False,
    briefing: Annotated[bool, typer.Option("--briefing", help="The script by which briefings may count.")] = False,
    system: Annotated[str, typer.Option(help="With --briefing: in which system, if there are several.")] = "",
    as_json: Json = False,
) -> None:
    """The script that makes an agreement's role. It reads its own columns and rows, and nothing else."""
    from extracts.steps.requests import stored_request
    from extracts.steps.source_script import ended_script, source_script

    if bool(request_id) == briefing:
        raise UsageError("Name an agreement, or ask for the script of --briefing.")
    work = workplace()
    if briefing:
        from extracts.steps.source_counting import briefing_script

        script = briefing_script(work, system)
    else:
        stored_request(work, request_id)
        script = (ended_script if ended else source_script)(work, request_id)
    answer({"request": request_id, "sql": script}, as_json, lambda: out.print(script, markup=False))


def _custody(there: CustodyNow | None) -> dict[str, Any]:
    """Where it is with its recipient, if it has left."""
    if there is None:
        return {"custody": "", "with_recipient": False, "destroy_by": None, "certificate_by": None}
    return {
        "custody": there.state,
        "with_recipient": there.with_recipient,
        "destroy_by": there.destroy_by,
        "certificate_by": there.certificate_by if there.must_be_destroyed else None,
    }


def _row(delivery: DeliveryEntry, drop_zone: Path | SftpAddress) -> dict[str, Any]:
    return {
        "id": delivery.delivery_id,
        "request": delivery.request_id,
        "period": delivery.period,
        "revision": delivery.revision,
        "recipient": delivery.recipient,
        "state": delivery.state,
        "path": str(drop_zone / delivery.path) if delivery.path else "",
        "rows": delivery.rows,
        "bytes": delivery.bytes,
        "published": delivery.published_at,
        "supersedes": delivery.supersedes,
        "reason": delivery.reason,
        "manifest": delivery.manifest_digest,
        "files": [{"name": f.name, "dataset": f.dataset, "rows": f.rows, "bytes": f.bytes} for f in delivery.files],
    }

"""`extracts request briefing`, `counter-offer`, `accept`, and what `request check --feasibility` answers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from extracts.cli.options import Actor, Json, RequestId, acting, signed_in, workplace
from extracts.cli.output import answer, out, show_facts, show_table
from extracts.cli.page_files import check_folder, put_signed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from extracts.agreement.briefing import Briefing, ColumnBriefing, DatasetBriefing, Feasibility
    from extracts.agreement.counter_offer import CounterOffer
    from extracts.steps.briefing import Feasible
    from extracts.steps.workplace import Workplace

Afresh = Annotated[bool, typer.Option("--afresh", help="Count again, and keep a new briefing.")]


def briefing(request_id: RequestId, afresh: Afresh = False, user: Actor = "", as_json: Json = False) -> None:
    """What the Board reads before it decides. Counted in the source, small counts hidden."""
    from extracts.steps.briefing import briefing_of

    found = briefing_of(workplace(), request_id, acting(user), afresh=afresh)
    answer({"digest": found.digest, **found.document()}, as_json, lambda: _say_briefing(found))


def counter_offer(request_id: RequestId, user: Actor = "", as_json: Json = False) -> None:
    """The smaller request that would pass. Beside the one that was asked for; the requester may accept it."""
    from extracts.steps.counter_offers import make_counter_offer

    found = make_counter_offer(workplace(), request_id, acting(user))
    answer({"digest": found.digest, **found.document()}, as_json, lambda: _say_offer(found))


def accept(request_id: RequestId, user: Actor = "", as_json: Json = False) -> None:
    """Accept the counter-offer, for its requester. It becomes the next version, and is decided like any other."""
    from extracts.steps.counter_offers import accept_counter_offer

    examined = accept_counter_offer(workplace(), request_id, user or signed_in(), acting(user))
    request, plan = examined.request, examined.plan
    told = {"request": request_id, "version": request.version, "request_digest": request.digest}
    told |= {"plan_digest": plan.digest if plan else ""}
    answer(told, as_json, lambda: out.print(f"{request_id} version {request.version} is submitted, as it was offered."))


def feasibility(file: Path, page: Path | None, user: str, as_json: bool) -> None:
    """Whether what a request file asks for is there to be had. Exit code 1 if something of it is not."""
    from extracts.agreement.availability import Availability
    from extracts.steps.briefing import check_feasibility

    work, actor = workplace(), acting(user)
    name = _checked(page) if page else ""
    examined = check_feasibility(work, file, actor)
    found = examined.feasibility
    if page:
        _put_page(work, examined, actor, name, page)
    answer({"digest": found.digest, **found.document()}, as_json, lambda: _say_feasibility(found))
    if page and not as_json:
        out.print(f"The page is in {page}, its signature in {page}.sig: send both.", markup=False)
    if any(c.answer.answer is not Availability.HELD for c in found.columns):
        raise typer.Exit(1)


def _checked(page: Path) -> str:
    from extracts.standalone.signed_page import checked_name

    check_folder(page)
    return checked_name(page.name)


def _put_page(work: Workplace, found: Feasible, actor: str, name: str, page: Path) -> None:
    from extracts.standalone.signed_page import feasibility_page

    made = feasibility_page(work, found, actor, name)
    put_signed(made.page.decode(), made.signature, page)


def _say_feasibility(found: Feasibility) -> None:
    _say_columns(found.columns)
    rows = [
        (name, told.rows, told.people, _yes(found.groups_may_leave.get(name))) for name, told in found.expected.items()
    ]
    if rows:
        show_table("One delivery, as asked", ("dataset", "rows", "people", "groups large enough"), rows)
    _say_not_counted(found.not_counted.items())
    out.print(f"Counts below {found.small_below} are hidden, and the others rounded. That you asked is recorded.")


def _say_briefing(found: Briefing) -> None:
    out.print(
        f"[bold]Briefing on {found.request_id} version {found.request_version}[/bold], counted on "
        f"{found.written_at:%Y-%m-%d %H:%M} UTC"
    )
    _say_columns(found.columns)
    for dataset in found.datasets:
        _say_dataset(dataset)
    _say_not_counted((d.dataset, d.not_counted) for d in found.datasets if d.not_counted)
    held = [
        (h.request_id, h.status, f"until {h.until}", f"{h.deliveries} deliveries", ", ".join(h.columns))
        for h in found.held_already
    ]
    show_table("What the recipient holds already", ("agreement", "status", "term", "so far", "columns"), held)
    out.print(f"New to the recipient: {', '.join(found.adds) or 'nothing'}\n", markup=False)
    similar = [
        (
            f"{s.request_id} v{s.version}",
            ", ".join(s.alike),
            s.outcome,
            s.decided_on,
            s.reason_code,
            "; ".join(s.refused),
        )
        for s in found.similar
    ]
    names = ("request", "same", "answer", "on", "reason", "columns refused")
    show_table("How similar requests were answered", names, similar)
    findings = [(f.rule, f.outcome, f.message, f.clause, f.fix) for f in found.findings]
    show_table("What the policy finds", ("rule", "finding", "what", "clause", "what to do"), findings)
    out.print(f"{found.rules_passed} rules passed. Counts below {found.small_below} are hidden, the others rounded.")
    out.print(f"Digest of this briefing: {found.digest}")


def _say_columns(columns: Iterable[ColumnBriefing]) -> None:
    rows = [(c.answer.column, c.answer.asked, c.answer.answer, _percent(c.filled_percent), _told(c)) for c in columns]
    show_table("Columns", ("column", "asked", "answer", "filled", "why, and what to do"), rows)


def _told(column: ColumnBriefing) -> str:
    found = column.answer
    clause = f"({found.clause})" if found.clause else ""
    return " ".join(part for part in (f"{found.why}." if found.why else "", found.what_to_do, clause) if part)


def _say_dataset(found: DatasetBriefing) -> None:
    age = "unknown" if found.age_hours is None else f"{found.age_hours} hours"
    facts: dict[str, object] = {
        "loaded": f"{age} ago; promised at most {found.promised_hours}, asked at most {found.asked_hours}",
        "fresh": found.stale or "yes",
        "owner": found.owner,
    }
    if found.expected_bytes is not None:
        facts["size"] = f"about {found.expected_bytes:,} bytes a delivery"
    show_facts(found.dataset, facts)
    if not found.source or not found.matching:
        return
    cells = {"in the source": found.source, "matching the conditions": found.matching}
    cells |= {f"  {fate}": told for fate, told in found.fates.items() if fate != "filtered"}
    show_table("Rows and people", ("", "rows", "people"), [(n, t.rows, t.people) for n, t in cells.items()])
    if found.groups:
        names = ("", "smallest group", f"people in groups below {found.k}", "share of rows", "may leave")
        rows = [
            (g.change or "as asked", g.smallest, g.people_below_k, _percent(g.rows_below_percent), _yes(g.may_leave))
            for g in found.groups
        ]
        show_table("People who look alike", names, rows)


def _say_offer(found: CounterOffer) -> None:
    rows = [(c.subject, c.asked, c.offered, c.why, c.clause) for c in found.changes]
    title = f"Counter-offer to {found.request_id} version {found.version}"
    show_table(title, ("what", "asked", "offered", "why", "clause"), rows)
    if not found.groups_counted:
        out.print("Whether groups of people are large enough was not counted.")
    out.print(f"Everything else stays as it was asked. Plan {found.plan_digest}")
    out.print(f"The requester accepts it by: extracts request accept {found.request_id}")


def _say_not_counted(found: Iterable[tuple[str, str]]) -> None:
    for dataset, why in found:
        out.print(f"{dataset}: rows were not counted, for {why}.", markup=False)


def _percent(share: int | None) -> str:
    return "" if share is None else f"{share} %"


def _yes(answer_: bool | None) -> str:
    return {True: "yes", False: "no", None: "not asked"}[answer_]

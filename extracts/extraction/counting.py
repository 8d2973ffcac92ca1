"""The funnel of one dataset, as the source counts it in the run's snapshot, and the limits that stop before reading.

Rules:
1. source = filtered + held + withheld + deliverable. What the plan's conditions or the period leave out is filtered.
   Rows that match are counted by a query that knows of no hold, rows left out by another that knows of nothing else,
   and delivered ones in the finished file: rows that get lost, or are read twice, do not add up.
2. A hold that says stop and ask stops everything: somebody has to decide about that person first.
3. Too many rows, or too few, stop before a single row is read.
4. Where there are several recipients, each one's rows are counted apart, and so are those that belong to none; each
   part has to keep the limits. Rows that belong to none stop everything, where the plan says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from extracts.agreement.plan import ExtractPlan, Period, Unassigned
from extracts.catalogue.contract import Dataset
from extracts.errors import CheckFailed, HoldStops, LimitExceeded
from extracts.extraction.left_out import NOBODY as NOBODY
from extracts.extraction.left_out import LeftOut
from extracts.extraction.sources.interface import Connection, Source
from extracts.extraction.sources.literals import text_literal
from extracts.extraction.sources.postgres import sql
from extracts.extraction.sources.rows import has_period, within
from extracts.extraction.sources.view_sql import SHARE, counts_of

_RESTRICTED, _HOLD, _SAFE_ADDRESS = "restricted", "hold", "safe address"


@dataclass(frozen=True)
class Counts:
    """What the source says of one dataset and period, in rows. unfit: deliverable ones with an amount that is none."""

    dataset: str
    source: int
    matching: int
    held: int
    withheld: int
    stop_and_ask: int
    unfit: int

    @property
    def deliverable(self) -> int:
        """Rows that should leave."""
        return self.matching - self.held - self.withheld


def read_counts(
    connection: Connection, source: Source, plan: ExtractPlan, dataset: Dataset, period: Period
) -> dict[str, Counts]:
    """The rows that match, nobody left out yet; by recipient. Rows of every period count as source, else this one's."""
    view = counts_of(plan, dataset)
    planned = {d.dataset: d for d in plan.datasets}[dataset.name]
    test = f" FILTER (WHERE {within(period, 'on_date', 'until_date')})" if has_period(planned) else ""
    counted = ["coalesce(sum(source), 0)::bigint"]
    counted += [f"coalesce(sum({c}){test}, 0)::bigint" for c in view.columns[3:] if c != SHARE]
    select = f"SELECT {', '.join(counted)} FROM {source.reading(view)}"
    if plan.division is None:
        return {plan.recipient: _every(_one(connection, select, dataset), source, connection, dataset)}
    found = {
        recipient: _one(connection, f"{select} WHERE {SHARE} = {text_literal(recipient)}", dataset)
        for recipient in plan.recipients
    }
    nobody = _one(connection, f"{select} WHERE {SHARE} IS NULL", dataset)
    others = sum(c.source for c in found.values())
    return found | {NOBODY: _every(nobody, source, connection, dataset, others)}


def _one(connection: Connection, query: str, dataset: Dataset) -> Counts:
    row = connection.execute(sql(query)).fetchone()
    assert row is not None
    every, matching, unfit = row
    return Counts(dataset.name, every, matching, 0, 0, 0, unfit)


def _every(found: Counts, source: Source, connection: Connection, dataset: Dataset, others: int = 0) -> Counts:
    """With the rows that the source never showed, for it filters too."""
    every = source.count(connection, dataset)
    return found if every is None else replace(found, source=every - others)


def without(counts: Counts, left_out: LeftOut) -> Counts:
    """The counts once those are left out who must be. Raises CheckFailed for a reason that is not known."""
    if unknown := left_out.rows.keys() - {_RESTRICTED, _HOLD, _SAFE_ADDRESS}:
        raise CheckFailed(f"{counts.dataset}: the source left rows out for {len(unknown)} unknown reasons.")
    return replace(
        counts,
        held=left_out.rows[_RESTRICTED] + left_out.rows[_HOLD],
        withheld=left_out.rows[_SAFE_ADDRESS],
        stop_and_ask=left_out.stop_and_ask,
        unfit=counts.unfit - left_out.unfit,
    )


def check_counts(part: ExtractPlan, period: Period, counts: tuple[Counts, ...], whose: str) -> None:
    """Raises HoldStops, CheckFailed or LimitExceeded, before anything is read.

    whose: the agreement, with the recipient of the part where it has several.
    """
    for found in counts:
        if found.stop_and_ask:
            raise HoldStops(
                f"{whose}, {found.dataset}, {period.label}: {found.stop_and_ask} rows are of people whose "
                "hold says stop and ask.",
                advice="Nothing was read. Ask the source's owner; the run goes on once each hold is decided.",
            )
        if found.unfit:
            raise CheckFailed(
                f"{whose}, {found.dataset}, {period.label}: {found.unfit} rows hold an amount that is not a number.",
                advice="Nothing was read. Ask the source's owner to correct them.",
            )
    check_rows(part, period, {c.dataset: c.deliverable for c in counts}, whose)


def check_unassigned(plan: ExtractPlan, period: Period, counts: Iterable[Mapping[str, Counts]]) -> None:
    """Raises CheckFailed if rows belong to none of several recipients, and the plan says stop."""
    if plan.division is None or plan.division.unassigned is Unassigned.LEAVE_OUT:
        return
    for found in counts:
        if nobody := found[NOBODY].deliverable:
            raise CheckFailed(
                f"{plan.request_id}, {found[NOBODY].dataset}, {period.label}: {nobody} rows belong to none of the "
                f"{len(plan.recipients)} recipients by their {plan.division.column}, and the agreement says stop.",
                advice="Nothing was read. Ask the source's owner; a new value of that column needs a new decision.",
            )


def check_rows(plan: ExtractPlan, period: Period, rows: dict[str, int], whose: str) -> None:
    """Raises LimitExceeded unless each dataset has enough rows, and all together not too many."""
    total = sum(rows.values())
    if total > plan.limits.max_rows:
        raise LimitExceeded(
            f"{whose}, {period.label}: {total} rows, but the agreement allows at most {plan.limits.max_rows}.",
            advice="Nothing leaves. Is the source wrong, or does the agreement need another limit (a new decision)?",
        )
    for dataset, number in rows.items():
        if number < plan.limits.min_rows:
            raise LimitExceeded(
                f"{whose}, {dataset}, {period.label}: {number} rows, but at least {plan.limits.min_rows} are expected.",
                advice="Nothing leaves. Was the source loaded whole, and is there anything for this period yet?",
            )

"""The SELECT behind each of an agreement's views. What is deployed must be this, word for word in meaning.

data      approved columns and rows, with the persons' columns and the period's, which only the engine sees
counts    per day: rows in the source, those that match, and those of these whose amount is no number; no row is a
          person's
stamps    load stamps, and whether the hold list is whole
holds     whom holds reach in this agreement, and their effect; for the membership role alone
left_out  who was left out and why, or whom a hold asks about, row by row; for the membership role alone

Where a plan has several recipients, `_share` says beside each row (in counts, of each group) whose it is, and the data
view shows no row that is nobody's. The column that divides is shown only if it is delivered.
"""

from __future__ import annotations

from dataclasses import dataclass

from extracts.agreement.plan import ExtractPlan, PlannedDataset
from extracts.catalogue.contract import ColumnType, Dataset
from extracts.extraction.sources import names, rows
from extracts.extraction.sources.literals import name, relation, text_array, text_literal

HOLD_TABLE = "hold"
SHARE = "_share"
LEFT_OUT_COLUMNS = ("person", "why", "on_date", "until_date", "leads", "unfit")
"""leads: the row's first person, so that rows can be counted by it; unfit: an amount of the row is not a number."""
HOLDS_COLUMNS = ("person", "why")


@dataclass(frozen=True)
class ExpectedView:
    """One view: `schema.name`, its definition, its columns in order, and which of the two roles may read it."""

    name: str
    definition: str
    columns: tuple[str, ...]
    for_membership: bool = False


def expected_views(plan: ExtractPlan, dataset: Dataset) -> tuple[ExpectedView, ...]:
    """The views of one of the plan's datasets; `dataset` is its contract."""
    return tuple(make(plan, dataset) for make in (data_of, counts_of, left_out_of))


def data_of(plan: ExtractPlan, dataset: Dataset) -> ExpectedView:
    """The view of approved columns and rows."""
    return _data(plan, planned_dataset(plan, dataset.name), rows.column_types(dataset))


def counts_of(plan: ExtractPlan, dataset: Dataset) -> ExpectedView:
    """The view of the funnel's counts."""
    return _counts(plan, planned_dataset(plan, dataset.name), rows.column_types(dataset))


def left_out_of(plan: ExtractPlan, dataset: Dataset) -> ExpectedView:
    """The view of who was left out, for the membership role."""
    return _left_out(plan, planned_dataset(plan, dataset.name), rows.column_types(dataset))


def stamps_view(plan: ExtractPlan) -> ExpectedView:
    """The one view that all datasets of a plan share."""
    tables = tuple(sorted({t for d in plan.datasets for t in d.load_tables} | {HOLD_TABLE}))
    known = f"h.effect = ANY ({text_array((rows.LEAVE_OUT, rows.STOP_AND_ASK))})"
    scope = " OR ".join(
        ["h.scope = 'all'::text", *(f"starts_with(h.scope, {text_literal(s)})" for s in ("gateway:", "agreement:"))]
    )
    readable = f"{known} AND ({scope}) AND {rows.has_person_form('h.person')} AND h.recorded_at IS NOT NULL"
    definition = (
        "SELECT s.table_name, s.loaded_at, s.row_count,"
        " (SELECT count(*) AS count FROM curated.hold h) AS hold_entries,"
        f" (SELECT count(*) AS count FROM curated.hold h WHERE ({readable}) IS NOT TRUE) AS hold_unreadable,"
        " (SELECT max(h.recorded_at) AS max FROM curated.hold h) AS hold_newest"
        f" FROM curated.load_stamp s WHERE s.table_name = ANY ({text_array(tables)})"
    )
    columns = ("table_name", "loaded_at", "row_count", "hold_entries", "hold_unreadable", "hold_newest")
    return ExpectedView(names.stamps_view(plan.request_id), definition, columns)


def holds_view(plan: ExtractPlan) -> ExpectedView:
    """Whom holds reach in this agreement, in whichever of its datasets; for the membership role."""
    person = rows.person_form("h.person")
    definition = (
        f"SELECT {person} AS person, h.effect AS why FROM curated.hold h WHERE {rows.in_scope(plan)}"
        f" GROUP BY ({person}), h.effect"
    )
    return ExpectedView(names.holds_view(plan.request_id), definition, HOLDS_COLUMNS, True)


def planned_dataset(plan: ExtractPlan, dataset: str) -> PlannedDataset:
    """The plan's part about this dataset. Raises KeyError."""
    return {d.dataset: d for d in plan.datasets}[dataset]


def read_columns(planned: PlannedDataset) -> tuple[str, ...]:
    """The source columns that the data view shows: approved ones first, then persons and period."""
    dates = (planned.period_column, planned.period_end_column)
    extra = [d for d in dates if d] if rows.has_period(planned) else []
    return tuple(dict.fromkeys([*(c.source for c in planned.columns), *planned.persons, *extra]))


def _data(plan: ExtractPlan, planned: PlannedDataset, types: dict[str, ColumnType]) -> ExpectedView:
    columns = read_columns(planned)
    tests = [rows.matching(planned, types)] if planned.conditions else []
    for marker in (planned.restricted_column, rows.safe_address(planned) != "false" and planned.safe_address_column):
        tests += [f"d.{name(marker)} IS FALSE"] if marker else []
    tests += rows.not_held(plan, planned)
    shown = [f"d.{name(c)}" for c in columns]
    if plan.division:
        tests.append(rows.assigned(plan.division))
        shown.append(f"{rows.share(plan.division)} AS {SHARE}")
        columns = (*columns, SHARE)
    where = f" WHERE {' AND '.join(tests)}" if tests else ""
    definition = f"SELECT {', '.join(shown)} FROM {relation(planned.relation)} d{where}"
    return ExpectedView(names.data_view(plan.request_id, planned.dataset), definition, columns)


def _counts(plan: ExtractPlan, planned: PlannedDataset, types: dict[str, ColumnType]) -> ExpectedView:
    facts = {
        "on_date": rows.on_date(planned, types),
        "until_date": rows.until_date(planned, types),
        "matching": rows.matching(planned, types),
        "no_number": rows.no_number(planned, types),
    }
    share = [SHARE] if plan.division else []
    facts |= {SHARE: rows.share(plan.division)} if plan.division else {}
    counted = {"matching": "r.matching", "unfit": "r.matching AND r.no_number"}
    definition = (
        "SELECT r.on_date, r.until_date, count(*) AS source, "
        + ", ".join(f"count(*) FILTER (WHERE {test}) AS {column}" for column, test in counted.items())
        + "".join(f", r.{column}" for column in share)
        + f" FROM (SELECT {', '.join(f'{fact} AS {alias}' for alias, fact in facts.items())}"
        f" FROM {relation(planned.relation)} d) r GROUP BY r.on_date, r.until_date"
        + "".join(f", r.{column}" for column in share)
    )
    columns = ("on_date", "until_date", "source", *counted, *share)
    return ExpectedView(names.counts_view(plan.request_id, planned.dataset), definition, columns)


def _left_out(plan: ExtractPlan, planned: PlannedDataset, types: dict[str, ColumnType]) -> ExpectedView:
    restricted, safe = rows.restricted(planned), rows.safe_address(planned)
    facts = {
        **{f"person_{i}": rows.person_form(f"d.{name(person)}") for i, person in enumerate(planned.persons)},
        "on_date": rows.on_date(planned, types),
        "until_date": rows.until_date(planned, types),
        "why": (
            f"CASE WHEN {restricted} THEN 'restricted'::text WHEN {rows.held(plan, planned)} THEN 'hold'::text"
            f" WHEN {safe} THEN 'safe address'::text ELSE {text_literal(rows.STOP_AND_ASK)} END"
        ),
        "unfit": rows.no_number(planned, types),
    }
    facts |= {SHARE: rows.share(plan.division)} if plan.division else {}
    share = (SHARE,) if plan.division else ()
    # The hold list is asked once of each row, and by effect only of those few that are on it.
    out = f"({restricted} OR {safe} OR {rows.held(plan, planned, (rows.LEAVE_OUT, rows.STOP_AND_ASK))})"
    people = ", ".join(f"(r.person_{i}, {'true' if i == 0 else 'false'})" for i in range(len(planned.persons)))
    definition = (
        f"SELECT p.person, r.why, r.on_date, r.until_date, p.leads, r.unfit{''.join(f', r.{s}' for s in share)} FROM"
        f" (SELECT {', '.join(f'{fact} AS {a}' for a, fact in facts.items())} FROM {relation(planned.relation)} d"
        f" WHERE {rows.matching(planned, types)} AND {out}) r"
        f" CROSS JOIN LATERAL (VALUES {people}) p(person, leads)"
    )
    columns = (*LEFT_OUT_COLUMNS, *share)
    return ExpectedView(names.left_out_view(plan.request_id, planned.dataset), definition, columns, True)

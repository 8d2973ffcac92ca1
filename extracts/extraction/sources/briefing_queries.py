"""The queries by which a request is counted in a counting view. Aggregates only, of checked names and quoted literals.

Rules:
1. Rows are told apart as a run would: conditions and period, then holds, then the safe-address rule. A person is
   counted once, by the first fate that any of their rows has.
2. Where a condition cannot be judged (undeclared, not allowed, not a value of its column), rows are not counted: a
   number for something else than what was asked would mislead.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from extracts.agreement.coercion import plan_condition
from extracts.agreement.floors import filter_problem, treatment_problem
from extracts.agreement.periods import Frequency, period_before, period_of
from extracts.agreement.plan import Condition, SafeAddress
from extracts.agreement.plan_floors import tells_address
from extracts.agreement.request import Request
from extracts.agreement.request_rows import DatasetAsked
from extracts.agreement.source_counts import Grouping, RowFate
from extracts.catalogue.contract import Classification, ColumnType, Dataset, Identifier, PeriodKind
from extracts.extraction.sources import briefing_views as views
from extracts.extraction.sources.literals import name, text_array
from extracts.extraction.sources.rows import condition_test, share, within
from extracts.extraction.sources.treatment_groups import grouped

FATE_ORDER = {fate: place for place, fate in enumerate(RowFate)}


class CannotCount(ValueError):
    """Why rows cannot be counted, in words for the requester."""


class CountedRows:
    """The SQL for one dataset of a request; `d` is its counting view."""

    def __init__(self, request: Request, asked: DatasetAsked, source: Dataset, today: date) -> None:
        self._request, self._asked, self._source, self._today = request, asked, source, today
        self._view = f"{views.counting_view(source).name} AS d"
        self._fate = _fate(request, asked, source, _matching(request, asked, source, today))
        self._expected = f"{self._fate} = {FATE_ORDER[RowFate.EXPECTED]}"

    def by_row(self) -> str:
        """Rows by fate."""
        return f"SELECT r.fate, count(*) FROM (SELECT {self._fate} AS fate FROM {self._view}) AS r GROUP BY r.fate"

    def by_person(self) -> str:
        """People by the best fate of their rows; rows of nobody are left out."""
        people = (
            f"SELECT min({self._fate}) AS fate FROM {self._view} WHERE d.{views.PERSON} IS NOT NULL"
            f" GROUP BY d.{views.PERSON}"
        )
        return f"SELECT p.fate, count(*) FROM ({people}) AS p GROUP BY p.fate"

    def countable(self) -> tuple[str, ...]:
        """Columns asked for that can be had so."""
        form, found = self._request.identifiability, []
        for asked in self._asked.columns:
            column = self._source.column(asked.name)
            if column is None or treatment_problem(column, asked.treatment.name, form):
                continue
            if self._asked.safe_address is SafeAddress.WITHHOLD_COLUMNS and tells_address(column, asked):
                continue
            found.append(asked.name)
        return tuple(found)

    def filled(self, columns: tuple[str, ...]) -> str:
        """How many expected rows hold something, column by column."""
        tests = (f"count(*) FILTER (WHERE {self._is_filled(c)})" for c in columns)
        return f"SELECT {', '.join(tests)} FROM {self._view} WHERE {self._expected}"

    def groups(self, by: Grouping) -> str:
        """(smallest group, groups, people and rows below k, rows), of the rows expected."""
        columns = [self._source.column(g.column) for g in by]
        parts = [grouped(c, g.step, self._today) for c, g in zip(columns, by, strict=True) if c]
        if self._request.division:  # each recipient's groups are their own
            parts.append(share(self._request.division))
        k = int(self._request.limits.k)
        listed = ", ".join(parts)
        inner = (
            f"SELECT count(*) AS rows, count(DISTINCT d.{views.PERSON}) AS people FROM {self._view}"
            f" WHERE {self._expected} GROUP BY {listed}"
        )
        below = f"FILTER (WHERE g.people < {k})"
        return (
            f"SELECT min(g.people), count(*) {below}, coalesce(sum(g.people) {below}, 0)::bigint,"
            f" coalesce(sum(g.rows) {below}, 0)::bigint, coalesce(sum(g.rows), 0)::bigint FROM ({inner}) AS g"
        )

    def _is_filled(self, name_: str) -> str:
        column = self._source.column(name_)
        value = f"d.{name(name_)}"
        if column and column.identifier is Identifier.DIRECT:
            return value
        return f"btrim({value}) <> ''" if column and column.type is ColumnType.STRING else f"{value} IS NOT NULL"


def _fate(request: Request, asked: DatasetAsked, source: Dataset, matching: str) -> str:
    scopes = text_array(("all", f"gateway:{request.legal.gateway}", f"agreement:{request.request_id}"))
    withheld = f"d.{views.SAFE}" if asked.safe_address is SafeAddress.WITHHOLD_ROWS else "false"
    tests = {
        RowFate.FILTERED: f"({matching}) IS NOT TRUE",
        RowFate.ON_HOLD: f"d.{views.LEFT_OUT} && {scopes}",
        RowFate.WITHHELD: withheld,
        RowFate.ASKED_ABOUT: f"d.{views.ASKED_ABOUT} && {scopes}",
    }
    whens = " ".join(f"WHEN {test} THEN {FATE_ORDER[fate]}" for fate, test in tests.items())
    return f"(CASE {whens} ELSE {FATE_ORDER[RowFate.EXPECTED]} END)"


def _matching(request: Request, asked: DatasetAsked, source: Dataset, today: date) -> str:
    types = {c.name: c.type for c in source.columns}
    tests = [condition_test(c, types[c.column]) for c in _conditions(request, asked, source)]
    if source.period_column and source.period_kind is not PeriodKind.AS_AT_NOW:
        frequency = Frequency(request.schedule.frequency)
        period = period_before(period_of(today, frequency), frequency)
        until = source.period_end_column or source.period_column
        tests.append(within(period, f"d.{name(source.period_column)}", f"d.{name(until)}"))
    return " AND ".join(f"({t})" for t in tests) or "true"


def _conditions(request: Request, asked: DatasetAsked, source: Dataset) -> Iterator[Condition]:
    for condition in (*asked.rows, *([request.of_anybody] if request.of_anybody else [])):
        column = source.column(condition.column)
        if column is None:
            raise CannotCount(f"rows are chosen by {condition.column}, which is not declared")
        problem = filter_problem(column, condition.comparison()[0])
        if problem or not views.is_counted(column, source) or column.classification is Classification.ADDRESS:
            raise CannotCount(problem or f"rows cannot be counted by {condition.column}")
        try:
            yield plan_condition(condition, column)
        except ValueError as error:
            raise CannotCount(f"the condition on {condition.column} {error}") from None

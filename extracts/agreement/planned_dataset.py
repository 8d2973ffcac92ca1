"""Makes one dataset's part of a plan: columns in the contract's order, conditions sorted, values coerced.

What is planned of a column is what its contract says of it, whether it is delivered or only chooses rows; so a
contract that says otherwise later is told apart (`changed_columns`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TypeVar

from extracts.agreement.coercion import plan_condition, plan_parameters
from extracts.agreement.plan import Condition, FilterColumn, PlannedColumn, PlannedDataset, SafeAddress
from extracts.agreement.plan_floors import tells_address
from extracts.agreement.request import Request
from extracts.agreement.request_rows import DatasetAsked
from extracts.catalogue.contract import Column, Dataset, Identifiability, Identifier
from extracts.catalogue.treatments import TREATMENTS
from extracts.documents import Document
from extracts.errors import InvalidDocument, Problem

T = TypeVar("T")


class Faults:
    """Collects faults, so that a requester sees all of them at once."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.found: list[Problem] = []

    def attempt(self, path: str, make: Callable[[], T]) -> T | None:
        """What `make` gives, or None with its ValueError kept as a fault at `path`."""
        try:
            return make()
        except ValueError as error:
            self.add(path, str(error))
            return None

    def add(self, path: str, message: str) -> None:
        """Keep a fault."""
        self.found.append(self.document.problem(path, message))

    def refuse(self) -> None:
        """Raises InvalidDocument if there are faults."""
        if self.found:
            raise InvalidDocument(self.document.source, self.found)


def plan_dataset(asked: DatasetAsked, source: Dataset, request: Request, path: str, faults: Faults) -> PlannedDataset:
    """The dataset's part of the plan. `path`: where it stands in the request; faulty values are kept in `faults`."""
    columns = _columns(asked, source, path, faults)
    pseudonymised = request.identifiability is Identifiability.PSEUDONYMISED
    quasi = tuple(c.name for c in columns if c.identifier is Identifier.QUASI) if pseudonymised else ()
    conditions = _conditions(asked, source, path, faults)
    return PlannedDataset(
        dataset=source.name,
        major_version=source.major_version,
        relation=source.relation,
        view_digest=source.view_digest,
        coverage=source.coverage,
        columns=columns,
        conditions=conditions,
        filter_columns=filter_columns(source, conditions, request.divided_by.column if request.divided_by else ""),
        key=source.key,
        persons=source.persons,
        period_column=source.period_column,
        period_end_column=source.period_end_column,
        period_kind=source.period_kind,
        restricted_column=source.restricted_column,
        safe_address_column=source.safe_address_column,
        safe_address=asked.safe_address,
        quasi_identifiers=quasi,
        load_tables=source.load_tables,
        max_age_hours=request.quality.freshness_max_age_hours,
    )


def filter_columns(source: Dataset, conditions: Iterable[Condition], divided_by: str = "") -> tuple[FilterColumn, ...]:
    """Every column of `source` that decides which rows leave, and to whom, with its meaning; by name."""
    markers = (source.restricted_column, source.safe_address_column)
    dates = (source.period_column, source.period_end_column)
    names = {*(c.column for c in conditions), divided_by, *source.persons, *markers, *dates}
    return tuple(sorted(_filter_column(c) for c in source.columns if c.name in names))


def changed_columns(planned: PlannedDataset, source: Dataset) -> tuple[str, ...]:
    """Columns that the plan uses and the contract now declares otherwise, or not at all; by name."""
    declared = {c.name: c for c in source.columns}
    changed = {c.name for c in planned.filter_columns if _missing_or(declared.get(c.name), c, _filter_column)}
    for was in planned.columns:
        again = partial(
            _column, treatment=was.treatment_name, parameters=was.parameters, filled_percent=was.filled_percent
        )
        changed |= {was.source} if _missing_or(declared.get(was.source), was, again) else set()
    return tuple(sorted(changed))


def _missing_or(now: Column | None, was: T, plan: Callable[[Column], T]) -> bool:
    return now is None or plan(now) != was


def _columns(asked: DatasetAsked, source: Dataset, path: str, faults: Faults) -> tuple[PlannedColumn, ...]:
    order = {column.name: place for place, column in enumerate(source.columns)}
    numbered = sorted(enumerate(asked.columns), key=lambda pair: order[pair[1].name])
    kept = []
    for number, wanted in numbered:
        column = source.columns[order[wanted.name]]
        # Withheld for everyone: a column that is blank for some would tell who they are.
        if asked.safe_address is SafeAddress.WITHHOLD_COLUMNS and tells_address(column, wanted):
            continue
        where = f"{path}.columns.{number}.treatment"
        parameters = faults.attempt(where, partial(plan_parameters, wanted.treatment, column))
        kept.append(_column(column, wanted.treatment.name, parameters or (), wanted.filled_percent))
    names = [c.name for c in kept]
    for double in sorted({n for n in names if names.count(n) > 1}):
        faults.add(path, f"two columns would both be delivered as {double}")
    if not kept:
        faults.add(path, "no column is left once addresses are withheld")
    return tuple(kept)


def _column(column: Column, treatment: str, parameters: tuple[str, ...], filled_percent: int) -> PlannedColumn:
    how = TREATMENTS[treatment]
    return PlannedColumn(
        name=column.name + how.suffix,
        source=column.name,
        type=column.type,
        precision=column.precision,
        scale=column.scale,
        unit=column.unit,
        meaning=column.meaning,
        classification=column.classification,
        identifier=column.identifier,
        identifier_kind=column.identifier_kind,
        treatment=how.reference,
        parameters=parameters,
        delivered_type=how.result or column.type,
        filled_percent=filled_percent,
    )


def _filter_column(column: Column) -> FilterColumn:
    return FilterColumn(
        name=column.name,
        type=column.type,
        precision=column.precision,
        scale=column.scale,
        unit=column.unit,
        meaning=column.meaning,
        classification=column.classification,
        identifier_kind=column.identifier_kind,
    )


def _conditions(asked: DatasetAsked, source: Dataset, path: str, faults: Faults) -> tuple[Condition, ...]:
    found: set[Condition] = set()
    for number, condition in enumerate(asked.rows):
        column = next(c for c in source.columns if c.name == condition.column)
        where = f"{path}.rows.{number}"
        made = faults.attempt(where, partial(plan_condition, condition, column))
        found |= {made} if made else set()
    return tuple(sorted(found))

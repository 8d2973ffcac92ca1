"""The plan: what exactly will leave, as a value. Two people sign its digest; the engine does this and nothing else.

Rules:
1. A plan holds meaning only: which columns of which dataset, how treated, which rows, for whom, under which power,
   within which limits. No rendered SQL, no file layout, no titles: an edit of those must not void an approval.
2. Equal meaning gives equal bytes: conditions and value lists are sorted and without repeats, values are coerced to
   the column's type and written in one way.
3. A change of any meaning gives another digest, and the old approval does not cover it.
4. One recipient, or several: then the plan binds which values of which column are whose (`parts` makes of it what each
   of them gets).

`make_plan` (in `planning`) is the only maker; `explain` (in `explanation`) says it in plain English.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from extracts.agreement.reading import read_value
from extracts.canonical import Canonical
from extracts.catalogue.contract import Classification, ColumnType, Identifiability, Identifier, PeriodKind


class Criticality(StrEnum):
    """What a late or stopped delivery would harm: a payment, a service, or a statistic."""

    ENTITLEMENT = "entitlement"
    OPERATIONAL = "operational"
    ANALYSIS = "analysis"


class Operator(StrEnum):
    """How a row condition compares. `between` includes both ends; `before` and `after` exclude theirs."""

    EQUALS = "equals"
    IN = "in"
    BETWEEN = "between"
    BEFORE = "before"
    AFTER = "after"
    IS_NULL = "is_null"


class SafeAddress(StrEnum):
    """For people marked as having a safe address: the row goes, or the address column goes for everyone.

    Blanking the column for marked people only would reveal the marker.
    """

    WITHHOLD_ROWS = "withhold rows"
    WITHHOLD_COLUMNS = "withhold columns"
    NOT_APPLICABLE = "not applicable"


class SmallCells(StrEnum):
    """What happens to people in groups smaller than k: nothing leaves, or those rows are withheld up to a share."""

    STOP = "stop"
    WITHHOLD = "withhold"


class Unassigned(StrEnum):
    """What happens to rows that belong to none of several recipients: nothing leaves at all, or these rows stay."""

    STOP = "stop"
    LEAVE_OUT = "leave out"


@dataclass(frozen=True)
class Period:
    """The period of one delivery. `first` and `last` are inclusive; `label` is 2026-11, 2026-Q4, 2026-W47 or a date."""

    label: str
    first: date
    last: date


@dataclass(frozen=True, order=True)
class Condition:
    """One condition on a declared column; all of a dataset's conditions must hold.

    `values` are canonical text of the column's type: none for is_null, one, two for between, any number for in.
    A null value never satisfies a condition other than is_null, negated or not.
    """

    column: str
    operator: Operator
    values: tuple[str, ...] = ()
    negated: bool = False


@dataclass(frozen=True)
class PlannedColumn:
    """One delivered column: `source` in the curated view, `name` in the file, treated by `treatment` (name@version).

    `filled_percent`: the smallest share of rows that must hold a value; 0 asks for none.
    """

    name: str
    source: str
    type: ColumnType
    precision: int
    scale: int
    unit: str
    meaning: str
    classification: Classification
    identifier: Identifier
    identifier_kind: str
    treatment: str
    parameters: tuple[str, ...]
    delivered_type: ColumnType
    filled_percent: int = 0

    @property
    def treatment_name(self) -> str:
        """`year` of `year@1`."""
        return self.treatment.partition("@")[0]


@dataclass(frozen=True, order=True)
class FilterColumn:
    """A column that chooses rows, delivered or not: by a condition, the period, a person on hold or a marker.

    What it means is part of the plan: `children after 0` is another filter once `children` counts something else.
    """

    name: str
    type: ColumnType
    precision: int
    scale: int
    unit: str
    meaning: str
    classification: Classification
    identifier_kind: str


@dataclass(frozen=True)
class PlannedDataset:
    """What is drawn from one dataset. `quasi_identifiers` are delivered names; `columns` are in delivered order.

    `coverage`: ONS codes of the area whose people the source holds.
    """

    dataset: str
    major_version: int
    relation: str
    view_digest: str
    coverage: tuple[str, ...]
    columns: tuple[PlannedColumn, ...]
    conditions: tuple[Condition, ...]
    filter_columns: tuple[FilterColumn, ...]
    key: tuple[str, ...]
    persons: tuple[str, ...]
    period_column: str
    period_end_column: str
    period_kind: PeriodKind
    restricted_column: str
    safe_address_column: str
    safe_address: SafeAddress
    quasi_identifiers: tuple[str, ...]
    load_tables: tuple[str, ...]
    max_age_hours: int


@dataclass(frozen=True)
class Limits:
    """Circuit breakers. `change_percent`: largest change in rows against the previous delivery. k is in people.

    `max_withheld_percent` is the largest share of filtered rows that small cells may take out under `withhold`.
    """

    max_rows: int
    max_deliveries: int
    min_rows: int
    change_percent: int
    k: int
    small_cells: SmallCells
    max_withheld_percent: int


@dataclass(frozen=True, order=True)
class Share:
    """One of several recipients, and the values (sorted) of the dividing column that are theirs."""

    recipient: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Division:
    """Among whom the rows of every dataset are divided, by a column of text. `shares` are by recipient.

    No value is in two shares. `unassigned`: what happens to rows that are in none, blank ones among them.
    """

    column: str
    shares: tuple[Share, ...]
    unassigned: Unassigned


@dataclass(frozen=True)
class ExtractPlan(Canonical):
    """Everything that two people approve. Dates are inclusive.

    `schedule` is canonical text: `cron: 0 6 1 * *` or `working day: 3 of month`. `recipient` is empty where a
    `division` names several.
    """

    request_id: str
    recipient: str
    gateway: str
    purpose_code: str
    identifiability: Identifiability
    criticality: Criticality
    frequency: str
    schedule: str
    start_on: date
    end_on: date
    review_on: date
    retention_days: int
    format: str
    limits: Limits
    datasets: tuple[PlannedDataset, ...]
    division: Division | None = None

    @property
    def recipients(self) -> tuple[str, ...]:
        """Everybody who gets something, by id."""
        return tuple(s.recipient for s in self.division.shares) if self.division else (self.recipient,)

    def document(self) -> dict[str, Any]:
        """The plan as plain JSON values; one for a single recipient reads as it did before there could be several."""
        found = super().document()
        if self.division is None:
            del found["division"]
        return found


def plan_from_document(document: Mapping[str, Any]) -> ExtractPlan:
    """The plan of a plan.json; `plan_from_document(p.document()) == p`. Raises InvalidDocument."""
    return read_value(ExtractPlan, document, "plan")

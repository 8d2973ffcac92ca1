"""What was counted in the source for one request: exact numbers, for the controller's code alone.

Nothing of this is shown or stored as it is: `briefing` turns it into counts that may be told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from extracts.agreement.coercion import plan_parameters
from extracts.agreement.floors import treatment_problem
from extracts.agreement.ladders import Step
from extracts.agreement.plan import SafeAddress, SmallCells
from extracts.agreement.plan_floors import tells_address
from extracts.agreement.request import Request
from extracts.agreement.request_terms import LimitsAsked
from extracts.catalogue.contract import Dataset, Identifiability, Identifier


class RowFate(StrEnum):
    """What would become of a row; of a person, the first of these that any of their rows has."""

    EXPECTED = "expected"
    ASKED_ABOUT = "stop and ask"
    WITHHELD = "withheld"
    ON_HOLD = "on hold"
    FILTERED = "filtered"


@dataclass(frozen=True, order=True)
class GroupedBy:
    """One quasi-identifier as it would be delivered."""

    column: str
    step: Step


Grouping = tuple[GroupedBy, ...]
"""The quasi-identifiers by which people would look alike, sorted by column. Empty: nobody is told apart."""


@dataclass(frozen=True)
class GroupCount:
    """The groups of one grouping, at the k that was asked. `smallest` is in people; 0 if there is no group."""

    smallest: int
    groups_below: int
    people_below: int
    rows_below: int
    rows: int


@dataclass(frozen=True)
class DatasetCounts:
    """What was counted of one dataset. `age_hours` is None without a load stamp.

    `filled`: rows expected that hold something, by column. `not_counted` says why there are no counts of rows.
    """

    dataset: str
    loaded_at: datetime | None
    age_hours: int | None
    rows: Mapping[RowFate, int] = field(default_factory=dict)
    people: Mapping[RowFate, int] = field(default_factory=dict)
    filled: Mapping[str, int] = field(default_factory=dict)
    groups: Mapping[Grouping, GroupCount] = field(default_factory=dict)
    not_counted: str = ""


def grouping_of(request: Request, dataset: Dataset) -> Grouping:
    """By what the rows asked for would tell people apart; columns that cannot be had so tell nothing."""
    if request.identifiability is not Identifiability.PSEUDONYMISED:
        return ()
    found = []
    pairs = [(d, c) for d in request.datasets if d.dataset == dataset.name for c in d.columns]
    for rows, asked in pairs:
        column = dataset.column(asked.name)
        if column is None or column.identifier is not Identifier.QUASI:
            continue
        if rows.safe_address is SafeAddress.WITHHOLD_COLUMNS and tells_address(column, asked):
            continue
        if treatment_problem(column, asked.treatment.name, request.identifiability):
            continue
        try:
            found.append(GroupedBy(asked.name, Step(asked.treatment.name, plan_parameters(asked.treatment, column))))
        except ValueError:
            continue
    return tuple(sorted(found))


def groups_may_leave(count: GroupCount, limits: LimitsAsked) -> bool:
    """Whether a delivery would pass the rule on small groups: none below k, or as many rows as may be withheld."""
    if limits.small_cells is SmallCells.STOP:
        return count.groups_below == 0
    return count.rows_below * 100 <= limits.max_withheld_percent * count.rows

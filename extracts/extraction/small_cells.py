"""k-anonymity in people: does each combination of quasi-identifiers that leaves stand for at least k people?

Rules:
1. People are counted, not rows: one person with ten rows is one.
2. `stop`: one group that is too small stops the release. `withhold`: the rows of such groups stay behind, up to the
   share that two people signed; beyond it, the release stops. A null is a value like any other.
3. Withholding removes whole groups, so no group that leaves is smaller than k. How many rows were withheld is told:
   somebody who knows the true total of a place could take the difference, so totals of one population should not be
   published beside these rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from extracts.agreement.plan import ExtractPlan, PlannedDataset, SmallCells
from extracts.catalogue.contract import Identifiability
from extracts.errors import LimitExceeded

if TYPE_CHECKING:
    import duckdb

_TABLE = "small_groups"


@dataclass(frozen=True)
class SmallGroups:
    """Groups smaller than k: how many, their people and rows, and the smallest group that may leave."""

    groups: int
    people: int
    rows: int
    smallest_kept: int | None


def asks_for_k(plan: ExtractPlan, planned: PlannedDataset) -> bool:
    """k is asked of pseudonymised rows that say something by which people could be singled out."""
    return (
        plan.identifiability is not Identifiability.IDENTIFIED and bool(planned.quasi_identifiers) and plan.limits.k > 1
    )


def find_small_groups(
    connection: duckdb.DuckDBPyConnection, plan: ExtractPlan, planned: PlannedDataset, rows: str, person: str
) -> SmallGroups:
    """Counts people per group of `rows` (a FROM item) and keeps the small groups in a temporary table.

    person: the expression that tells people apart. Raises nothing: `check_small_groups` decides.
    """
    names = ", ".join(f'"{q}"' for q in planned.quasi_identifiers)
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE all_groups AS SELECT {names}, count(*) AS rows_,"
        f" count(DISTINCT {person}) AS people_ FROM {rows} GROUP BY ALL"
    )
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {_TABLE} AS FROM all_groups WHERE people_ < {plan.limits.k}")
    found = connection.execute(
        f"SELECT (SELECT count(*) FROM {_TABLE}), (SELECT coalesce(sum(people_), 0) FROM {_TABLE})::BIGINT,"
        f" (SELECT coalesce(sum(rows_), 0) FROM {_TABLE})::BIGINT,"
        f" (SELECT min(people_) FROM all_groups WHERE people_ >= {plan.limits.k})"
    ).fetchone()
    connection.execute("DROP TABLE all_groups")
    assert found is not None
    return SmallGroups(*found)


def check_small_groups(plan: ExtractPlan, dataset: str, found: SmallGroups, rows: int) -> None:
    """Raises LimitExceeded if the plan says stop, or if more would be withheld than was signed."""
    if not found.groups:
        return
    told = (
        f"{plan.request_id}, {dataset}: {found.groups} groups of the quasi-identifiers hold fewer than "
        f"{plan.limits.k} people ({found.rows} of {rows} rows)"
    )
    if plan.limits.small_cells is SmallCells.STOP:
        raise LimitExceeded(
            f"{told}, and the agreement says stop.",
            advice="Nothing leaves. A coarser treatment, or withholding up to a share, needs a new decision.",
        )
    if found.rows * 100 > plan.limits.max_withheld_percent * rows:
        raise LimitExceeded(
            f"{told}; at most {plan.limits.max_withheld_percent} % may be withheld.",
            advice="Nothing leaves. A coarser treatment, or a larger share, needs a new decision.",
        )


def in_small_group(planned: PlannedDataset, alias: str) -> str:
    """The condition that a row of `alias` belongs to a small group."""
    same = " AND ".join(f'g."{q}" IS NOT DISTINCT FROM {alias}."{q}"' for q in planned.quasi_identifiers)
    return f"EXISTS (SELECT 1 FROM {_TABLE} g WHERE {same})"

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
from typing import TYPE_CHECKING, Any

from extracts.agreement.plan import ExtractPlan, PlannedDataset, SmallCells
from extracts.catalogue.contract import Identifiability
from extracts.errors import LimitExceeded
from extracts.extraction.people import MARK, SUBJECT, People

if TYPE_CHECKING:
    import polars

_PEOPLE, _ROWS = "_people", "_rows"


@dataclass(frozen=True)
class SmallGroups:
    """The groups smaller than k (`frame`: their quasi-identifiers), their rows, and the smallest that may leave."""

    frame: polars.DataFrame
    rows: int
    smallest_kept: int | None

    def __len__(self) -> int:
        return len(self.frame)


def asks_for_k(plan: ExtractPlan, planned: PlannedDataset) -> bool:
    """k is asked of rows without names that say something by which people could be singled out."""
    identified = plan.identifiability is Identifiability.IDENTIFIED
    return not identified and bool(planned.quasi_identifiers) and plan.limits.k > 1


def find_small_groups(people: People, k: int) -> SmallGroups:
    """People per group, counted exactly: each person's entries lie in one bucket."""
    import polars as pl

    groups = people.quasi_identifiers
    count = [pl.len().alias(_ROWS), pl.col(MARK).drop_nulls().n_unique().alias(_PEOPLE)]
    parts = [f.filter(pl.col(SUBJECT)).group_by(groups).agg(count) for f in people.frames()]
    if not parts:
        return SmallGroups(pl.DataFrame(), 0, None)
    found = pl.concat(parts).group_by(groups).agg(pl.sum(_ROWS), pl.sum(_PEOPLE))
    small = found.filter(pl.col(_PEOPLE) < k)
    kept = found.filter(pl.col(_PEOPLE) >= k).select(pl.min(_PEOPLE)).item()
    return SmallGroups(small.select(groups), int(small[_ROWS].sum()), None if kept is None else int(kept))


def check_small_groups(plan: ExtractPlan, dataset: str, small: SmallGroups, rows: int) -> None:
    """Raises LimitExceeded if the plan says stop, or if more would be withheld than was signed."""
    if not len(small):
        return
    told = (
        f"{plan.request_id}, {dataset}: {len(small)} groups of the quasi-identifiers hold fewer than "
        f"{plan.limits.k} people ({small.rows} of {rows} rows)"
    )
    if plan.limits.small_cells is SmallCells.STOP:
        raise LimitExceeded(
            f"{told}, and the agreement says stop.",
            advice="Nothing leaves. A coarser treatment, or withholding up to a share, needs a new decision.",
        )
    if small.rows * 100 > plan.limits.max_withheld_percent * rows:
        raise LimitExceeded(
            f"{told}; at most {plan.limits.max_withheld_percent} % may be withheld.",
            advice="Nothing leaves. A coarser treatment, or a larger share, needs a new decision.",
        )


def in_small_group(rows: polars.DataFrame, small: SmallGroups) -> Any:
    """For each row, whether its group is too small: a numpy array of booleans."""
    import numpy as np

    mask = np.zeros(len(rows), dtype=bool)
    if len(small) and len(rows):
        groups = small.frame.columns
        found = rows.select(groups).with_row_index("_row").join(small.frame, on=groups, how="semi", nulls_equal=True)
        mask[found["_row"].to_numpy()] = True
    return mask

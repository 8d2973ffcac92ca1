"""The parts of a plan: what each of its recipients gets, as a plan of its own.

Rules:
1. A part is the plan as it would be if it had been agreed with that recipient alone: the same columns and limits, and
   one condition more, on the column that divides. Whatever makes, checks or reads a delivery works on a part.
2. A plan for one recipient is its own only part. So there is one way, and several recipients walk it side by side.
3. A part is never signed: people sign the whole plan, and every part follows from it.
"""

from __future__ import annotations

from dataclasses import replace

from extracts.agreement.plan import Condition, ExtractPlan, Operator, PlannedDataset, Share
from extracts.errors import NotFound


def parts_of(plan: ExtractPlan) -> tuple[ExtractPlan, ...]:
    """The part of each recipient, by recipient."""
    return tuple(part_of(plan, recipient) for recipient in plan.recipients)


def part_of(plan: ExtractPlan, recipient: str) -> ExtractPlan:
    """The part of one recipient. Raises NotFound for anybody else."""
    if recipient not in plan.recipients:
        raise NotFound(f"{plan.request_id} is not for {recipient}.", advice=f"It is for: {', '.join(plan.recipients)}.")
    if plan.division is None:
        return plan
    share = next(s for s in plan.division.shares if s.recipient == recipient)
    theirs = _condition(plan.division.column, share)
    datasets = tuple(_kept_to(dataset, theirs) for dataset in plan.datasets)
    return replace(plan, recipient=recipient, division=None, datasets=datasets)


def _condition(column: str, share: Share) -> Condition:
    operator = Operator.EQUALS if len(share.values) == 1 else Operator.IN
    return Condition(column, operator, share.values)


def _kept_to(dataset: PlannedDataset, theirs: Condition) -> PlannedDataset:
    return replace(dataset, conditions=tuple(sorted({*dataset.conditions, theirs})))

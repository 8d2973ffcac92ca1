"""The funnel over all recipients of a plan: whatever the source held is accounted for, whoever's it is.

source = filtered + held + withheld + unassigned + waiting + the rows in every recipient's file, each counted where it
lies: the first five by the source, in the snapshot that was read; the last in the finished files.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from extracts.agreement.plan import ExtractPlan
from extracts.extraction.counting import NOBODY, Counts
from extracts.extraction.values import Extract, ExtractFile, Funnel


def whole_funnels(
    plan: ExtractPlan, counts: Iterable[Mapping[str, Counts]], made: Iterable[Extract], due: Collection[str]
) -> dict[str, Funnel]:
    """By dataset. counts: by recipient, for each dataset; due: who gets something now. Raises CheckFailed."""
    extracts = list(made)
    found = {}
    for planned, counted in zip(plan.datasets, counts, strict=True):
        files = [f for e in extracts for f in e.files if f.dataset == planned.dataset]
        found[planned.dataset] = _whole(counted, files, due)
        found[planned.dataset].check(planned.dataset)
    return found


def _whole(counted: Mapping[str, Counts], files: list[ExtractFile], due: Collection[str]) -> Funnel:
    every = counted.values()
    small = sum(f.funnel.withheld - counted[r].withheld for r, f in zip(due, files, strict=True))
    return Funnel(
        source=sum(c.source for c in every),
        filtered=sum(c.source - c.matching for c in every),
        held=sum(c.held for c in every),
        withheld=sum(c.withheld for c in every) + small,
        delivered=sum(f.rows for f in files),
        unassigned=counted[NOBODY].deliverable if NOBODY in counted else 0,
        waiting=sum(c.deliverable for r, c in counted.items() if r and r not in due),
    )

"""Writes the briefing, and the requester's part of it, out of exact counts: here, and only here, they can be told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from extracts.agreement.assessment import Assessment, FindingOutcome
from extracts.agreement.availability import column_answers, staleness
from extracts.agreement.briefing import (
    Briefing,
    ColumnBriefing,
    DatasetBriefing,
    Feasibility,
    GroupingBriefing,
    HeldAlready,
    SimilarAnswer,
    Told,
)
from extracts.agreement.delivered_size import expected_bytes
from extracts.agreement.ladders import step_of
from extracts.agreement.plan import ExtractPlan, SmallCells
from extracts.agreement.policy import Policy
from extracts.agreement.request import Request
from extracts.agreement.source_counts import DatasetCounts, GroupCount, Grouping, RowFate, grouping_of
from extracts.agreement.suppression import Suppression
from extracts.catalogue.contract import Dataset


@dataclass(frozen=True)
class Examination:
    """A request with everything that was found out about it. `counts` are exact, by dataset."""

    request: Request
    assessment: Assessment
    plan: ExtractPlan | None
    policy: Policy
    datasets: Mapping[str, Dataset]
    counts: Mapping[str, DatasetCounts]
    suppression: Suppression

    def columns(self) -> tuple[ColumnBriefing, ...]:
        """The answer for each column, and how many rows hold something."""
        answers = column_answers(self.request, self.assessment, self.datasets, self.policy, self.counts)
        return tuple(ColumnBriefing(a, self._filled(*a.column.split(".", 1))) for a in answers)

    def _filled(self, dataset: str, column: str) -> int | None:
        counted = self.counts.get(dataset)
        if counted is None or column not in counted.filled:
            return None
        return self.suppression.percent(counted.filled[column], counted.rows.get(RowFate.EXPECTED, 0))


def write_briefing(
    found: Examination,
    held_already: tuple[HeldAlready, ...],
    similar: tuple[SimilarAnswer, ...],
    now: datetime,
) -> Briefing:
    """The whole briefing. Pure: the same arguments give the same digest."""
    request, assessment = found.request, found.assessment
    passed = [f for f in assessment.findings if f.outcome is FindingOutcome.PASS]
    return Briefing(
        request_id=request.request_id,
        request_version=request.version,
        request_digest=request.digest,
        plan_digest=found.plan.digest if found.plan else "",
        policy_version=assessment.policy_version,
        assessment_digest=assessment.digest,
        written_at=now,
        small_below=found.suppression.threshold,
        columns=found.columns(),
        datasets=tuple(_dataset(found, found.datasets[name], counts) for name, counts in found.counts.items()),
        held_already=held_already,
        adds=_adds(request, held_already),
        similar=similar,
        findings=(*assessment.violations, *assessment.gaps),
        rules_passed=len(passed),
    )


def write_feasibility(found: Examination, now: datetime) -> Feasibility:
    """The requester's part: the answers, how much to expect, and whether small groups would stop it."""
    counted = {name: c for name, c in found.counts.items() if not c.not_counted}
    return Feasibility(
        request_id=found.request.request_id,
        request_digest=found.request.digest,
        checked_at=now,
        small_below=found.suppression.threshold,
        columns=found.columns(),
        expected={n: _told(found.suppression, c, (RowFate.EXPECTED,)) for n, c in counted.items()},
        groups_may_leave={
            n: _grouping(found, asked, asked, c.groups[asked]).may_leave
            for n, c in counted.items()
            if (asked := grouping_of(found.request, found.datasets[n])) in c.groups
        },
        not_counted={name: c.not_counted for name, c in found.counts.items() if c.not_counted},
    )


def _dataset(found: Examination, source: Dataset, counts: DatasetCounts) -> DatasetBriefing:
    fates = {} if counts.not_counted else {f.value: _told(found.suppression, counts, (f,)) for f in RowFate}
    asked = grouping_of(found.request, source)
    return DatasetBriefing(
        dataset=source.name,
        owner=source.owner,
        age_hours=counts.age_hours,
        promised_hours=source.max_age_hours,
        asked_hours=found.request.quality.freshness_max_age_hours,
        stale=staleness(found.request, source, counts),
        source=_told(found.suppression, counts, tuple(RowFate)) if fates else None,
        matching=_told(found.suppression, counts, _MATCHING) if fates else None,
        fates=fates,
        expected_bytes=expected_bytes(found.request, source, fates[RowFate.EXPECTED].rows) if fates else None,
        k=found.request.limits.k if asked else 0,
        groups=tuple(_grouping(found, asked, by, count) for by, count in counts.groups.items()),
        not_counted=counts.not_counted,
    )


_MATCHING = tuple(fate for fate in RowFate if fate is not RowFate.FILTERED)


def _told(hide: Suppression, counts: DatasetCounts, fates: tuple[RowFate, ...]) -> Told:
    """Cells added up as they are told; one cell is a sum of one."""
    rows, people = ([of.get(fate, 0) for fate in fates] for of in (counts.rows, counts.people))
    return Told(hide.total(rows), hide.total(people))


def _grouping(found: Examination, asked: Grouping, by: Grouping, count: GroupCount) -> GroupingBriefing:
    limits, hide = found.request.limits, found.suppression
    percent = hide.percent(count.rows_below, count.rows)
    # From what is told, not from what was counted: else asking with one limit after another would find the number out.
    withheld = limits.small_cells is SmallCells.WITHHOLD and percent is not None
    return GroupingBriefing(
        change=_change(asked, by),
        by=tuple(f"{g.column}: {g.step}" for g in by),
        smallest=hide.count(count.smallest),
        people_below_k=hide.count(count.people_below),
        rows_below_percent=percent,
        may_leave=(percent or 0) <= limits.max_withheld_percent if withheld else count.groups_below == 0,
    )


def _change(asked: Grouping, by: Grouping) -> str:
    now = {g.column: g.step for g in by}
    words = [
        f"{g.column}: {now[g.column]} instead of {g.step}" if g.column in now else f"without {g.column}"
        for g in asked
        if now.get(g.column) != g.step
    ]
    return ", ".join(words)


def _adds(request: Request, held: tuple[HeldAlready, ...]) -> tuple[str, ...]:
    there = {column for agreement in held for column in agreement.columns}
    asked = (f"{d.dataset}.{c.name}: {step_of(c.treatment)}" for d in request.datasets for c in d.columns)
    return tuple(column for column in asked if column not in there)

"""Asked and granted side by side: what became of each column, why, and what the policy found about it.

Rules:
1. A column is granted or refused only by a decision; before one it is under examination, whatever was found.
2. A refusal of the whole request refuses every column, for the decision's reasons. A return decides about none.
3. Findings that stop are told with each column that they name, with their clause and what would mend it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from extracts.agreement.assessment import Assessment, Finding, FindingOutcome
from extracts.agreement.decision import Decision, DecisionOutcome
from extracts.agreement.plain_words import treatment_in_words
from extracts.agreement.plan import ExtractPlan, PlannedColumn
from extracts.agreement.request import Request
from extracts.agreement.request_rows import ColumnAsked
from extracts.catalogue.treatments import TREATMENTS


class ColumnFate(StrEnum):
    """What became of a column that was asked for."""

    GRANTED = "granted"
    REFUSED = "refused"
    OPEN = "under examination"
    RETURNED = "returned with questions"


@dataclass(frozen=True)
class ColumnLine:
    """One column. `asked` and `granted` say the treatment in words; `name` is how the column is delivered."""

    dataset: str
    column: str
    why: str
    asked: str
    fate: ColumnFate
    granted: str = ""
    name: str = ""
    reason: str = ""
    clause: str = ""
    findings: tuple[Finding, ...] = ()


def column_lines(
    request: Request, decision: Decision | None, plan: ExtractPlan | None, assessment: Assessment | None
) -> tuple[ColumnLine, ...]:
    """A line per column asked for, in the request's order. `decision`: one that is signed in full, or None."""
    planned = {(d.dataset, c.source): c for d in plan.datasets for c in d.columns} if plan else {}
    found = stopping_by_column(assessment.findings if assessment else ())
    return tuple(
        _line(asked.dataset, column, decision, planned, found.get(f"{asked.dataset}.{column.name}", ()))
        for asked in request.datasets
        for column in asked.columns
    )


def stopping_by_column(findings: Iterable[Finding]) -> Mapping[str, tuple[Finding, ...]]:
    """The findings that stop, by `dataset.column`."""
    found: dict[str, tuple[Finding, ...]] = {}
    for finding in findings:
        for column in finding.columns if finding.outcome is not FindingOutcome.PASS else ():
            found[column] = (*found.get(column, ()), finding)
    return found


def _line(
    dataset: str,
    column: ColumnAsked,
    decision: Decision | None,
    planned: Mapping[tuple[str, str], PlannedColumn],
    findings: tuple[Finding, ...],
) -> ColumnLine:
    fate, reason, clause = _fate(dataset, column.name, decision)
    there = planned.get((dataset, column.name)) if fate is ColumnFate.GRANTED else None
    return ColumnLine(
        dataset=dataset,
        column=column.name,
        why=column.justification,
        asked=_asked_in_words(column),
        fate=fate,
        granted=treatment_in_words(there) if there else "",
        name=there.name if there else "",
        reason=reason,
        clause=clause,
        findings=findings,
    )


def _fate(dataset: str, column: str, decision: Decision | None) -> tuple[ColumnFate, str, str]:
    if decision is None:
        return ColumnFate.OPEN, "", ""
    if decision.outcome is DecisionOutcome.RETURN:
        return ColumnFate.RETURNED, "", ""
    if decision.outcome is DecisionOutcome.REFUSE:
        return ColumnFate.REFUSED, "", ""
    told = next((c for c in decision.columns if (c.dataset, c.column) == (dataset, column)), None)
    if told is None:
        return ColumnFate.REFUSED, "the decision does not name it, so it was not granted", ""
    return (ColumnFate.GRANTED if told.granted else ColumnFate.REFUSED), told.reason, told.clause


def _asked_in_words(column: ColumnAsked) -> str:
    how = TREATMENTS[column.treatment.name]
    filled = {name: ", ".join(column.treatment.parameters) for name in how.parameters}
    return how.plain.format(**filled)

"""The five answers to "can I have this column?", each with its clause and what to do. For the requester, before asking.

Rules, the first that applies:
1. not held: no contract declares the column, or its dataset.
2. held, not shareable: the contract lists no treatment for it at all, or a rule of the policy forbids it here.
3. held, not in that form: it can be had under another treatment.
4. held, stale: loaded longer ago than was asked, or than the contract promises, or asked fresher than promised.
5. held.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from extracts.agreement.assessment import Assessment, Finding
from extracts.agreement.floors import treatment_problem
from extracts.agreement.ladders import alternatives, step_of
from extracts.agreement.policy import Policy
from extracts.agreement.request import Request
from extracts.agreement.request_rows import ColumnAsked
from extracts.agreement.source_counts import DatasetCounts
from extracts.catalogue.contract import Column, Dataset
from extracts.catalogue.form_limits import NEVER_LEAVES


class Availability(StrEnum):
    """The answers, in the words that the requester reads."""

    HELD = "held"
    NOT_HELD = "not held"
    NOT_SHAREABLE = "held, not shareable"
    NOT_IN_FORM = "held, not in that form"
    STALE = "held, stale"


# Predicates that forbid a column as such, the plainest answer first. Others that name columns judge how it was asked
# for, or the rows.
_FORBIDS = (
    "free_text_never",
    "financial_accounts",
    "addresses_reasoned",
    "safe_address_planned",
    "article_9_condition",
)


@dataclass(frozen=True)
class ColumnAnswer:
    """The answer for one column. `column` is `dataset.column`; `what_to_do` is empty where it is simply held."""

    column: str
    asked: str
    answer: Availability
    why: str = ""
    clause: str = ""
    what_to_do: str = ""


def column_answers(
    request: Request,
    assessment: Assessment,
    datasets: Mapping[str, Dataset],
    policy: Policy,
    counts: Mapping[str, DatasetCounts],
) -> tuple[ColumnAnswer, ...]:
    """One answer per column asked for, in the request's order. `counts`, by dataset, say how old the source is."""
    judge = _Judge(request, assessment, policy)
    return tuple(
        judge.answer(d.dataset, c, datasets.get(d.dataset), counts.get(d.dataset))
        for d in request.datasets
        for c in d.columns
    )


@dataclass(frozen=True)
class _Judge:
    request: Request
    assessment: Assessment
    policy: Policy

    def answer(
        self, dataset: str, asked: ColumnAsked, source: Dataset | None, counts: DatasetCounts | None
    ) -> ColumnAnswer:
        name, step = f"{dataset}.{asked.name}", str(step_of(asked.treatment))
        column = source.column(asked.name) if source else None
        if source is None or column is None:
            return self._by_rule(name, step, Availability.NOT_HELD, ("columns_declared", "datasets_declared"))
        if _never(column) or self._findings(name, _FORBIDS):
            return self._by_rule(name, step, Availability.NOT_SHAREABLE, (*_FORBIDS, "treatments_allowed"))
        if why := treatment_problem(column, asked.treatment.name, self.request.identifiability):
            found = self._by_rule(name, step, Availability.NOT_IN_FORM, ("treatments_allowed",))
            return ColumnAnswer(name, step, found.answer, why, found.clause, self._other_forms(asked, column))
        late = staleness(self.request, source, counts)
        if late:
            clause = f"The contract of {dataset}: at most {source.max_age_hours} hours old"
            return ColumnAnswer(name, step, Availability.STALE, late, clause, f"Ask the owner, {source.owner}.")
        return ColumnAnswer(name, step, Availability.HELD)

    def _findings(self, name: str, checks: tuple[str, ...]) -> list[Finding]:
        rules = {rule.id: rule.check for rule in self.policy.rules}
        failed = (*self.assessment.violations, *self.assessment.gaps)
        found = [f for f in failed if name in f.columns and rules.get(f.rule) in checks]
        return sorted(found, key=lambda f: checks.index(rules[f.rule]))

    def _by_rule(self, name: str, step: str, answer: Availability, checks: tuple[str, ...]) -> ColumnAnswer:
        if found := self._findings(name, checks):
            return ColumnAnswer(name, step, answer, found[0].message, found[0].clause, found[0].fix)
        rule = next((r for r in self.policy.rules if r.check in checks), None)
        why = "its contract lists no treatment" if answer is Availability.NOT_SHAREABLE else "no contract declares it"
        return ColumnAnswer(name, step, answer, why, rule.clause if rule else "", rule.fix if rule else "")

    def _other_forms(self, asked: ColumnAsked, column: Column) -> str:
        offered = alternatives(step_of(asked.treatment), column, self.request.identifiability)
        said = " or ".join(map(str, offered))
        return f"Ask for it as {said}." if offered else "Leave it out, or ask in another form."


def staleness(request: Request, source: Dataset, counts: DatasetCounts | None) -> str:
    """Why the source is not fresh enough, in words; empty if it is, or if nobody looked."""
    asked = request.quality.freshness_max_age_hours
    if asked < source.max_age_hours:
        return f"asked at most {asked} hours old; {source.max_age_hours} are promised"
    if counts is None:
        return ""
    if counts.age_hours is None:
        return "nobody knows when it was loaded: a load stamp is missing"
    if counts.age_hours > source.max_age_hours:
        return f"loaded {counts.age_hours} hours ago; at most {source.max_age_hours} are promised"
    return ""


def _never(column: Column) -> bool:
    return column.classification in NEVER_LEAVES or not any(column.treatments.values())

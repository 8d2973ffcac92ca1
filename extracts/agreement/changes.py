"""Differences between what was asked and what is offered, and what a smaller request is judged by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from extracts.agreement.assessment import Finding
from extracts.agreement.ladders import Step
from extracts.agreement.policy import Policy, Rule, assess
from extracts.agreement.request import Request, without_columns
from extracts.catalogue.contract import Dataset
from extracts.catalogue.parties import Parties

LEFT_OUT = "left out"


@dataclass(frozen=True)
class Change:
    """One difference between what was asked and what is offered. `subject`: `dataset.column`, or what else it is."""

    subject: str
    asked: str
    offered: str
    why: str
    clause: str


@dataclass(frozen=True)
class Governance:
    """What a request is judged by."""

    datasets: Mapping[str, Dataset]
    parties: Parties
    policy: Policy
    today: date

    def failed(self, request: Request) -> tuple[Finding, ...]:
        """What stops it."""
        found = assess(request, self.datasets, self.parties, self.policy, self.today)
        return (*found.violations, *found.gaps)

    def rule(self, finding: Finding) -> Rule:
        """The rule that a finding comes from."""
        return next(r for r in self.policy.rules if r.id == finding.rule)


def with_change(changes: tuple[Change, ...], new: Change) -> tuple[Change, ...]:
    """The changes with one more; a second one of the same subject continues the first."""
    for place, old in enumerate(changes):
        if old.subject == new.subject:
            why = old.why if new.why in old.why else f"{old.why}; {new.why}"
            clause = old.clause if new.clause in old.clause else f"{old.clause}; {new.clause}"
            return (*changes[:place], Change(old.subject, old.asked, new.offered, why, clause), *changes[place + 1 :])
    return (*changes, new)


def treated_as(request: Request, dataset: str, column: str, step: Step | None) -> Request:
    """The request with one column under another treatment, or without it. Raises UsageError if nothing is left."""
    if step is None:
        return without_columns(request, {(dataset, column)})
    datasets = tuple(
        d.model_copy(
            update={
                "columns": tuple(
                    c.model_copy(update={"treatment": step.asked()}) if c.name == column else c for c in d.columns
                )
            }
        )
        if d.dataset == dataset
        else d
        for d in request.datasets
    )
    return request.model_copy(update={"datasets": datasets})

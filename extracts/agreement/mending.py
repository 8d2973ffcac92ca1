"""Makes a request smaller until no rule of the policy stops it: the part of a counter-offer that needs no counting.

Rules:
1. A column that a finding names gets the finest treatment under which the rule no longer names it; if there is none,
   it is left out.
2. Some rules limit the request as a whole (form, rows, numbers, time); the table says how each is met by asking less.
3. Nothing is ever added for the requester: not a reason, not a power, not a date. What only they can mend stays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from extracts.agreement.assessment import Finding
from extracts.agreement.floors import K_FLOOR
from extracts.agreement.ladders import Step, alternatives, step_of
from extracts.agreement.plan import SafeAddress, SmallCells
from extracts.agreement.policy import Policy, Rule, assess
from extracts.agreement.request import Request, without_columns
from extracts.agreement.request_rows import RowCondition
from extracts.catalogue.contract import Dataset, Identifiability
from extracts.catalogue.parties import Parties
from extracts.errors import UsageError

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


@dataclass(frozen=True)
class Mended:
    """The smaller request, how it differs, and what nobody but the requester or a register's keeper can mend."""

    request: Request
    changes: tuple[Change, ...]
    remaining: tuple[Finding, ...]


def mend(request: Request, judged_by: Governance) -> Mended:
    """The nearest smaller request. Deterministic; each step asks for less, so it ends."""
    changes: tuple[Change, ...] = ()
    while failed := judged_by.failed(request):
        step = next(_steps(request, failed, judged_by), None)
        if step is None:
            return Mended(request, changes, failed)
        request, change = step
        changes = with_change(changes, change)
    return Mended(request, changes, ())


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


def _steps(request: Request, failed: tuple[Finding, ...], judged_by: Governance) -> Iterator[tuple[Request, Change]]:
    # Last: once no address is left to ask for, nobody has to be left out for the sake of theirs.
    last = [f for f in failed if judged_by.rule(f).check == "safe_address_planned"]
    for findings in ([f for f in failed if f not in last], last):
        yield from _whole_steps(request, findings, judged_by)
        for finding in findings:
            found = (_column_step(request, name, finding, judged_by) for name in finding.columns)
            yield from (step for step in found if step)


def _whole_steps(request: Request, findings: list[Finding], judged_by: Governance) -> Iterator[tuple[Request, Change]]:
    for finding in findings:
        rule = judged_by.rule(finding)
        if (ask_less := _AS_A_WHOLE.get(rule.check)) and (less := ask_less(request, finding, rule, judged_by)):
            smaller, subject, asked, offered = less
            yield smaller, Change(subject, asked, offered, finding.message, finding.clause)


def _column_step(request: Request, name: str, finding: Finding, judged_by: Governance) -> tuple[Request, Change] | None:
    dataset, column = name.split(".", 1)
    asked = next((c for d in request.datasets if d.dataset == dataset for c in d.columns if c.name == column), None)
    if asked is None:
        return None
    step, source = step_of(asked.treatment), judged_by.datasets.get(dataset)
    declared = source.column(column) if source else None
    offers = alternatives(step, declared, request.identifiability) if declared else ()
    for offer in (*offers, None):
        try:
            smaller = treated_as(request, dataset, column, offer)
        except UsageError:
            return None  # nothing would be left to ask for
        if offer is None or not _named(name, finding.rule, judged_by.failed(smaller)):
            told = str(offer) if offer else LEFT_OUT
            return smaller, Change(name, str(step), told, finding.message, finding.clause)
    return None


def _named(name: str, rule: str, failed: tuple[Finding, ...]) -> bool:
    return any(f.rule == rule and name in f.columns for f in failed)


Less = tuple[Request, str, str, str]
"""The smaller request, what changed, from what, to what."""


def _pseudonymised(request: Request, finding: Finding, rule: Rule, judged_by: Governance) -> Less | None:
    if request.identifiability is Identifiability.PSEUDONYMISED:
        return None
    changed = request.model_copy(update={"identifiability": Identifiability.PSEUDONYMISED})
    return changed, "identifiability", request.identifiability.value, Identifiability.PSEUDONYMISED.value


def _within_territory(request: Request, finding: Finding, rule: Rule, judged_by: Governance) -> Less | None:
    for name in finding.columns:
        dataset, column = name.split(".", 1)
        condition = RowCondition.model_validate({"column": column, "in": list(request.territory)})
        asked = next(d for d in request.datasets if d.dataset == dataset)
        source = judged_by.datasets[dataset]
        if source.column(column) is None or any(c.column == column for c in asked.rows):
            continue
        limited = asked.model_copy(update={"rows": (*asked.rows, condition)})
        datasets = tuple(limited if d.dataset == dataset else d for d in request.datasets)
        told = f"only {column} {', '.join(request.territory)}"
        return request.model_copy(update={"datasets": datasets}), f"rows of {dataset}", "all", told
    return None


def _safe_addresses(request: Request, finding: Finding, rule: Rule, judged_by: Governance) -> Less | None:
    named = {name.split(".", 1)[0] for name in finding.columns}
    for asked in request.datasets:
        source = judged_by.datasets.get(asked.dataset)
        if asked.dataset not in named or source is None or not source.safe_address_column:
            continue
        if asked.safe_address is SafeAddress.NOT_APPLICABLE:
            limited = asked.model_copy(update={"safe_address": SafeAddress.WITHHOLD_ROWS})
            datasets = tuple(limited if d is asked else d for d in request.datasets)
            told = "without people whose address must stay hidden"
            return request.model_copy(update={"datasets": datasets}), f"people of {asked.dataset}", "all", told
    return None


def _small_groups(request: Request, finding: Finding, rule: Rule, judged_by: Governance) -> Less | None:
    limits, least = request.limits, max(K_FLOOR, int(rule.parameters["min_k"]))
    most = int(rule.parameters["max_withheld_percent"])
    if limits.k < least:
        return _limits(request, "k", least)
    if limits.small_cells is SmallCells.WITHHOLD and limits.max_withheld_percent > most:
        return _limits(request, "max_withheld_percent", most)
    return None


def _fewer_rows(request: Request, finding: Finding, rule: Rule, judged_by: Governance) -> Less | None:
    most = int(rule.parameters["max_rows"])
    return _limits(request, "max_rows", most) if request.limits.max_rows > most else None


def _shorter(request: Request, finding: Finding, rule: Rule, judged_by: Governance) -> Less | None:
    longest = rule.parameters["max_days"].get(request.identifiability.value)
    if longest is None or request.retention.days <= longest:
        return None
    retention = request.retention.model_copy(update={"days": longest})
    changed = request.model_copy(update={"retention": retention})
    return changed, "retention in days", str(request.retention.days), str(longest)


def _limits(request: Request, name: str, value: Any) -> Less:
    limits = request.limits.model_copy(update={name: value})
    return request.model_copy(update={"limits": limits}), name, str(getattr(request.limits, name)), str(value)


_AS_A_WHOLE: Mapping[str, Callable[[Request, Finding, Rule, Governance], Less | None]] = {
    "least_identifying_form": _pseudonymised,
    "rows_within_territory": _within_territory,
    "safe_address_planned": _safe_addresses,
    "small_groups": _small_groups,
    "limits_set": _fewer_rows,
    "retention_limited": _shorter,
}

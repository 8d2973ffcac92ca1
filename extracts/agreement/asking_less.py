"""How rules that limit a request as a whole are met by asking for less: one table, by the predicate that failed.

Each answers with a smaller request, or with None where asking for less would not help.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from extracts.agreement.assessment import Finding
from extracts.agreement.changes import Governance
from extracts.agreement.floors import K_FLOOR
from extracts.agreement.plan import SafeAddress, SmallCells
from extracts.agreement.policy import Rule
from extracts.agreement.request import Request
from extracts.agreement.request_rows import RowCondition
from extracts.catalogue.contract import Identifiability

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


ASKING_LESS: Mapping[str, Callable[[Request, Finding, Rule, Governance], Less | None]] = {
    "least_identifying_form": _pseudonymised,
    "rows_within_territory": _within_territory,
    "safe_address_planned": _safe_addresses,
    "small_groups": _small_groups,
    "limits_set": _fewer_rows,
    "retention_limited": _shorter,
}

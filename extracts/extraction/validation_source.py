"""What the source must be before anything is built: the contract's promises that the finished file cannot show.

Rules:
1. The agreement's role sees the approved rows and columns, no others. A rule about another column cannot concern this
   agreement and is listed as not applicable; whoever owns the source checks it with the whole table before them.
2. Each promise of the contract is checked once, where it can last be seen: columns that a treatment changes here,
   those that are delivered as they are in the finished file, which is read much faster.
3. Rules of `source.yaml` run here, always.
4. Freshness always applies: of the tables behind the dataset, and of the hold list.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from extracts.agreement.plan import PlannedDataset
from extracts.catalogue.contract import Dataset, QualityRule
from extracts.extraction.validation_check import (
    ROWS,
    Check,
    fact_check,
    not_applicable,
    rule_check,
    unique_check,
    unique_words,
)
from extracts.extraction.validation_release import (
    AGE_HARM,
    KEY_HARM,
    delivered_key,
    filled_check,
    keeps_values,
    promise_checks,
)
from extracts.extraction.validation_rules import RULES, columns_of, sentence
from extracts.extraction.values import CheckKind, CheckResult


@dataclass(frozen=True)
class SourceFacts:
    """What the load stamps say. Rules of `source.yaml` may be about these."""

    source_age_hours: Decimal
    hold_list_age_hours: Decimal
    hold_list_entries: int


def source_checks(
    planned: PlannedDataset, dataset: Dataset, facts: SourceFacts, readable: Iterable[str]
) -> tuple[list[Check], list[CheckResult]]:
    """The contract's promises that can only be checked here. `readable`: the columns that the role may read."""
    seen = set(readable)
    hours = planned.max_age_hours
    words = f"the source was loaded at most {hours} hours ago"
    said = f"{facts.source_age_hours:.1f} hours"
    checks = [
        fact_check("source_age_hours", hours, words, planned.dataset, AGE_HARM, CheckKind.FRESHNESS, said),
        *_promises(planned, dataset, seen),
    ]
    key, hidden = _key(planned, seen)
    return checks + key, hidden


def written_checks(
    dataset: Dataset, rules: Iterable[tuple[QualityRule, str, str]], readable: Iterable[str]
) -> tuple[list[Check], list[CheckResult]]:
    """Rules that people wrote (rule, batch, plain words), and the lines of those about columns out of sight."""
    seen = set(readable)
    checks: list[Check] = []
    hidden: list[CheckResult] = []
    for rule, batch, says in rules:
        missing = [c for c in columns_read(rule, dataset) if c not in seen] if batch == ROWS else []
        if missing:
            words = says or sentence(RULES[rule.expectation], rule.arguments)
            reason = f"this agreement does not read {', '.join(missing)}"
            hidden.append(not_applicable(words, f"{dataset.name}.{', '.join(missing)}", reason, rule.reason))
        else:
            checks.append(rule_check(rule, dataset.name, batch, says))
    return checks, hidden


def shown_in_file(planned: PlannedDataset, dataset: Dataset, rule: QualityRule) -> bool:
    """Whether a rule of the contract can be checked on the finished file: it holds the source's values of them all."""
    kept = {c.source for c in planned.columns if keeps_values(c)}
    return kept.issuperset(columns_read(rule, dataset))


def columns_read(rule: QualityRule, dataset: Dataset) -> list[str]:
    """The columns that a rule reads; of a query, every word in it that is the name of a column."""
    words = re.findall(r"[a-z0-9_]+", str(rule.arguments.get("unexpected_rows_query", "")).lower())
    return [*columns_of(rule.arguments), *(c.name for c in dataset.columns if c.name in words)]


def _promises(planned: PlannedDataset, dataset: Dataset, seen: set[str]) -> list[Check]:
    delivered = {c.source for c in planned.columns}
    kept = {c.source for c in planned.columns if keeps_values(c)}
    found: list[Check] = []
    for column in dataset.columns:
        if column.name not in seen:
            continue
        if column.name not in delivered and not column.nullable:
            found.append(filled_check(planned.dataset, column.name))
        if column.name not in kept:
            found += promise_checks(planned.dataset, column.name, column)
    return found


def _key(planned: PlannedDataset, seen: set[str]) -> tuple[list[Check], list[CheckResult]]:
    _, missing = delivered_key(planned)
    if not missing:
        return [], []
    unseen = [k for k in planned.key if k not in seen]
    if not unseen:
        return [unique_check(planned.dataset, planned.key, KEY_HARM)], []
    reason = f"this agreement does not read {', '.join(unseen)}"
    target = f"{planned.dataset}.{', '.join(planned.key)}"
    return [], [not_applicable(unique_words(planned.key), target, reason, KEY_HARM)]

"""The month's figures about runs and deliveries: what left, how fresh it was, and what was stopped by which control.

Rules:
1. How a run ended is the ledger's word; a run that ended twice counts once, by its last word in the month.
2. Rows are about people: fewer than the threshold are hidden and the rest is rounded, for each delivery; a sum is the
   sum of what was told (`agreement/suppression`).
3. An extract passed at first if it was validated before it was built a second time.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from extracts.agreement.suppression import SafeCount, Suppression
from extracts.errors import Outcome
from extracts.forum.facts import EndedRun, Facts, Sent
from extracts.forum.month import Month

SCHEDULER = "scheduler"
NOT_RECORDED = "not recorded"
VALIDATION_GATE = "validate_extract"


@dataclass(frozen=True)
class Delivered:
    """One delivery as the pack may tell of it."""

    sent: Sent
    rows: SafeCount


@dataclass(frozen=True)
class Recipient:
    """What one recipient was sent in the month."""

    recipient: str
    deliveries: int
    rows: SafeCount
    bytes: int


@dataclass(frozen=True)
class SourceAge:
    """How old sources were at delivery, in hours. `unknown`: deliveries of which nobody wrote it down."""

    known: int
    unknown: int
    median: int | None
    oldest: int | None


@dataclass(frozen=True)
class FirstChecks:
    """Extracts that were built for the first time in the month. `unfinished` ended before their checks did."""

    passed: int
    stopped: tuple[str, ...]
    unfinished: tuple[str, ...]


@dataclass(frozen=True)
class TrendLine:
    """What left in one month."""

    label: str
    deliveries: int
    bytes: int


@dataclass(frozen=True)
class DeliveryFigures:
    """Runs and deliveries of a month. `outcomes` has every outcome word, those that did not occur too."""

    delivered: tuple[Delivered, ...]
    rows: SafeCount
    bytes: int
    corrections: int
    recipients: tuple[Recipient, ...]
    source_age: SourceAge
    outcomes: tuple[tuple[str, int], ...]
    not_delivered: tuple[EndedRun, ...]
    stopped_by_gate: tuple[tuple[str, int], ...]
    stopped_by_control: tuple[tuple[str, int], ...]
    by_hand: tuple[EndedRun, ...]
    first_checks: FirstChecks
    trend: tuple[TrendLine, ...]


def delivery_figures(facts: Facts, month: Month, hidden: Suppression) -> DeliveryFigures:
    """The figures of a month. `hidden` says which counts are too small to tell."""
    runs = tuple({r.run: r for r in sorted(facts.runs, key=lambda r: r.at)}.values())
    outcomes = Counter(r.outcome for r in runs)
    stopped = [r for r in runs if r.outcome not in (Outcome.DELIVERED, Outcome.NOTHING_DUE)]
    return DeliveryFigures(
        delivered=tuple(Delivered(s, hidden.count(s.rows)) for s in facts.sent),
        rows=hidden.total(s.rows for s in facts.sent),
        bytes=sum(s.bytes for s in facts.sent),
        corrections=sum(s.revision > 1 for s in facts.sent),
        recipients=_recipients(facts.sent, hidden),
        source_age=_source_age(facts.sent),
        outcomes=tuple((o.value, outcomes[o.value]) for o in Outcome),
        not_delivered=tuple(r for r in runs if r.outcome != Outcome.DELIVERED),
        stopped_by_gate=_counted(r.gate for r in stopped),
        stopped_by_control=_counted(r.control for r in stopped if r.outcome != Outcome.FAILED),
        by_hand=tuple(r for r in runs if r.actor != SCHEDULER),
        first_checks=first_checks(facts),
        trend=tuple(_trend(facts, one) for one in month.year()),
    )


def first_checks(facts: Facts) -> FirstChecks:
    """How extracts that were built for the first time this month passed their validation."""
    stopped = {r.run for r in facts.runs if r.gate == VALIDATION_GATE and r.outcome != Outcome.FAILED}
    failed = facts.not_passed_at_first
    return FirstChecks(
        passed=facts.passed_at_first,
        stopped=tuple(c.delivery_id for c in failed if c.run in stopped),
        unfinished=tuple(c.delivery_id for c in failed if c.run not in stopped),
    )


def _counted(words: Iterable[str]) -> tuple[tuple[str, int], ...]:
    found = Counter(word or NOT_RECORDED for word in words)
    return tuple(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def _recipients(sent: Iterable[Sent], hidden: Suppression) -> tuple[Recipient, ...]:
    found: Mapping[str, list[Sent]] = defaultdict(list)
    for one in sent:
        found[one.recipient].append(one)
    return tuple(
        Recipient(name, len(all_), hidden.total(s.rows for s in all_), sum(s.bytes for s in all_))
        for name, all_ in sorted(found.items())
    )


def _source_age(sent: Iterable[Sent]) -> SourceAge:
    told = [s.source_age_hours for s in sent]
    known = sorted(age for age in told if age is not None)
    median = known[(len(known) - 1) // 2] if known else None
    return SourceAge(len(known), len(told) - len(known), median, known[-1] if known else None)


def _trend(facts: Facts, month: Month) -> TrendLine:
    found = facts.by_month.get(month.label)
    return TrendLine(month.label, found.deliveries, found.bytes) if found else TrendLine(month.label, 0, 0)

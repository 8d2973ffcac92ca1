"""The month's figures about requests: what came, what was answered, how long it took, what was granted of it.

Rules:
1. A median or share of nothing is None, never a zero.
2. Percentiles are by nearest rank: a number of days that some request really took.
3. Columns are counted by what the signed decisions say, column by column. A return refuses nothing, so it is not in it.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from extracts.agreement.decision import DecisionOutcome
from extracts.agreement.status import Status
from extracts.forum.facts import Decided, Facts, Move, Version
from extracts.forum.month import Month, local_day
from extracts.forum.rounds import STAGES, CountDays, Round, rounds


@dataclass(frozen=True)
class Spread:
    """Working days of several requests."""

    count: int
    median: int
    p90: int
    longest: int


@dataclass(frozen=True)
class Timed:
    """A round, and the working days on its clock. `outcome` is the decision's word, or the status if none was made."""

    round: Round
    days: int
    stage_days: tuple[tuple[str, int], ...]
    outcome: str
    reason_code: str = ""


@dataclass(frozen=True)
class ColumnsAnswered:
    """What one decision granted of what was asked. `refused`: (dataset.column, why)."""

    request_id: str
    version: int
    outcome: str
    asked: int
    granted: int
    refused: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class MonthLine:
    """One month of the trend. The days are None where nothing was answered."""

    label: str
    received: int
    answered: int
    median: int | None
    p90: int | None


@dataclass(frozen=True)
class RequestFigures:
    """Requests in a month. `open` is at its end, the oldest first."""

    received: tuple[Round, ...]
    resubmitted: tuple[Version, ...]
    answered: tuple[Timed, ...]
    returned: tuple[Move, ...]
    refused_by_reason: tuple[tuple[str, int], ...]
    turnaround: Spread | None
    stages: tuple[tuple[str, Spread], ...]
    open: tuple[Timed, ...]
    open_spread: Spread | None
    columns: tuple[ColumnsAnswered, ...]
    trend: tuple[MonthLine, ...]

    def answered_as(self, *statuses: str) -> tuple[Timed, ...]:
        """Those with one of these answers."""
        return tuple(t for t in self.answered if t.round.answer in statuses)


def request_figures(facts: Facts, month: Month, count: CountDays) -> RequestFigures:
    """The figures of a month. `count`: how working days between two days are counted."""
    found = rounds(facts.versions, facts.moves, month.until)
    decided = {(d.request_id, d.version): d for d in facts.decided}
    answered = [_timed(r, decided, month, count) for r in found if r.ended_at and month.holds(r.ended_at)]
    still_open = sorted((_timed(r, {}, month, count) for r in found if not r.answer), key=lambda t: -t.days)
    settled = [t for t in answered if t.round.answer != Status.WITHDRAWN]
    first = {(r.request_id, r.received_at) for r in found}
    return RequestFigures(
        received=tuple(r for r in found if month.holds(r.received_at)),
        resubmitted=tuple(
            v for v in facts.versions if month.holds(v.submitted_at) and (v.request_id, v.submitted_at) not in first
        ),
        answered=tuple(answered),
        returned=tuple(m for m in facts.moves if m.to_status == Status.RETURNED and month.holds(m.at)),
        refused_by_reason=_reasons(answered),
        turnaround=spread(t.days for t in settled),
        stages=_by_stage(settled),
        open=tuple(still_open),
        open_spread=spread(t.days for t in still_open),
        columns=tuple(_columns(d) for d in facts.decided if d.outcome != DecisionOutcome.RETURN),
        trend=tuple(_trend(found, month, count)),
    )


def spread(days: Iterable[int]) -> Spread | None:
    """Median, ninth decile and longest, by nearest rank; None of nothing."""
    ordered = sorted(days)
    if not ordered:
        return None
    return Spread(len(ordered), _ranked(ordered, 0.5), _ranked(ordered, 0.9), ordered[-1])


def _ranked(ordered: Sequence[int], share: float) -> int:
    return ordered[math.ceil(share * len(ordered)) - 1]


def _timed(found: Round, decided: dict[tuple[str, int], Decided], month: Month, count: CountDays) -> Timed:
    decision = decided.get((found.request_id, found.version)) if found.answer != Status.WITHDRAWN else None
    staged = found.stage_days(month.last_day, count)
    return Timed(
        round=found,
        days=found.days(month.last_day, count),
        stage_days=tuple(staged.items()),
        outcome=decision.outcome if decision else found.stands,
        reason_code=decision.reason_code if decision else "",
    )


def _reasons(answered: Iterable[Timed]) -> tuple[tuple[str, int], ...]:
    found = Counter(t.reason_code for t in answered if t.round.answer == Status.REFUSED)
    return tuple(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def _by_stage(settled: Sequence[Timed]) -> tuple[tuple[str, Spread], ...]:
    found = ((name, spread(dict(t.stage_days)[name] for t in settled)) for name in STAGES)
    return tuple((name, one) for name, one in found if one)


def _columns(decided: Decided) -> ColumnsAnswered:
    return ColumnsAnswered(
        request_id=decided.request_id,
        version=decided.version,
        outcome=decided.outcome,
        asked=len(decided.columns),
        granted=sum(c.granted for c in decided.columns),
        refused=tuple((c.column, c.reason) for c in decided.columns if not c.granted),
    )


def _trend(found: Iterable[Round], month: Month, count: CountDays) -> Iterator[MonthLine]:
    received = Counter(f"{local_day(r.received_at):%Y-%m}" for r in found)
    days: dict[str, list[int]] = defaultdict(list)
    year = [one.label for one in month.year()]
    for one in found:
        label = f"{local_day(one.ended_at):%Y-%m}" if one.ended_at and one.answer != Status.WITHDRAWN else ""
        if label in year:
            days[label].append(one.days(month.last_day, count))
    for label in year:
        told = spread(days[label])
        yield MonthLine(
            label, received[label], len(days[label]), told.median if told else None, told.p90 if told else None
        )

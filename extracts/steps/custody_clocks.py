"""What the passing of time asks of deliveries, every few minutes: receipts, reminders, expiry, destruction.

Rules, in order:
1. Receipts first: what was acknowledged a minute ago is neither reminded of nor taken back.
2. What was taken back in the register is out of the area; what is past its patience is taken back.
3. Reminders and countdowns are raised once per cause, and of those that were missed only the latest. What was due and
   did not come is told once.
4. One delivery, inbox or area that cannot be dealt with holds up no other; it is told at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from extracts.agreement.custody import Asked, CustodyNow, Patience, asked_today, last_day
from extracts.agreement.plan import Criticality
from extracts.agreement.status import CLOCK
from extracts.errors import ExtractsError
from extracts.record import custody
from extracts.record.notices import causes
from extracts.record.transaction import reading, unit_of_work
from extracts.steps import notices, taking_back
from extracts.steps.no_delivery import tell_of_missing
from extracts.steps.receipts import take_receipts
from extracts.steps.rehearsals import clear_rehearsals, end_overdue

if TYPE_CHECKING:
    from extracts.steps.workplace import Workplace

_TOGETHER = 200


@dataclass
class Ticked:
    """What one round did, in counts, and what it could not do."""

    taken: int = 0
    refused: int = 0
    reminded: int = 0
    expired: int = 0
    removed: int = 0
    told_to_destroy: int = 0
    overdue: int = 0
    not_delivered: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def counts(self) -> dict[str, int]:
        """All but the problems."""
        return {name: value for name, value in self.__dict__.items() if isinstance(value, int)}


def tick(work: Workplace) -> Ticked:
    """One round of the clocks of deliveries."""
    done = Ticked()
    _guarded(done, lambda: _take(work, done))
    _guarded(done, lambda: _remove(work, done))
    _guarded(done, lambda: _rehearsals(work, done))
    _guarded(done, lambda: _ask(work, done))
    _guarded(done, lambda: _tell_of_missing(work, done))
    _guarded(done, lambda: taking_back.forget_kept(work, work.now()))
    return done


def _guarded(done: Ticked, act: Callable[[], None]) -> None:
    try:
        act()
    except ExtractsError as error:
        done.problems.append(str(error))


def _take(work: Workplace, done: Ticked) -> None:
    found = take_receipts(work)
    done.taken, done.refused = len(found.taken), len(found.refused)
    done.problems += found.problems


def _remove(work: Workplace, done: Ticked) -> None:
    done.removed = len(taking_back.clear_area(work))


def _rehearsals(work: Workplace, done: Ticked) -> None:
    end_overdue(work)
    done.removed += len(clear_rehearsals(work))


def _tell_of_missing(work: Workplace, done: Ticked) -> None:
    done.not_delivered = tell_of_missing(work, partial(_guarded, done))


def _ask(work: Workplace, done: Ticked) -> None:
    today, patience = work.today(), work.policy.custody
    with reading(work.register) as view:
        there = custody.custodies(view)
        told = causes(view, notices.CUSTODY_KINDS)
    due: list[notices.Due] = []
    for each in there:
        asked = asked_today(each, patience, today)
        if asked.expires:
            _guarded(done, partial(_expire, work, done, each.delivery_id))
        due += [d for d in _due(each, asked, patience) if d.full_cause not in told]
    _tell(work, done, due)


def _expire(work: Workplace, done: Ticked, delivery_id: str) -> None:
    done.expired += taking_back.expire(work, delivery_id, CLOCK)


def _due(there: CustodyNow, asked: Asked, patience: Patience) -> Iterator[notices.Due]:
    if asked.reminder is not None and not asked.expires and not there.superseded:
        yield notices.reminder(there, asked.reminder, last_day(there, patience))
    if asked.overdue:
        yield notices.not_destroyed(there, escalates=there.criticality is not Criticality.ANALYSIS)
    elif asked.countdown is not None:
        yield notices.to_be_destroyed(there, asked.countdown)


def _tell(work: Workplace, done: Ticked, due: Sequence[notices.Due]) -> None:
    """Many in one transaction: a thousand commits would take longer than all the rest."""
    counts = dict.fromkeys(notices.CUSTODY_KINDS, 0)
    for start in range(0, len(due), _TOGETHER):
        now = work.now()
        with unit_of_work(work.register) as unit:
            for each in due[start : start + _TOGETHER]:
                counts[each.kind] += notices.raise_one(unit, each, now)
    done.reminded, done.told_to_destroy, done.overdue = (counts[kind] for kind in notices.CUSTODY_KINDS)

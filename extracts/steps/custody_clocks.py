"""What the passing of time asks of deliveries, every few minutes: receipts, reminders, expiry, destruction.

Rules, in order:
1. Receipts first: what was acknowledged a minute ago is neither reminded of nor taken back.
2. What was taken back in the register is out of the area; what is past its patience is taken back.
3. Reminders and countdowns are raised once per cause, and of those that were missed only the latest.
4. One delivery, inbox or area that cannot be dealt with holds up no other; it is told at the end.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING

from extracts.agreement.custody import Asked, CustodyNow, asked_today, last_day
from extracts.agreement.plan import Criticality
from extracts.agreement.status import CLOCK
from extracts.errors import ExtractsError
from extracts.record import custody
from extracts.record.notices import causes
from extracts.record.transaction import reading, unit_of_work
from extracts.steps import notices, taking_back
from extracts.steps.receipts import take_receipts

if TYPE_CHECKING:
    from extracts.steps.workplace import Workplace


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
    _guarded(done, lambda: _ask(work, done))
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


def _ask(work: Workplace, done: Ticked) -> None:
    today, patience = work.today(), work.policy.custody
    with reading(work.register) as view:
        there = custody.custodies(view)
        told = causes(view, notices.CUSTODY_KINDS)
    for each in there:
        asked = asked_today(each, patience, today)
        if asked != Asked():
            last = last_day(each, patience)
            _guarded(done, lambda each=each, asked=asked, last=last: _do(work, done, each, asked, last, told))  # type: ignore[misc]


def _do(work: Workplace, done: Ticked, there: CustodyNow, asked: Asked, last: date, told: frozenset[str]) -> None:
    if asked.expires:
        done.expired += taking_back.expire(work, there.delivery_id, CLOCK)
    elif asked.reminder is not None and not there.superseded:
        done.reminded += _raise(work, notices.reminder(there, asked.reminder, last), told)
    if asked.overdue:
        escalates = there.criticality is not Criticality.ANALYSIS
        done.overdue += _raise(work, notices.not_destroyed(there, escalates=escalates), told)
    elif asked.countdown is not None:
        done.told_to_destroy += _raise(work, notices.to_be_destroyed(there, asked.countdown), told)


def _raise(work: Workplace, due: notices.Due, told: frozenset[str]) -> int:
    """Raised and told to the ledger, once; how many notices that is."""
    if due.full_cause in told:
        return 0
    now: datetime = work.now()
    with unit_of_work(work.register) as unit:
        return notices.raise_one(unit, due, now)

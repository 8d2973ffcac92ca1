"""What the passing of time asks of a delivery that left: waiting to be acknowledged, and to be destroyed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from extracts.agreement.custody import Asked, Custody, CustodyNow, Patience, asked_today, last_day, stops_deliveries
from extracts.agreement.plan import Criticality

MONDAY = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
PATIENCE = Patience()


def a_delivery(**changes: Any) -> CustodyNow:
    """Published on a Monday, to be destroyed on 30 June; nobody has acknowledged it."""
    facts: dict[str, Any] = {
        "delivery_id": "SDDSB-2026-021.2026-10.r1",
        "request_id": "SDDSB-2026-021",
        "version": 1,
        "recipient": "fife-council",
        "criticality": Criticality.ANALYSIS,
        "state": Custody.PUBLISHED,
        "since": MONDAY,
        "published_at": MONDAY,
        "with_recipient": False,
        "superseded": False,
        "destroy_by": date(2027, 6, 30),
        "evidence_days": 30,
    }
    return CustodyNow(**(facts | changes))


def held(**changes: Any) -> CustodyNow:
    """The same, acknowledged."""
    return a_delivery(**({"state": Custody.ACKNOWLEDGED, "with_recipient": True} | changes))


@pytest.mark.parametrize(
    ("day", "asked"),
    [
        (date(2026, 11, 2), Asked()),
        (date(2026, 11, 6), Asked()),  # four working days
        (date(2026, 11, 9), Asked(reminder=5)),
        (date(2026, 11, 15), Asked(reminder=5)),
        (date(2026, 11, 16), Asked(reminder=10)),
        # St Andrew's Day, 30 November, is a day off in Scotland, and so no day on which anybody is late.
        (date(2026, 12, 1), Asked(reminder=15)),
        (date(2026, 12, 2), Asked(expires=True, reminder=15)),
    ],
)
def test_days_of_waiting_are_working_days_of_both_nations(day: date, asked: Asked) -> None:
    assert asked_today(a_delivery(), PATIENCE, day) == asked
    assert last_day(a_delivery(), PATIENCE) == date(2026, 12, 1)


@pytest.mark.parametrize("state", [s for s in Custody if s not in (Custody.PUBLISHED, Custody.COLLECTED)])
def test_only_what_waits_for_its_receipt_is_reminded_of(state: Custody) -> None:
    assert asked_today(a_delivery(state=state), PATIENCE, date(2027, 1, 4)) == Asked()


@pytest.mark.parametrize(
    ("left", "countdown"), [(31, None), (30, 30), (8, 30), (7, 7), (1, 7), (0, 0), (-1, 0), (-30, 0)]
)
def test_destruction_is_counted_down_to(left: int, countdown: int | None) -> None:
    day = date(2027, 6, 30) - timedelta(days=left)
    assert asked_today(held(), PATIENCE, day) == Asked(countdown=countdown)
    assert asked_today(held(state=Custody.DESTROYED), PATIENCE, day) == Asked()
    assert asked_today(a_delivery(state=Custody.WITHDRAWN), PATIENCE, day) == Asked(), "nobody has it"


def test_a_certificate_is_overdue_on_the_day_after_its_last() -> None:
    due = date(2027, 7, 30)
    assert held().certificate_by == due
    assert not asked_today(held(), PATIENCE, due).overdue
    assert asked_today(held(), PATIENCE, due + timedelta(days=1)).overdue
    assert asked_today(held(state=Custody.WITHDRAWN), PATIENCE, due + timedelta(days=1)).overdue


@pytest.mark.parametrize("criticality", Criticality)
def test_an_overdue_certificate_stops_statistics_and_never_a_payment_or_a_service(criticality: Criticality) -> None:
    late = date(2027, 7, 31)
    assert stops_deliveries(held(criticality=criticality), late) is (criticality is Criticality.ANALYSIS)
    assert not stops_deliveries(held(criticality=criticality), late - timedelta(days=1))
    assert not stops_deliveries(held(criticality=criticality, state=Custody.DESTROYED), late)


def test_what_the_register_does_not_know_the_day_of_asks_for_nothing() -> None:
    assert asked_today(held(destroy_by=None), PATIENCE, date(2040, 1, 1)) == Asked()
    assert not stops_deliveries(held(destroy_by=None), date(2040, 1, 1))

"""What should have come, and did it? Due dates against what left and against the runs that tried.

An agreement is due by its schedule, from the moment that it was approved or resumed. What became of each due delivery
is one of a few words; only those that did not come are missing.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from extracts.agreement.expected import MISSING, Arrival, Timetabled, Tried, arrival, due_between, last_tried
from extracts.agreement.schedule import ZONE
from extracts.errors import Outcome

ID = "SDDSB-2026-021"
BEGIN, END = datetime(2026, 11, 1, tzinfo=ZONE), datetime(2026, 11, 30, 23, 59, tzinfo=ZONE)
MONTHLY = Timetabled(
    request_id=ID,
    frequency="monthly",
    schedule="working day: 4 of month",
    only_present=False,
    first_day=date(2026, 1, 1),
    last_day=date(2028, 12, 31),
    since=datetime(2026, 1, 5, tzinfo=UTC),
)
(DUE,) = due_between(MONTHLY, BEGIN, END)
NOW = DUE.at + timedelta(days=3)


def tried(outcome: str, period: str = "2026-10", hours: int = 0) -> Tried:
    """A run that began so many hours after it was due."""
    return Tried(ID, period, DUE.at + timedelta(hours=hours), outcome)


# --- what is due ------------------------------------------------------------------------------------------------------


def test_it_is_due_when_the_schedule_says_about_the_period_that_is_over():
    assert (DUE.at, DUE.period) == (datetime(2026, 11, 5, 6, 0, tzinfo=ZONE), "2026-10")


def test_a_dataset_that_knows_only_the_present_is_due_about_the_current_period():
    assert [d.period for d in due_between(replace(MONTHLY, only_present=True), BEGIN, END)] == ["2026-11"]


def test_a_daily_agreement_is_due_on_every_day_of_the_month():
    daily = replace(MONTHLY, frequency="daily", schedule="cron: 30 5 * * *")
    assert len(list(due_between(daily, BEGIN, END))) == 30


@pytest.mark.parametrize(
    "change",
    [
        {"since": datetime(2026, 11, 5, 6, 1, tzinfo=ZONE)},
        {"first_day": date(2026, 11, 6)},
        {"last_day": date(2026, 11, 4)},
    ],
)
def test_what_fell_due_before_the_agreement_or_after_its_end_was_never_due(change):
    assert list(due_between(replace(MONTHLY, **change), BEGIN, END)) == []


# --- what came of it --------------------------------------------------------------------------------------------------


def test_a_delivery_on_its_day_was_delivered_and_one_on_the_next_day_was_late():
    assert arrival(DUE, DUE.at + timedelta(hours=17), None, NOW) is Arrival.DELIVERED
    assert arrival(DUE, DUE.at + timedelta(hours=19), None, NOW) is Arrival.LATE


def test_a_delivery_counts_whatever_the_runs_before_it_said():
    assert arrival(DUE, DUE.at, tried(Outcome.FAILED), NOW) is Arrival.DELIVERED


@pytest.mark.parametrize(
    ("outcome", "came"),
    [
        (Outcome.STOPPED, Arrival.STOPPED),
        (Outcome.SOURCE_LATE, Arrival.SOURCE_LATE),
        (Outcome.FAILED, Arrival.FAILED),
        ("", Arrival.UNDER_WAY),
    ],
)
def test_without_a_delivery_the_last_run_tells_why(outcome, came):
    last = last_tried(DUE, [tried(Outcome.FAILED), tried(outcome, hours=1)])
    assert arrival(DUE, None, last, NOW) is came


def test_a_run_that_delivered_to_others_alone_was_stopped_for_this_recipient():
    assert arrival(DUE, None, tried(Outcome.DELIVERED), NOW) is Arrival.STOPPED


def test_a_run_for_another_period_tells_nothing():
    assert last_tried(DUE, [tried(Outcome.STOPPED, period="2026-09")]) is None


def test_a_run_that_was_refused_before_its_period_was_known_counts_for_what_was_due():
    assert last_tried(DUE, [tried(Outcome.STOPPED, period="", hours=1)]) is not None
    assert last_tried(DUE, [tried(Outcome.STOPPED, period="", hours=-1)]) is None


def test_what_has_just_become_due_is_not_missing_yet_and_an_hour_later_it_is():
    assert arrival(DUE, None, None, DUE.at + timedelta(minutes=59)) is None
    late = arrival(DUE, None, None, DUE.at + timedelta(minutes=61))
    assert late is Arrival.NOTHING_RAN
    assert late in MISSING

"""When it delivers, and about which period: working days of Scotland, cron words, labels."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extracts.agreement.periods import Frequency, period_before, period_for, period_of, read_label
from extracts.agreement.plan import ExtractPlan
from extracts.agreement.schedule import ZONE, cron_text, due_dates, next_dates, next_times, working_day_text
from extracts.agreement.working_days import (
    is_working_day,
    nth_working_day,
    working_days_after,
    working_days_between,
)
from extracts.errors import Refused, UsageError
from tests.support.builders import a_plan, an_identified_plan

DAYS = st.dates(date(2024, 1, 1), date(2032, 12, 31))
FREQUENCIES = st.sampled_from(list(Frequency))
TODAY = date(2026, 11, 23)


def as_at_now(**changes: object) -> ExtractPlan:
    return a_plan(frequency="monthly", schedule="working day: 3 of month", **changes)


def event() -> ExtractPlan:
    return an_identified_plan()


# --- working days ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "works"),
    [
        (date(2026, 11, 23), True),
        (date(2026, 11, 28), False),
        (date(2026, 11, 30), False),  # St Andrew's Day
        (date(2026, 1, 2), False),  # 2 January is a holiday in Scotland
        (date(2026, 8, 3), False),  # the early August holiday
        (date(2026, 8, 31), True),  # the English one
        (date(2027, 4, 26), True),
        (date(2026, 4, 6), True),  # Easter Monday is none in Scotland
        (date(2026, 12, 28), False),  # Boxing Day, observed
    ],
)
def test_the_calendar_is_the_scottish_one(day: date, works: bool) -> None:
    assert is_working_day(day) is works


def test_the_third_working_day_of_january_comes_after_two_bank_holidays() -> None:
    assert nth_working_day(date(2027, 1, 1), date(2027, 1, 31), 3) == date(2027, 1, 7)
    assert nth_working_day(date(2027, 1, 1), date(2027, 1, 4), 1) is None


def test_working_days_are_counted_from_the_day_after() -> None:
    friday = date(2026, 11, 27)
    assert working_days_after(friday, 1) == date(2026, 12, 1)  # Monday is St Andrew's Day
    assert working_days_between(friday, date(2026, 12, 1)) == 1
    assert working_days_between(friday, friday) == 0
    assert working_days_between(date(2026, 12, 1), friday) == 0


@given(day=DAYS, count=st.integers(1, 60))
def test_counting_forward_and_counting_between_agree(day: date, count: int) -> None:
    later = working_days_after(day, count)
    assert is_working_day(later)
    assert working_days_between(day, later) == count


# --- schedules ------------------------------------------------------------------------------------------------------


def test_the_next_twelve_dates_of_the_third_working_day() -> None:
    dates = next_dates("working day: 3 of month", TODAY)
    assert dates[:4] == (date(2026, 12, 3), date(2027, 1, 7), date(2027, 2, 3), date(2027, 3, 3))
    assert len(dates) == 12


def test_the_fifth_working_day_of_each_quarter() -> None:
    assert next_dates("working day: 5 of quarter", TODAY, 2) == (date(2027, 1, 11), date(2027, 4, 7))


def test_a_date_on_which_it_is_asked_is_not_a_next_date() -> None:
    assert next_dates("working day: 3 of month", date(2026, 12, 3), 1) == (date(2027, 1, 7),)
    assert next_dates("cron: 0 6 1 * *", date(2026, 12, 1), 1) == (date(2027, 1, 1),)


def test_six_in_the_morning_stays_six_when_the_clocks_change() -> None:
    times = next_times("cron: 0 6 * * *", datetime(2026, 10, 23, 12, tzinfo=UTC), 3)
    assert [t.hour for t in times] == [6, 6, 6]
    assert [t.astimezone(UTC).hour for t in times] == [5, 6, 6]


def test_a_run_later_on_the_same_day_is_still_to_come() -> None:
    (at,) = next_times("working day: 3 of month", datetime(2026, 12, 3, 5, 0, tzinfo=UTC), 1)
    assert at == datetime(2026, 12, 3, 6, 0, tzinfo=ZONE)


@pytest.mark.parametrize(
    ("words", "frequency", "text"),
    [
        ("@monthly", "monthly", "cron: 0 0 1 * *"),
        ("  0  6 1 * * ", "monthly", "cron: 0 6 1 * *"),
        ("0 6 * * mon", "weekly", "cron: 0 6 * * MON"),
        ("30 5 * * 1-5", "daily", "cron: 30 5 * * 1-5"),
        ("0 6 1 1,4,7,10 *", "quarterly", "cron: 0 6 1 1,4,7,10 *"),
    ],
)
def test_cron_words_have_one_spelling(words: str, frequency: str, text: str) -> None:
    assert cron_text(words, Frequency(frequency)) == text


@pytest.mark.parametrize(
    ("words", "frequency", "why"),
    [
        ("* * * * *", "daily", "more than once a day"),
        ("*/10 6 * * *", "daily", "more than once a day"),
        ("0 6,18 * * *", "daily", "more than once a day"),
        ("0 6 * * *", "monthly", "more than once in a period"),
        ("0 6 1,15 * *", "monthly", "more than once in a period"),
        ("0 6 1 1 *", "monthly", "leaves out some periods"),
        ("0 6 31 * *", "monthly", "leaves out some periods"),
        ("0 6 30 2 *", "monthly", "never runs"),
        ("@reboot", "monthly", "no cron schedule"),
        ("0 6 1 *", "monthly", "no cron schedule"),
        ("0 6 1 * * 2027", "monthly", "no cron schedule"),
        ("61 6 1 * *", "monthly", "no cron schedule"),
        ("0 6 1 * *; rm -rf /", "monthly", "no cron schedule"),
    ],
)
def test_a_schedule_that_makes_no_sense_is_refused(words: str, frequency: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        cron_text(words, Frequency(frequency))


@pytest.mark.parametrize(("n", "frequency"), [(0, "monthly"), (16, "monthly"), (3, "weekly"), (1, "daily")])
def test_a_working_day_is_the_first_to_fifteenth_of_a_month_or_quarter(n: int, frequency: str) -> None:
    with pytest.raises(ValueError, match="working day"):
        working_day_text(n, Frequency(frequency))


@pytest.mark.parametrize(
    ("n", "frequency", "text"),
    [
        (1, "monthly", "working day: 1 of month"),
        (15, "monthly", "working day: 15 of month"),
        (5, "quarterly", "working day: 5 of quarter"),
    ],
)
def test_a_working_day_is_written_one_way(n: int, frequency: str, text: str) -> None:
    assert working_day_text(n, Frequency(frequency)) == text
    assert len(next_dates(text, TODAY)) == 12


def test_there_are_fifteen_working_days_in_every_month_and_quarter() -> None:
    for year in range(2026, 2033):
        for month in range(1, 13):
            period = period_of(date(year, month, 1), Frequency.MONTHLY)
            assert nth_working_day(period.first, period.last, 15)


@pytest.mark.parametrize("schedule", ["", "weekly", "working day: three of month", "working day: 3 of year"])
def test_an_unknown_schedule_has_no_dates(schedule: str) -> None:
    with pytest.raises(ValueError, match="not a schedule"):
        next_dates(schedule, TODAY)


def test_a_plan_is_due_between_its_start_and_its_end_only() -> None:
    plan = as_at_now(start_on=date(2027, 1, 7), end_on=date(2027, 3, 2))
    assert due_dates(plan, TODAY) == (date(2027, 1, 7), date(2027, 2, 3))
    assert due_dates(plan, date(2027, 3, 2)) == ()


# --- periods --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("label", "frequency", "first", "last"),
    [
        ("2026-11-23", "daily", date(2026, 11, 23), date(2026, 11, 23)),
        ("2026-W47", "weekly", date(2026, 11, 16), date(2026, 11, 22)),
        ("2026-W53", "weekly", date(2026, 12, 28), date(2027, 1, 3)),
        ("2028-02", "monthly", date(2028, 2, 1), date(2028, 2, 29)),
        ("2026-Q4", "quarterly", date(2026, 10, 1), date(2026, 12, 31)),
    ],
)
def test_a_label_names_its_days(label: str, frequency: str, first: date, last: date) -> None:
    period = read_label(label, Frequency(frequency))
    assert (period.label, period.first, period.last) == (label, first, last)


@pytest.mark.parametrize(
    ("label", "frequency"),
    [
        ("2026-13", "monthly"),
        ("2026-1", "monthly"),
        ("2026-11", "quarterly"),
        ("2026-Q5", "quarterly"),
        ("2026-W54", "weekly"),
        ("2025-W53", "weekly"),
        ("2026-02-30", "daily"),
        ("2026-11\n", "monthly"),
        ("２０２６-11", "monthly"),
        ("../2026-11", "monthly"),
        ("0000-01", "monthly"),
        ("", "monthly"),
    ],
)
def test_a_label_of_another_shape_or_without_a_date_is_refused(label: str, frequency: str) -> None:
    with pytest.raises(UsageError, match=rf"no {frequency} period"):
        read_label(label, Frequency(frequency))


@given(day=DAYS, frequency=FREQUENCIES)
def test_a_period_contains_its_day_and_its_label_reads_back(day: date, frequency: Frequency) -> None:
    period = period_of(day, frequency)
    assert period.first <= day <= period.last
    assert read_label(period.label, frequency) == period
    assert period_before(period, frequency).last == period.first - timedelta(days=1)


@given(day=DAYS, frequency=FREQUENCIES)
def test_labels_sort_as_time_does(day: date, frequency: Frequency) -> None:
    period = period_of(day, frequency)
    assert period_before(period, frequency).label < period.label


def test_an_event_dataset_delivers_the_last_complete_period() -> None:
    assert period_for(event(), date(2026, 11, 5), TODAY).label == "2026-10"


def test_an_event_dataset_delivers_the_period_that_was_due_however_late_it_runs() -> None:
    assert period_for(event(), date(2026, 9, 4), TODAY).label == "2026-08"


def test_an_event_dataset_can_be_asked_for_a_past_period_by_its_label() -> None:
    assert period_for(event(), "2026-03", TODAY).label == "2026-03"


@pytest.mark.parametrize("label", ["2026-11", "2026-12", "2027-05"])
def test_a_period_that_is_not_over_cannot_be_delivered(label: str) -> None:
    with pytest.raises(Refused, match="not over yet"):
        period_for(event(), label, TODAY)


@pytest.mark.parametrize("label", ["2025-11", "2019-01"])
def test_an_operator_cannot_reach_back_to_what_nobody_approved(label: str) -> None:
    with pytest.raises(Refused, match="outside what was approved"):
        period_for(event(), label, TODAY)


def test_the_period_before_the_start_is_what_the_first_delivery_is_about() -> None:
    assert period_for(event(), date(2026, 1, 7), date(2026, 1, 7)).label == "2025-12"


def test_nothing_is_delivered_after_the_end() -> None:
    late = date(2029, 2, 6)
    with pytest.raises(Refused, match="outside what was approved"):
        period_for(event(), late, late)
    with pytest.raises(Refused, match="outside what was approved"):
        period_for(as_at_now(), late, late)


def test_a_dataset_that_shows_the_present_delivers_the_present() -> None:
    assert period_for(as_at_now(), TODAY, TODAY).label == "2026-11"
    assert period_for(as_at_now(), "2026-11", TODAY).label == "2026-11"


def test_a_late_run_of_the_present_does_not_label_itself_as_the_past() -> None:
    assert period_for(as_at_now(), date(2026, 9, 3), TODAY).label == "2026-11"


@pytest.mark.parametrize("label", ["2026-10", "2026-12"])
def test_another_period_of_the_present_is_refused_with_the_reason(label: str) -> None:
    with pytest.raises(Refused, match="as they are now and keeps no past"):
        period_for(as_at_now(), label, TODAY)

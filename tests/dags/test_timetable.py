"""The scheduler starts runs on the agreement's own dates: Scottish working days, London time, nothing twice."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pendulum
import pytest
from airflow.timetables.base import DataInterval, TimeRestriction
from hypothesis import given
from hypothesis import strategies as st

from extracts.agreement.schedule import next_dates
from extracts.scheduling.timetable import AgreementTimetable, next_due, next_or_missed
from extracts.scheduling.words import ordinal, schedule_words

LONDON = ZoneInfo("Europe/London")
SCHEDULES = [
    "working day: 3 of month",
    "working day: 1 of quarter",
    "working day: 15 of month",
    "cron: 0 6 1 * *",
    "cron: 30 7 * * MON",
    "cron: 30 1 * * *",
]
schedules = st.sampled_from(SCHEDULES)
moments = st.datetimes(datetime(2026, 1, 1), datetime(2031, 1, 1), timezones=st.just(UTC))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def restriction(earliest: datetime | None = None, latest: datetime | None = None) -> TimeRestriction:
    moments = [pendulum.instance(moment) if moment else None for moment in (earliest, latest)]
    return TimeRestriction(moments[0], moments[1], catchup=False)


def run_after(timetable: AgreementTimetable, earliest: datetime, last: datetime | None = None) -> datetime | None:
    interval = DataInterval.exact(pendulum.instance(last)) if last else None
    info = timetable.next_dagrun_info(last_automated_data_interval=interval, restriction=restriction(earliest))
    return info.run_after if info else None


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_five_years_of_runs_are_the_dates_that_the_agreement_shows(schedule):
    """Run by run as the scheduler asks, each time as if it had only just started the last."""
    expected = next_dates(schedule, date(2025, 12, 31), 60)
    moment, found = at("2025-12-31 23:59:59"), []
    while len(found) < len(expected):
        moment = next_due(schedule, moment)
        found.append(moment.astimezone(LONDON).date())
    assert tuple(found) == expected


def test_the_third_working_day_knows_scottish_holidays():
    """2027: 1 January is a Friday and 2 January, a holiday in Scotland alone, is made up for on Monday the 4th."""
    due = next_due("working day: 3 of month", at("2026-12-31 12:00"))
    assert due.astimezone(LONDON) == datetime(2027, 1, 7, 6, 0, tzinfo=LONDON)


def test_runs_keep_london_s_clock_when_it_changes():
    hours = [next_due("cron: 0 6 1 * *", at(f"2026-{month:02}-15 00:00")).astimezone(UTC).hour for month in (1, 5)]
    assert hours == [6, 5]


@given(schedules, moments)
def test_a_run_is_always_later_than_the_last(schedule, moment):
    assert next_due(schedule, moment) > moment


def test_the_hour_that_is_there_twice_has_one_run():
    """25 October 2026: 01:30 comes twice in London."""
    first = next_due("cron: 30 1 * * *", at("2026-10-24 12:00")).astimezone(UTC)
    assert first == at("2026-10-25 00:30")
    for minutes in (0, 1, 30, 45, 59, 60, 75):
        following = next_due("cron: 30 1 * * *", first + timedelta(minutes=minutes))
        assert following.astimezone(LONDON).date() == date(2026, 10, 26)
    assert next_due("cron: 30 1 * * *", first.astimezone(LONDON)).date() == date(2026, 10, 26)


# --- what was missed --------------------------------------------------------------------------------------------------


@given(schedules, moments, st.integers(0, 400))
def test_the_latest_missed_run_is_made_up_for_and_no_other(schedule, last, days):
    now = last + timedelta(days=days)
    due = next_or_missed(schedule, last, now)
    assert due > last
    if due <= now:
        assert next_due(schedule, due) > now  # nothing later was due
    else:
        assert due == next_due(schedule, last)  # nothing was missed


def test_nothing_is_missed_before_there_was_an_agreement():
    assert next_or_missed("working day: 3 of month", None, at("2026-11-23 12:00")) > at("2026-11-23 12:00")


def test_a_new_agreement_waits_for_its_first_date():
    timetable = AgreementTimetable("working day: 3 of month")
    started = datetime.now(UTC) - timedelta(seconds=1)
    assert run_after(timetable, started) > datetime.now(UTC)


def test_a_run_that_is_over_is_not_started_again():
    timetable = AgreementTimetable("cron: 0 6 * * *")
    start = datetime.now(UTC) - timedelta(days=30)
    missed = run_after(timetable, start)
    assert missed < datetime.now(UTC)
    assert run_after(timetable, start, missed) > datetime.now(UTC)


def test_no_run_after_the_agreement_s_end():
    timetable = AgreementTimetable("cron: 0 6 * * *")
    now = datetime.now(UTC)
    ended = restriction(now - timedelta(seconds=1), now + timedelta(seconds=1))
    assert timetable.next_dagrun_info(last_automated_data_interval=None, restriction=ended) is None


def test_a_run_by_hand_is_about_the_moment_it_was_asked_for():
    moment = pendulum.instance(at("2026-11-23 12:00"))
    assert AgreementTimetable(SCHEDULES[0]).infer_manual_data_interval(run_after=moment) == DataInterval.exact(moment)


# --- how it is kept and called ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_airflow_keeps_the_schedule_as_text(schedule):
    assert AgreementTimetable.deserialize(AgreementTimetable(schedule).serialize()).schedule == schedule


@pytest.mark.parametrize(
    "text", ["", "cron: 0 6 1 *", "@daily", "working day: 3 of year", "cron: 0 6 1 * *\n* * * * *"]
)
def test_what_is_no_schedule_is_refused(text):
    with pytest.raises(ValueError, match="is not a schedule"):
        AgreementTimetable(text)


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        ("working day: 3 of month", "3rd working day of each month in Scotland, 06:00"),
        ("working day: 11 of quarter", "11th working day of each quarter in Scotland, 06:00"),
        ("cron: 0 6 1 * *", "At 06:00, on day 1 of the month (UK time)"),
        ("cron: 30 7 * * MON", "At 07:30, only on Monday (UK time)"),
    ],
)
def test_people_read_the_schedule_in_english(schedule, words):
    assert schedule_words(schedule) == words
    assert AgreementTimetable(schedule).summary == words


def test_ordinals():
    expected = {1: "1st", 2: "2nd", 3: "3rd", 4: "4th", 11: "11th", 12: "12th", 13: "13th", 21: "21st", 22: "22nd"}
    assert {number: ordinal(number) for number in expected} == expected

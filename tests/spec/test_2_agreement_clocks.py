"""How long a request has waited: working days of both nations per stage, stopped while it is with its requester."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extracts.agreement.clocks import STAGES, Clock, Lane, Pace, read_clock
from extracts.agreement.policy import parse_policy
from extracts.agreement.status import Status
from extracts.agreement.working_days import BOTH_NATIONS, is_working_day, working_days_after, working_days_between
from extracts.documents import Document
from extracts.errors import InvalidDocument
from tests.support.builders import EXAMPLES, the_policy

TARGETS = the_policy().target_days  # 20 and 10 days; expedited 3 and 2


@dataclass(frozen=True)
class Step:
    version: int
    number: int
    to_status: str
    at: datetime


def history(*steps: tuple[int, Status, str]) -> list[Step]:
    """(version, status, time) in order; times such as `2026-06-01` or `2026-06-01T23:30`, in UTC."""
    numbers: dict[int, int] = {}
    found = []
    for version, status, at in steps:
        numbers[version] = numbers.get(version, 0) + 1
        found.append(Step(version, numbers[version], status, datetime.fromisoformat(at).replace(tzinfo=UTC)))
    return found


def a_clock(*steps: tuple[int, Status, str], today: str, lane: Lane = Lane.ORDINARY) -> Clock:
    return read_clock(history(*steps), lane, TARGETS, date.fromisoformat(today))


def days(clock: Clock) -> list[int]:
    return [stage.days for stage in clock.stages]


MONDAY = (1, Status.SUBMITTED, "2026-06-01T10:00")


# --- which days count -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "why"),
    [
        ("2026-11-30", "St Andrew's Day: Scotland alone is off"),
        ("2026-08-03", "the early August holiday of Scotland"),
        ("2026-08-31", "the late August holiday of England"),
        ("2026-06-15", "Scotland's day off in the summer of its World Cup"),
        ("2026-04-06", "Easter Monday: England alone is off"),
        ("2027-01-04", "2 January, moved, in Scotland alone"),
        ("2026-12-25", "both are off"),
        ("2026-06-06", "a Saturday"),
    ],
)
def test_a_day_on_which_either_nation_is_off_does_not_count(day: str, why: str) -> None:
    assert not is_working_day(date.fromisoformat(day), BOTH_NATIONS), why


def test_the_day_after_the_submission_is_the_first() -> None:
    assert days(a_clock(MONDAY, today="2026-06-01")) == [0, 0]
    assert days(a_clock(MONDAY, today="2026-06-02")) == [1, 0]
    friday = (1, Status.SUBMITTED, "2026-06-05")
    assert days(a_clock(friday, today="2026-06-07")) == [0, 0]
    assert days(a_clock(friday, today="2026-06-08")) == [1, 0]


def test_a_day_is_one_of_people_here_and_not_of_utc() -> None:
    late = (1, Status.SUBMITTED, "2026-06-01T23:30")  # half past midnight on Tuesday in Edinburgh and London
    assert days(a_clock(late, today="2026-06-03")) == [1, 0]


@given(st.dates(date(2020, 1, 1), date(2030, 12, 31)), st.integers(-3, 600))
def test_counting_is_the_same_as_looking_at_each_day(start: date, length: int) -> None:
    end = start + timedelta(days=length)
    each = [d for n in range(1, length + 1) if is_working_day(d := start + timedelta(days=n), BOTH_NATIONS)]
    assert working_days_between(start, end, BOTH_NATIONS) == len(each)
    if each:
        assert working_days_after(start, len(each), BOTH_NATIONS) == each[-1]


def test_no_working_day_after_is_the_day_itself_and_the_calendar_has_an_end() -> None:
    assert working_days_after(date(2026, 6, 6), 0, BOTH_NATIONS) == date(2026, 6, 6)
    with pytest.raises(OverflowError):
        working_days_after(date(9999, 12, 1), 60, BOTH_NATIONS)


# --- stages -----------------------------------------------------------------------------------------------------------


def test_each_day_belongs_to_one_stage() -> None:
    review = (1, Status.IN_REVIEW, "2026-06-10")
    clock = a_clock(MONDAY, review, today="2026-06-12")
    assert days(clock) == [7, 2]
    assert clock.days == working_days_between(date(2026, 6, 1), date(2026, 6, 12), BOTH_NATIONS)
    assert clock.stage is not None
    assert (clock.stage.name, clock.stage.due_on) == (Status.IN_REVIEW, date(2026, 6, 25))
    assert clock.in_words()[2] == "in review: 2 of 10 working days, until 2026-06-25"


def test_the_clock_stands_still_while_the_request_is_with_its_requester() -> None:
    steps = (MONDAY, (1, Status.IN_REVIEW, "2026-06-03"), (1, Status.RETURNED, "2026-06-05"))
    stopped = a_clock(*steps, today="2026-07-05")
    assert (days(stopped), stopped.pace, stopped.overdue) == ([2, 2], Pace.STOPPED, False)
    assert (stopped.due_by, stopped.with_requester) == (None, 19)
    answered = a_clock(*steps, (2, Status.SUBMITTED, "2026-06-15"), today="2026-06-16")
    assert (days(answered), answered.pace, answered.with_requester) == ([3, 2], Pace.RUNS, 5)
    assert answered.stages[0].due_on == date(2026, 7, 9), "20 days, of which 2 were used before it was returned"


def test_it_is_late_on_the_day_after_its_target_and_not_before() -> None:
    last = a_clock(MONDAY, today="2026-06-30")
    assert (days(last), last.overdue, last.due_by) == ([20, 0], False, date(2026, 6, 30))
    late = a_clock(MONDAY, today="2026-07-01")
    assert (days(late), late.overdue, late.due_by) == ([21, 0], True, date(2026, 6, 30))
    assert late.in_words()[0] == "21 of 30 working days, OVERDUE: it was due on 2026-06-30"


def test_a_quick_second_stage_makes_up_for_a_late_first_one() -> None:
    clock = a_clock(MONDAY, (1, Status.IN_REVIEW, "2026-07-02"), today="2026-07-03")
    assert [stage.late for stage in clock.stages] == [True, False]
    assert not clock.overdue
    assert clock.due_by == date(2026, 7, 14), "the whole is due before the stage's own ten days are over"
    assert a_clock(MONDAY, (1, Status.IN_REVIEW, "2026-07-02"), today="2026-07-15").overdue


def test_the_expedited_lane_has_shorter_targets_and_says_so() -> None:
    clock = a_clock(MONDAY, today="2026-06-05", lane=Lane.EXPEDITED)
    assert (clock.target, clock.overdue, clock.due_by) == (5, True, date(2026, 6, 4))
    assert "in the expedited lane" in clock.in_words()[0]


# --- one clock over several versions ----------------------------------------------------------------------------------


@pytest.mark.parametrize("end", [Status.APPROVED, Status.REFUSED, Status.WITHDRAWN])
def test_a_version_that_follows_a_decision_or_a_withdrawal_starts_a_new_clock(end: Status) -> None:
    steps = (MONDAY, (1, Status.IN_REVIEW, "2026-06-03"), (1, end, "2026-06-05"))
    ended = a_clock(*steps, today="2027-01-01")
    assert (days(ended), ended.pace, ended.ended_on) == ([2, 2], Pace.ENDED, date(2026, 6, 5))
    renewed = a_clock(*steps, (2, Status.SUBMITTED, "2026-09-01"), today="2026-09-02")
    assert (days(renewed), renewed.started_on) == ([1, 0], date(2026, 9, 1))


def test_what_becomes_of_an_agreement_does_not_move_its_clock() -> None:
    steps = (MONDAY, (1, Status.IN_REVIEW, "2026-06-03"), (1, Status.APPROVED, "2026-06-05"))
    later = ((1, Status.SUSPENDED, "2026-07-01"), (1, Status.APPROVED, "2026-07-10"), (1, Status.REVOKED, "2026-08-01"))
    assert a_clock(*steps, *later, today="2026-09-01") == a_clock(*steps, today="2026-06-05")


def test_a_version_that_replaces_one_not_yet_decided_goes_on_with_its_clock() -> None:
    steps = (MONDAY, (1, Status.IN_REVIEW, "2026-06-03"), (2, Status.SUBMITTED, "2026-06-10"))
    assert days(a_clock(*steps, today="2026-06-11")) == [3, 5]


def test_an_accepted_counter_offer_goes_on_with_the_clock() -> None:
    taken_back = (1, Status.WITHDRAWN, "2026-06-05T12:00")
    next_version = (2, Status.SUBMITTED, "2026-06-05T12:00")
    clock = a_clock(MONDAY, taken_back, next_version, today="2026-06-08")
    assert (days(clock), clock.started_on, clock.pace) == ([5, 0], date(2026, 6, 1), Pace.RUNS)


def test_a_decision_after_the_target_is_told_to_have_been_late() -> None:
    clock = a_clock(MONDAY, (1, Status.IN_REVIEW, "2026-07-20"), (1, Status.REFUSED, "2026-07-22"), today="2026-09-01")
    assert "later than the target" in clock.in_words()[0]
    assert not clock.overdue, "nobody has to hurry any more"


# --- properties -------------------------------------------------------------------------------------------------------

_STATUSES = st.lists(st.sampled_from([Status.IN_REVIEW, Status.RETURNED, Status.SUBMITTED]), max_size=6)


@given(
    first=st.dates(date(2024, 1, 1), date(2030, 1, 1)), then=_STATUSES, gaps=st.lists(st.integers(0, 40), min_size=7)
)
def test_no_day_is_lost_or_counted_twice(first: date, then: list[Status], gaps: list[int]) -> None:
    at, version = datetime(first.year, first.month, first.day, 12, tzinfo=UTC), 1
    steps = [(1, Status.SUBMITTED, at.isoformat()[:19])]
    for status, gap in zip(then, gaps, strict=False):
        at += timedelta(days=gap, minutes=1)
        version += status is Status.SUBMITTED
        steps.append((version, status, at.isoformat()[:19]))
    today = (at + timedelta(days=gaps[-1])).date()
    clock = a_clock(*steps, today=today.isoformat())
    assert clock.days + clock.with_requester == working_days_between(first, today, BOTH_NATIONS)
    if clock.pace is Pace.RUNS and clock.due_by:
        assert clock.overdue == (working_days_between(clock.due_by, today, BOTH_NATIONS) > 0)


# --- the statement that declares the targets --------------------------------------------------------------------------


def policy_with(**changes: Any) -> Document:
    from extracts.documents import read

    found = read(EXAMPLES / "governance" / "policy.yaml")
    return Document(found.source, {**found.value, **changes}, found.lines)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"target_days": {"ordinary": {"submitted": 20, "in_review": 10}}}, "expedited: is missing"),
        ({"target_days": {**TARGETS.model_dump(), "urgent": {}}}, "no field has this name"),
        (
            {"target_days": {**TARGETS.model_dump(), "expedited": {"submitted": 21, "in_review": 2}}},
            "may not have more",
        ),
        ({"target_days": {**TARGETS.model_dump(), "expedited": {"submitted": 0, "in_review": 2}}}, "submitted"),
        ({"target_days": {**TARGETS.model_dump(), "expedited": {"submitted": "3", "in_review": 2}}}, "whole number"),
        ({"escalation_routes": {}}, "escalation_routes"),
        ({"escalation_routes": {"forum": {"ask": "Ask the forum", "working_days": 10**9}}}, "working_days"),
        ({"escalation_routes": {"The Forum": {"ask": "Ask the forum", "working_days": 10}}}, "escalation_routes"),
        ({"escalation": "Ask somebody."}, "no field has this name"),
    ],
)
def test_target_days_and_routes_are_read_strictly(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(InvalidDocument, match=why):
        parse_policy(policy_with(**changes))


def test_every_stage_has_a_target_in_both_lanes() -> None:
    for lane in Lane:
        assert {s.name.lower() for s in STAGES} == set(getattr(TARGETS, lane).model_dump())

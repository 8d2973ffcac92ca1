"""When an agreement's end comes near: prompted 60, 30 and 7 days before, with what came and what never did."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from extracts.agreement.renewal import PROMPTS, Renewal, periods_due, prompt_reached, renewal
from tests.support.builders import BENEFIT_CAP, a_made_plan, a_request

END = date(2026, 12, 31)
PLAN = a_made_plan(a_request(BENEFIT_CAP))  # monthly, on the fourth working day, from 1 January 2026


@pytest.mark.parametrize(
    ("left", "prompt"), [(61, None), (60, 60), (31, 60), (30, 30), (8, 30), (7, 7), (0, 7), (-1, None)]
)
def test_the_latest_prompt_that_was_reached_counts(left: int, prompt: int | None) -> None:
    assert prompt_reached(END, END - timedelta(days=left)) == prompt


def test_each_prompt_is_reached_once_on_the_way_to_the_end() -> None:
    found = [prompt_reached(END, END - timedelta(days=left)) for left in range(90, -5, -1)]
    assert tuple(dict.fromkeys(p for p in found if p)) == PROMPTS


def a_renewal(delivered: tuple[str, ...], today: date = date(2026, 12, 1)) -> Renewal:
    found = renewal(PLAN, 2, date(2026, 8, 1), END, today, delivered)
    assert found
    return found


def test_it_tells_which_periods_came_and_which_never_did() -> None:
    found = a_renewal(("2026-07", "2026-09"))
    assert (found.days_left, found.prompt, found.version) == (30, 30, 2)
    assert found.never_delivered == ("2026-08", "2026-10")
    assert "never delivered: 2 periods (2026-08, 2026-10)" in found.in_words()


def test_what_earlier_versions_delivered_counts_and_what_is_not_due_yet_does_not() -> None:
    found = a_renewal(("2025-12", "2026-07", "2026-08", "2026-09", "2026-10"))
    assert found.never_delivered == ()
    assert found.in_words()[2] == "never delivered: nothing"
    assert a_renewal((), date(2026, 11, 5)).never_delivered == ("2026-07", "2026-08", "2026-09"), "due on the fifth"


def test_nothing_was_due_before_the_agreement_was_in_force() -> None:
    assert periods_due(PLAN, date(2026, 10, 20), date(2026, 12, 1)) == ("2026-10",)
    assert periods_due(PLAN, date(2026, 12, 1), date(2026, 12, 1)) == ()


def test_long_lists_are_cut_short_in_words_and_whole_in_the_document() -> None:
    labels = tuple(f"{year}-{month:02}" for year in (2024, 2025) for month in range(1, 13))
    found = a_renewal(labels)
    assert found.in_words()[1].endswith("2025-12 and 12 earlier)")
    assert len(found.document()["delivered"]) == 24


def test_there_is_nothing_to_tell_while_the_end_is_far_or_after_it() -> None:
    assert renewal(PLAN, 1, date(2026, 1, 1), END, date(2026, 10, 1), ()) is None
    assert renewal(PLAN, 1, date(2026, 1, 1), END, date(2027, 1, 1), ()) is None

"""The note of a run: the outcome word first, then why; what people wrote stays. (That it is written: the journey.)"""

from __future__ import annotations

import pytest

from extracts.errors import Outcome
from extracts.scheduling.run_notes import is_good, note
from extracts.web.history import split_note

DELIVERED = {
    "outcome": "delivered",
    "gate": "",
    "reason": "",
    "delivery": "SDDSB-2026-014.2026-11.r1",
    "rows": {"scottish_child_payment": 12_345},
}
STOPPED = {
    "outcome": "stopped by a control",
    "gate": "release",
    "reason": "SDDSB-2026-014 was revoked.\nAsk the Controller.",
    "delivery": "",
    "rows": {},
}


def test_a_delivery_is_named_with_its_rows():
    assert note(DELIVERED, "") == "delivered: SDDSB-2026-014.2026-11.r1, 12,345 rows of scottish_child_payment"


def test_a_stop_names_the_gate_and_the_reason_in_one_line():
    assert note(STOPPED, "") == "stopped by a control (release): SDDSB-2026-014 was revoked. Ask the Controller."


@pytest.mark.parametrize("outcome", list(Outcome))
def test_every_outcome_word_comes_first(outcome):
    assert note({"outcome": outcome.value, "reason": "x"}, "").startswith(outcome.value)


def test_a_run_without_a_recorded_outcome_is_never_called_delivered():
    assert note(None, "").startswith("technical failure: the run ended before its outcome was recorded")
    assert note(None, "", by_hand=True).startswith("technical failure: somebody ended this run in Airflow")


@pytest.mark.parametrize("outcome", list(Outcome))
def test_only_delivered_and_nothing_due_are_good(outcome):
    assert is_good({"outcome": outcome.value}) == (outcome in (Outcome.DELIVERED, Outcome.NOTHING_DUE))
    assert not is_good(None)


def test_what_people_wrote_stays_below_and_our_own_line_is_replaced():
    earlier = "stopped by a control (release): suspended\nRang the Controller, to be resumed on Monday."
    assert note(DELIVERED, earlier).splitlines() == [
        "delivered: SDDSB-2026-014.2026-11.r1, 12,345 rows of scottish_child_payment",
        "Rang the Controller, to be resumed on Monday.",
    ]


def test_a_long_reason_fits_into_airflow_s_field():
    assert len(note({**STOPPED, "reason": "x" * 5_000}, "y" * 5_000)) <= 1_000


@pytest.mark.parametrize(
    ("text", "state", "expected"),
    [
        (
            note(STOPPED, ""),
            "failed",
            ("stopped by a control", "release: SDDSB-2026-014 was revoked. Ask the Controller."),
        ),
        (note(DELIVERED, "by hand"), "success", ("delivered", note(DELIVERED, "").removeprefix("delivered: "))),
        ("", "running", ("under way", "")),
        ("only a person's words", "success", ("technical failure", "no outcome was recorded")),
    ],
)
def test_the_page_takes_a_note_apart_again(text, state, expected):
    assert split_note(text, state) == expected

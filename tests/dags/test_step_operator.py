"""A task runs one step and tells Airflow, in its terms, how it ended; nobody else's message gets through."""

from __future__ import annotations

import traceback
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException

from extracts import errors
from extracts.errors import ExtractsError, Outcome
from extracts.scheduling.step_operator import act, as_airflow, run_key, started_by
from extracts.steps.run import RunKey

DUE = datetime(2026, 11, 4, 6, 0, tzinfo=UTC)
ALL = sorted(
    (
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, ExtractsError) and kind is not errors.InvalidDocument
    ),
    key=lambda kind: kind.__name__,
)


def a_context(**changes: Any) -> dict[str, Any]:
    """What Airflow hands to a task of a scheduled run."""
    run = {"run_id": "scheduled__2026-11-04", "dag_id": "extract__SDDSB-2026-014", "run_type": "scheduled"}
    run |= {"triggering_user_name": None, "logical_date": DUE} | changes
    period = run.pop("period", None)
    return {"dag_run": SimpleNamespace(**run), "ti": SimpleNamespace(try_number=2), "params": {"period": period}}


# --- which run this is ------------------------------------------------------------------------------------------------


def test_a_scheduled_run_is_due_at_its_date_and_started_by_nobody():
    key = run_key("SDDSB-2026-014", a_context())
    assert key == RunKey(
        "SDDSB-2026-014",
        "scheduled__2026-11-04",
        scheduled_for=DUE,
        dag_id="extract__SDDSB-2026-014",
        try_number=2,
    )
    assert key.actor == "scheduler"


def test_a_run_by_hand_names_who_started_it_and_the_period_that_they_typed():
    context = a_context(run_type="manual", triggering_user_name="engineer", period="2026-10", logical_date=None)
    key = run_key("SDDSB-2026-014", context)
    assert (key.started_by, key.period, key.scheduled_for) == ("engineer", "2026-10", None)


@pytest.mark.parametrize("run_type", ["manual", "backfill", "asset_triggered", "operator_triggered"])
def test_whoever_has_no_name_is_not_taken_for_the_schedule(run_type):
    assert started_by(run_type, None) == "unknown"
    assert started_by(run_type, "") == "unknown"


def test_a_backfill_is_started_by_whoever_asked_for_it():
    assert started_by("backfill", "engineer") == "engineer"


# --- what Airflow is told ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_every_error_becomes_what_its_class_asks_for(kind):
    told = as_airflow(kind("What happened.", advice="What to do."))
    if kind.outcome is Outcome.NOTHING_DUE:
        assert type(told) is AirflowSkipException
    elif kind.retryable:
        assert type(told) is AirflowException
    else:
        assert type(told) is AirflowFailException
    assert str(told) == f"{kind.outcome.value}: What happened. What to do."


def test_refusals_are_not_tried_again():
    assert {kind for kind in ALL if issubclass(kind, errors.Refused) and kind.retryable} == set()


SECRET = "QQ123456C password=hunter2"


def a_step(failure: Exception) -> Any:
    def step(work: object, name: str, key: RunKey) -> dict[str, Any]:
        raise failure

    return step


def test_a_foreign_exception_is_named_by_its_class_alone(home, monkeypatch):
    """`run_step` turns everything into ours; should it ever not, its caller still lets nothing through."""
    monkeypatch.setattr("extracts.scheduling.step_operator.run_step", a_step(RuntimeError(SECRET)))
    with pytest.raises(AirflowException) as caught:
        act("build_extract", RunKey("SDDSB-2026-014", "run"))
    shown = "".join(traceback.format_exception(caught.value))
    assert "RuntimeError" in shown
    assert SECRET not in shown
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_our_own_error_leaves_its_cause_behind_too(home, monkeypatch):
    failure = errors.SourceUnreachable("The source cannot be reached (08006).")
    failure.__cause__ = RuntimeError(SECRET)
    monkeypatch.setattr("extracts.scheduling.step_operator.run_step", a_step(failure))
    with pytest.raises(AirflowException) as caught:
        act("build_extract", RunKey("SDDSB-2026-014", "run"))
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_a_real_step_of_an_unknown_agreement_is_stopped_by_a_control(home):
    with pytest.raises(AirflowFailException, match="stopped by a control: SDDSB-2026-999 has no published agreement"):
        act("check_approval", RunKey("SDDSB-2026-999", "run"))


def test_a_task_in_an_environment_that_is_wrong_says_which_setting(home, monkeypatch):
    monkeypatch.setenv("EXTRACTS_TYPO", "x")
    with pytest.raises(AirflowFailException, match="EXTRACTS_TYPO"):
        act("check_approval", RunKey("SDDSB-2026-999", "run"))


def test_a_result_is_plain_json(home, monkeypatch):
    found = {"at": DUE, "path": home / "dropzone" / "x.parquet", "rows": {"a": 1}, "outcome": Outcome.DELIVERED}
    monkeypatch.setattr("extracts.scheduling.step_operator.run_step", lambda work, step, key: found)
    assert act("release", RunKey("SDDSB-2026-014", "run")) == {
        "at": "2026-11-04T06:00:00Z",
        "path": "x.parquet",
        "rows": {"a": 1},
        "outcome": "delivered",
    }

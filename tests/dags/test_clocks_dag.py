"""The DAG of the deliveries' clocks: every five minutes, one short task, and only counts reach Airflow."""

from __future__ import annotations

import runpy
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from extracts.errors import SettingMissing
from extracts.scheduling import clocks_dag
from extracts.settings import PROJECT
from extracts.steps.custody_clocks import Ticked


def outcome(monkeypatch: pytest.MonkeyPatch, result: Any) -> Any:
    def done(_: object) -> Any:
        if isinstance(result, BaseException):
            raise result
        return result

    monkeypatch.setattr("extracts.settings.open_workplace", lambda: None)
    monkeypatch.setattr("extracts.steps.custody_clocks.tick", done)
    return clocks_dag.ClocksOperator(task_id="run_clocks").execute({})


def test_the_file_in_the_dags_folder_gives_one_dag_with_one_task_that_holds_no_worker() -> None:
    found = runpy.run_path(str(PROJECT / "dags" / "clocks.py"))["dag"]
    assert (found.dag_id, found.schedule, found.catchup, found.max_active_runs) == ("clocks", "*/5 * * * *", False, 1)
    (task,) = found.tasks
    assert (task.task_id, task.retries) == ("run_clocks", 0)


def test_the_file_is_read_by_airflow() -> None:
    text = (PROJECT / "dags" / "clocks.py").read_text().lower()
    assert "dag" in text
    assert "airflow" in text


def test_only_counts_reach_airflow(monkeypatch: pytest.MonkeyPatch) -> None:
    told = outcome(monkeypatch, Ticked(taken=2, expired=1))
    assert set(map(type, told.values())) == {int}
    assert {name: count for name, count in told.items() if count} == {"taken": 2, "expired": 1}


def test_what_could_not_be_done_fails_the_task_and_a_foreign_error_keeps_its_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(AirflowFailException, match="technical failure: The drop zone cannot be reached"):
        outcome(monkeypatch, Ticked(taken=1, problems=["The drop zone cannot be reached."]))
    with pytest.raises(AirflowFailException, match="EXTRACTS_REGISTER_URL"):
        outcome(monkeypatch, SettingMissing("Set EXTRACTS_REGISTER_URL."))
    with pytest.raises(AirflowFailException, match=r"stopped \(ValueError\)") as caught:
        outcome(monkeypatch, ValueError("QQ123456C"))
    assert "QQ123456C" not in str(caught.value)

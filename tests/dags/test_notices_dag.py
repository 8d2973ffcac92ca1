"""The DAG that sends notices: every quarter of an hour, one short task, and only counts reach Airflow."""

from __future__ import annotations

import runpy
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from extracts.errors import Busy, SettingMissing
from extracts.scheduling import notices_dag
from extracts.settings import PROJECT
from extracts.steps.notice_sending import Sent


def outcome(monkeypatch: pytest.MonkeyPatch, result: Any) -> Any:
    def done(_: object) -> Any:
        if isinstance(result, BaseException):
            raise result
        return result

    monkeypatch.setattr("extracts.settings.open_workplace", lambda: None)
    monkeypatch.setattr("extracts.steps.notice_sending.send_notices", done)
    return notices_dag.NoticesOperator(task_id="send_notices").execute({})


def test_the_file_in_the_dags_folder_gives_one_dag_with_one_task() -> None:
    found = runpy.run_path(str(PROJECT / "dags" / "notices.py"))["dag"]
    assert (found.dag_id, found.catchup, found.max_active_runs) == ("notices", False, 1)
    (task,) = found.tasks
    assert (task.task_id, task.retries, task.deferrable if hasattr(task, "deferrable") else False) == (
        "send_notices",
        0,
        False,
    )
    assert found.schedule == "*/15 * * * *"


def test_the_file_is_read_by_airflow() -> None:
    text = (PROJECT / "dags" / "notices.py").read_text().lower()
    assert "dag" in text
    assert "airflow" in text


def test_only_counts_reach_airflow(monkeypatch: pytest.MonkeyPatch) -> None:
    assert outcome(monkeypatch, Sent(1, 2, 3, ())) == {"raised": 1, "sent": 2, "failed": 3}


def test_what_could_not_be_used_fails_the_task_after_everything_else_was_done(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AirflowFailException, match="technical failure: The mail server cannot be used"):
        outcome(monkeypatch, Sent(0, 5, 1, ("The mail server cannot be used.",)))
    with pytest.raises(AirflowFailException, match="EXTRACTS_SMTP_HOST"):
        outcome(monkeypatch, SettingMissing("Set EXTRACTS_SMTP_HOST."))


def test_another_sender_at_work_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AirflowSkipException):
        outcome(monkeypatch, Busy("Another sender of notices is at work."))


def test_what_nobody_foresaw_is_named_by_its_class_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AirflowFailException, match="RuntimeError") as caught:
        outcome(monkeypatch, RuntimeError("password zzsecretzz"))
    assert "zzsecretzz" not in str(caught.value)
    assert caught.value.__context__ is None

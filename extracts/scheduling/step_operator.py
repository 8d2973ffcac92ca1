"""One task: runs one step of an agreement's run, and says in Airflow's terms how it ended.

Rules:
1. What a step found (counts, names, digests) is the task's result; nothing else reaches Airflow.
2. Only our own messages reach Airflow, for drivers put values and passwords into theirs: a foreign exception is named
   by its class alone, and Airflow never sees it, not even as the cause of ours.
3. A refusal fails at once, for asking again does not change it. What may mend itself is tried again, with growing
   pauses. Nothing due ends the run quietly.
4. Imported by every worker at parse: what a step needs is imported when it runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException

from extracts.errors import ExtractsError, Outcome, TechnicalFailure
from extracts.steps.run import RunKey, run_step
from extracts.steps.run_folder import plain_paths

UNKNOWN_PERSON = "unknown"


class StepOperator(BaseOperator):
    """The step of this task's name, for the agreement `request_id`."""

    ui_color = "#e8f0fa"

    def __init__(self, *, request_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.request_id = request_id

    def execute(self, context: Mapping[str, Any]) -> dict[str, Any]:
        """What the step found, as plain JSON. Raises Airflow's exceptions only."""
        return act(self.task_id, run_key(self.request_id, context))


class BrokenOperator(BaseOperator):
    """Stands for a file that is no agreement: fails with the reason."""

    def __init__(self, *, reason: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.reason = reason

    def execute(self, context: Mapping[str, Any]) -> None:
        """Never succeeds."""
        raise AirflowFailException(self.reason)


def run_key(request_id: str, context: Mapping[str, Any]) -> RunKey:
    """Which run this is, from what Airflow hands to a task."""
    dag_run = context["dag_run"]
    return RunKey(
        request_id=request_id,
        run_id=dag_run.run_id,
        period=context["params"].get("period") or None,
        started_by=started_by(str(getattr(dag_run.run_type, "value", dag_run.run_type)), dag_run.triggering_user_name),
        scheduled_for=dag_run.logical_date,
        dag_id=dag_run.dag_id,
        try_number=context["ti"].try_number,
        host=str(getattr(context["ti"], "hostname", None) or ""),
    )


def started_by(run_type: str, name: str | None) -> str:
    """Who started a run by hand; empty for the schedule. Nobody is taken for the schedule for want of a name."""
    return "" if run_type == "scheduled" else name or UNKNOWN_PERSON


def act(step: str, key: RunKey) -> dict[str, Any]:
    """Runs a step. Raises AirflowFailException, AirflowSkipException, or, to be tried again, AirflowException."""
    from extracts.settings import open_workplace

    try:
        found: dict[str, Any] = plain_paths(run_step(open_workplace(), step, key))
        return found
    except ExtractsError as error:
        failure = as_airflow(error)
    except Exception as error:
        unknown = TechnicalFailure(f"{key.request_id}: {step} failed ({type(error).__name__}).")
        failure = as_airflow(unknown)
    raise failure  # outside of the handlers: the exception that was caught is not even its context


def as_airflow(error: ExtractsError) -> AirflowException:
    """The exception by which Airflow does what our class asks for. The outcome word comes first."""
    message = f"{error.outcome.value}: {error}"
    if error.outcome is Outcome.NOTHING_DUE:
        return AirflowSkipException(message)
    return AirflowException(message) if error.retryable else AirflowFailException(message)

"""The DAG of the deliveries' clocks: one short task every few minutes, which waits for nobody.

Rules:
1. It holds no worker: it does what is due and ends. What could not be done is due again in the next round, so Airflow
   retries nothing.
2. An inbox, delivery or area that cannot be dealt with fails the task after everything else was done.
3. Only counts reach Airflow.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from airflow.sdk import DAG, BaseOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from extracts.errors import ExtractsError, Outcome, TechnicalFailure

DAG_ID = "clocks"
SCHEDULE = "*/5 * * * *"
_DOC = """Takes in recipients' receipts and certificates of destruction, reminds of deliveries that are not acknowledged
and takes them back in the end, counts down to destruction, and tells of certificates that are overdue.
`extracts deliveries list` shows where each delivery is."""


class ClocksOperator(BaseOperator):
    """One round of the deliveries' clocks."""

    ui_color = "#e8f0fa"

    def execute(self, context: Mapping[str, Any]) -> dict[str, int]:
        """What was done, in counts. Raises Airflow's exceptions only."""
        return run_clocks()


def run_clocks() -> dict[str, int]:
    """One round. Raises AirflowFailException for what could not be done."""
    from extracts.settings import open_workplace
    from extracts.steps.custody_clocks import tick

    failure: AirflowException
    try:
        done = tick(open_workplace())
        if not done.problems:
            return done.counts
        failure = _failed("; ".join(done.problems))
    except ExtractsError as error:
        failure = _failed(str(error))
    except Exception as error:
        failure = _failed(str(TechnicalFailure(f"The clocks of deliveries stopped ({type(error).__name__}).")))
    raise failure  # outside of the handlers: the exception that was caught is not even its context


def _failed(told: str) -> AirflowFailException:
    return AirflowFailException(f"{Outcome.FAILED.value}: {told}")


def clocks_dag() -> DAG:
    """The DAG."""
    dag = DAG(
        DAG_ID,
        dag_display_name="Clocks of deliveries",
        description="Takes in receipts; reminds, takes back, and counts down to destruction.",
        doc_md=_DOC,
        schedule=SCHEDULE,
        start_date=datetime(2026, 1, 1, tzinfo=UTC),
        catchup=False,
        max_active_runs=1,
        is_paused_upon_creation=False,
        tags=["clocks"],
    )
    dag.add_task(ClocksOperator(task_id="run_clocks", owner="extracts", retries=0))
    return dag

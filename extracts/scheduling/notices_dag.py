"""The DAG that sends notices: one short task every quarter of an hour, which waits for nobody.

Rules:
1. It holds no worker: it sends what is due and ends. What could not be sent is due again later, by the register's own
   pauses, so Airflow retries nothing.
2. A channel that cannot be used, or a policy that cannot be read, fails the task after everything else was done.
3. Only counts reach Airflow: no address, no text.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from airflow.sdk import DAG, BaseOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from extracts.errors import ExtractsError, Outcome, TechnicalFailure
from extracts.scheduling.step_operator import as_airflow

DAG_ID = "notices"
SCHEDULE = "*/15 * * * *"
_DOC = """Tells people that they are awaited, that something is overdue, returned, refused, approved, delivered or
stopped, or that an agreement ends soon. `extracts notices list` shows what was sent, and what waits and why."""


class NoticesOperator(BaseOperator):
    """Raises what time has caused, and sends what is due."""

    ui_color = "#e8f0fa"

    def execute(self, context: Mapping[str, Any]) -> dict[str, int]:
        """How many were raised, sent and not sent. Raises Airflow's exceptions only."""
        return send()


def send() -> dict[str, int]:
    """One round. Raises AirflowFailException for what could not be done, AirflowSkipException if another sends."""
    from extracts.settings import open_workplace
    from extracts.steps.notice_sending import send_notices

    failure: AirflowException
    try:
        done = send_notices(open_workplace())
        if not done.problems:
            return {"raised": done.raised, "sent": done.sent, "failed": done.failed}
        failure = _failed("; ".join(done.problems))
    except ExtractsError as error:
        failure = as_airflow(error) if error.outcome is Outcome.NOTHING_DUE else _failed(str(error))
    except Exception as error:
        failure = _failed(str(TechnicalFailure(f"The notices could not be sent ({type(error).__name__}).")))
    raise failure  # outside of the handlers: the exception that was caught is not even its context


def _failed(told: str) -> AirflowFailException:
    return AirflowFailException(f"{Outcome.FAILED.value}: {told}")


def notices_dag() -> DAG:
    """The DAG."""
    dag = DAG(
        DAG_ID,
        dag_display_name="Notices",
        description="Tells people what they wait for, or are waited for.",
        doc_md=_DOC,
        schedule=SCHEDULE,
        start_date=datetime(2026, 1, 1, tzinfo=UTC),
        catchup=False,
        max_active_runs=1,
        is_paused_upon_creation=False,
        tags=["notices"],
    )
    dag.add_task(NoticesOperator(task_id="send_notices", owner="extracts", retries=0))
    return dag

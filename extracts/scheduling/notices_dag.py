"""The DAG that sends notices: every quarter of an hour, one round of what is due (see `rounds`).

A channel that cannot be used, or a policy that cannot be read, fails the task after everything else was done. No
address and no text of a notice reaches Airflow.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow.sdk import DAG, BaseOperator

from extracts.scheduling.rounds import one_round, rounds_dag

DAG_ID = "notices"
SCHEDULE = "*/15 * * * *"
_DOC = """Tells people that they are awaited, that something is overdue, returned, refused, approved, delivered or
stopped, or that an agreement ends soon. `extracts notices list` shows what was sent, and what waits and why."""


class NoticesOperator(BaseOperator):
    """Raises what time has caused, and sends what is due; skipped if another sends."""

    ui_color = "#e8f0fa"

    def execute(self, context: Mapping[str, Any]) -> dict[str, int]:
        """How many were raised, sent and not sent. Raises Airflow's exceptions only."""
        from extracts.settings import open_workplace
        from extracts.steps.notice_sending import send_notices

        return one_round(lambda: send_notices(open_workplace()), "The notices could not be sent")


def notices_dag() -> DAG:
    """The DAG."""
    words = "Tells people what they wait for, or are waited for."
    dag = rounds_dag(DAG_ID, SCHEDULE, dag_display_name="Notices", description=words, doc_md=_DOC)
    dag.add_task(NoticesOperator(task_id="send_notices", owner="extracts", retries=0))
    return dag

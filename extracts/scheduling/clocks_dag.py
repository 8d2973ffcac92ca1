"""The DAG of the deliveries' clocks: every few minutes, one round of what is due (see `rounds`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow.sdk import DAG, BaseOperator

from extracts.scheduling.rounds import one_round, rounds_dag

DAG_ID = "clocks"
SCHEDULE = "*/5 * * * *"
_DOC = """Takes in recipients' receipts and certificates of destruction, reminds of deliveries that are not acknowledged
and takes them back in the end, counts down to destruction, and tells of certificates that are overdue.
`extracts deliveries list` shows where each delivery is."""


class ClocksOperator(BaseOperator):
    """One round of the deliveries' clocks. An inbox, delivery or area that cannot be dealt with fails it in the end."""

    ui_color = "#e8f0fa"

    def execute(self, context: Mapping[str, Any]) -> dict[str, int]:
        """What was done, in counts. Raises Airflow's exceptions only."""
        from extracts.settings import open_workplace
        from extracts.steps.custody_clocks import tick

        return one_round(lambda: tick(open_workplace()), "The clocks of deliveries stopped")


def clocks_dag() -> DAG:
    """The DAG."""
    words = "Takes in receipts; reminds, takes back, and counts down to destruction."
    dag = rounds_dag(DAG_ID, SCHEDULE, dag_display_name="Clocks of deliveries", description=words, doc_md=_DOC)
    dag.add_task(ClocksOperator(task_id="run_clocks", owner="extracts", retries=0))
    return dag

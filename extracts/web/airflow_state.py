"""What only Airflow knows: whether its scheduler is alive, and which of our DAGs are paused or missing. Read only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from airflow.api_fastapi.common.db.common import SessionDep

_OURS = "extract__%"


@dataclass(frozen=True)
class AirflowState:
    """`paused` by DAG id, of all DAGs that Airflow knows and has not let go stale. `last_seen`: the scheduler's last
    sign of life, None if there never was one."""

    scheduler_alive: bool
    last_seen: datetime | None
    paused: Mapping[str, bool]

    def problem(self, dag_id: str) -> str:
        """Why a DAG did not start by itself, as far as Airflow can tell; empty if it should have."""
        if dag_id not in self.paused:
            return "Airflow has no such DAG: publish the agreement again (extracts publish)."
        if self.paused[dag_id]:
            return "Its DAG is paused in Airflow: a data engineer must switch it on."
        return "" if self.scheduler_alive else "Airflow's scheduler does not run."


def airflow_state(session: SessionDep) -> AirflowState:
    """As Airflow's own database has it now."""
    from airflow.jobs.scheduler_job_runner import SchedulerJobRunner
    from airflow.models.dag import DagModel
    from sqlalchemy import select

    job = SchedulerJobRunner.most_recent_job(session=session)
    query = select(DagModel.dag_id, DagModel.is_paused).where(DagModel.dag_id.like(_OURS), ~DagModel.is_stale)
    paused = {dag_id: bool(is_paused) for dag_id, is_paused in session.execute(query)}
    return AirflowState(bool(job and job.is_alive()), job.latest_heartbeat if job else None, paused)

"""By when a request should be decided: a deadline reference of our own, counted in working days from the run's start.

Airflow's own cannot serve. With `DAGRUN_QUEUED_AT` no task of a run can be cleared in Airflow 3.3.2 (its API answers
500: it takes the stored interval for seconds); with `DAGRUN_LOGICAL_DATE` a run without a logical date cannot start.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any, ClassVar

from airflow.sdk.definitions.deadline import BaseDeadlineReference

from extracts.agreement.working_days import working_days_after
from extracts.steps.workplace import LOCAL


@dataclass(eq=False)
class WorkingDayTarget(BaseDeadlineReference):
    """The end of the working day that is so many after the one on which the run was to start."""

    working_days: int = 0
    required_kwargs: ClassVar[set[str]] = {"dag_id", "run_id"}

    def serialize_reference(self) -> dict[str, Any]:
        """How Airflow keeps it."""
        return {**super().serialize_reference(), "working_days": self.working_days}

    @classmethod
    def deserialize_reference(cls, reference_data: dict[str, Any]) -> WorkingDayTarget:
        """What Airflow kept."""
        return cls(int(reference_data["working_days"]))

    def _evaluate_with(self, *, session: Any, dag_id: str, run_id: str) -> datetime | None:
        """Asked by the process that creates the run, within its own transaction."""
        from airflow.models import DagRun
        from sqlalchemy import select

        started = session.scalar(select(DagRun.run_after).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id))
        return end_of_target(started, self.working_days) if started else None


def end_of_target(started: datetime, working_days: int) -> datetime:
    """The midnight (Europe/London) that ends the target's last working day."""
    last = working_days_after(started.astimezone(LOCAL).date(), working_days)
    return datetime.combine(last + timedelta(days=1), time.min, LOCAL)

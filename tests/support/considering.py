"""One review of a request in Airflow's terms, without a scheduler: what is asked of whom, and what an answer does."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import TaskAwaitingInput

from extracts.catalogue.reviewers import ReviewKind
from extracts.scheduling.consideration_dag import consideration_dag
from tests.support.command_line import environment_of
from tests.support.world import World


@dataclass
class Considering:
    """A run of `consider_request` for one version; what its tasks asked Airflow for is in `asked`, newest last."""

    world: World
    request_id: str
    version: Any = 1
    asked: list[dict[str, Any]] = field(default_factory=list)
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def use(self, monkeypatch: pytest.MonkeyPatch) -> Considering:
        """Let tasks find this world, and note what they ask Airflow for."""
        for name, value in environment_of(self.world).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(
            "airflow.providers.standard.operators.hitl.upsert_hitl_detail", lambda **asked: self.asked.append(asked)
        )
        return self

    @property
    def context(self) -> dict[str, Any]:
        """What Airflow hands to a task, as far as ours look at it."""
        conf = {"request_id": self.request_id, "version": self.version}
        run = SimpleNamespace(conf=conf, run_after=self.started_at)
        pushed: dict[str, Any] = {}
        ti = SimpleNamespace(id="ti", xcom_push=lambda key, value: pushed.update({key: value}), pushed=pushed)
        return {"dag_run": run, "ti": ti, "task_instance": ti}

    def run(self, task_id: str, context: dict[str, Any] | None = None) -> Any:
        """Execute a task of the DAG. Raises what it raises."""
        return consideration_dag().get_task(task_id).execute(context or self.context)

    def ask(self, review: ReviewKind) -> dict[str, Any]:
        """Run a review until it waits; what was asked for."""
        with pytest.raises(TaskAwaitingInput):
            self.run(f"review_{review.value.replace(' ', '_')}")
        return self.asked[-1]

    def answer(self, review: ReviewKind, user: Any, chosen: Any = ("supports",), **given: Any) -> Any:
        """What happens once Airflow has stored an answer: the task resumes with it."""
        task = consideration_dag().get_task(f"review_{review.value.replace(' ', '_')}")
        fields = {"reasons": "Looked at.", "refuse": "", "conditions": ""} | given
        event = {
            "chosen_options": list(chosen) if isinstance(chosen, tuple) else chosen,
            "params_input": fields,
            "responded_at": datetime.now(UTC),
            "responded_by_user": {"id": user, "name": user} if isinstance(user, str) else user,
            "timedout": False,
        }
        return task.execute_complete(self.context, event)  # type: ignore[attr-defined]

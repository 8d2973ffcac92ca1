"""Which worker took how many tasks, as Airflow remembers it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from extracts.errors import TechnicalFailure
from extracts.local.demo import World
from extracts.production.shape import WORKERS


def tasks_by_worker(world: World) -> dict[str, int]:
    """Tasks that each worker took, over all runs of all agreements; those that took none included."""
    with world.airflow.client("engineer") as client:
        dags = [f"extract__{decided.request_id}" for decided in world.decided if decided.approved]
        runs = [(dag, run["dag_run_id"]) for dag in dags for run in client.runs(dag)]
        hosts = [str(task["hostname"]) for dag, run in runs for task in client.task_instances(dag, run)]
    return {name: Counter(hosts)[name] for name in WORKERS}


def check_all_worked(taken: Mapping[str, int]) -> None:
    """Raises TechnicalFailure, naming who took no task."""
    if idle := [name for name, count in taken.items() if not count]:
        raise TechnicalFailure(
            f"{' and '.join(idle)} took no task, though the others did.",
            advice="Its log is in EXTRACTS_HOME, airflow/logs: did it reach the queue?",
        )

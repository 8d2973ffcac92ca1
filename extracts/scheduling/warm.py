"""What tasks import, imported once by the process that forks them, so that no task pays for it.

Airflow forks a task from the scheduler (LocalExecutor) or from a Celery worker, and a file that is parsed from the DAG
processor. Great Expectations, DuckDB and the rest take some four seconds of the processor, in every task anew.

Rules:
1. Only imports happen here: no thread of ours, no connection and no open file that a fork would inherit.
2. A process that forks none of this imports none of it, and a library that is missing is missed by the task that needs
   it, not here.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, Final

from airflow.configuration import conf
from airflow.listeners import hookimpl

_log = logging.getLogger(__name__)

FOR_TASKS: Final = (
    *(f"extracts.steps.gate_{gate}" for gate in ("approval", "source", "build", "validate", "sign", "release")),
    *("extracts.steps.outcome", "extracts.steps.expiry", "extracts.steps.lineage_sending", "extracts.record.boundary"),
    *("extracts.steps.canaries", "extracts.extraction.sources.postgres", "extracts.extraction.sources.checks"),
    *("extracts.extraction.engine", "extracts.extraction.holds", "extracts.extraction.inspection"),
    *("extracts.extraction.validation", "extracts.extraction.validation_engine", "duckdb_engine"),
    *("extracts.handover.dropzone.folder", "extracts.catalogue.odcs", "extracts.scheduling.agreement_dag"),
    *("extracts.scheduling.consideration_steps", "extracts.steps.clocks", "extracts.steps.notice_sending"),
)
FOR_PARSING: Final = (
    *("extracts.scheduling.dag_folder", "extracts.scheduling.docs", "extracts.scheduling.story"),
    *("extracts.scheduling.timetable", "extracts.scheduling.clocks_dag", "extracts.scheduling.consideration_dag"),
    *("extracts.scheduling.notices_dag", "extracts.scheduling.feasibility_dag", "extracts.settings"),
)


class WarmStart:
    """Airflow's hook for a part that starts, before it forks anything."""

    @hookimpl
    def on_starting(self, component: Any) -> None:
        """The scheduler, if it is what runs tasks, and the DAG processor."""
        import_all(forked_by(sys.argv[1:], conf.get("core", "executor")))


def forked_by(arguments: Sequence[str], executor: str) -> tuple[str, ...]:
    """What the children of `airflow ARGUMENTS` import."""
    part = next(iter(arguments), "")
    if part == "dag-processor":
        return FOR_PARSING
    return FOR_TASKS if part == "scheduler" and "LocalExecutor" in executor else ()


def import_all(modules: Sequence[str]) -> None:
    """Imports what is there; says what is not, for whoever wonders why tasks start slowly."""
    logging.getLogger("great_expectations").setLevel(logging.WARNING)  # it tells of each of its functions
    for module in modules:
        try:
            import_module(module)
        except ImportError as error:
            _log.warning("%s cannot be imported ahead of tasks (%s).", module, error)

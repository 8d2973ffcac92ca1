"""Calls a step for a task, and lets only our own words through to Airflow: foreign exceptions may quote values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from extracts.errors import ExtractsError, TechnicalFailure
from extracts.scheduling.step_operator import as_airflow
from extracts.steps.run_folder import plain_paths


def guarded(name: str, call: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What `call` finds, as plain JSON. Raises Airflow's exceptions only; those that it raises pass."""
    try:
        found: dict[str, Any] = plain_paths(call())
        return found
    except ExtractsError as error:
        failure = as_airflow(error)
    except Exception as error:
        failure = as_airflow(TechnicalFailure(f"{name} failed ({type(error).__name__})."))
    raise failure  # outside of the handlers: the exception that was caught is not even its context

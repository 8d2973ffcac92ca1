"""One round of what a DAG does every few minutes, with its end in Airflow's words.

Rules:
1. It holds no worker: it does what is due and ends. What could not be done is due again in a later round, by the
   register's own record, so Airflow retries nothing.
2. What cannot be dealt with fails the task after everything else was done.
3. Only counts reach Airflow, and our own words: never those of a library.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from extracts.errors import ExtractsError, Outcome, TechnicalFailure
from extracts.scheduling.step_operator import as_airflow


class Done(Protocol):
    """What a round did, in counts, and what it could not do, in words."""

    @property
    def counts(self) -> dict[str, int]: ...

    @property
    def problems(self) -> Sequence[str]: ...


def one_round(what: Callable[[], Done], stopped: str) -> dict[str, int]:
    """The counts. `stopped`: how people are told of a fault of the program.

    Raises AirflowFailException for what could not be done, AirflowSkipException if another does it.
    """
    failure: AirflowException
    try:
        done = what()
        if not done.problems:
            return done.counts
        failure = _failed("; ".join(done.problems))
    except ExtractsError as error:
        failure = as_airflow(error) if error.outcome is Outcome.NOTHING_DUE else _failed(str(error))
    except Exception as error:
        failure = _failed(str(TechnicalFailure(f"{stopped} ({type(error).__name__}).")))
    raise failure  # outside of the handlers: the exception that was caught is not even its context


def rounds_dag(dag_id: str, schedule: str, **words: Any) -> DAG:
    """A DAG of rounds, one at a time, at work from the beginning."""
    return DAG(
        dag_id,
        schedule=schedule,
        start_date=datetime(2026, 1, 1, tzinfo=UTC),
        catchup=False,
        max_active_runs=1,
        is_paused_upon_creation=False,
        tags=[dag_id],
        **words,
    )


def _failed(told: str) -> AirflowFailException:
    return AirflowFailException(f"{Outcome.FAILED.value}: {told}")

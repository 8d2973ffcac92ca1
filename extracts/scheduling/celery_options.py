"""Celery's options (`[celery] celery_config_options`): Airflow's own, and a worker imports before it forks.

Only a worker asks for its modules; the scheduler, which sends tasks to the queue, reads the options alone.
"""

from __future__ import annotations

from typing import Any

from airflow.providers.celery.executors.default_celery import DEFAULT_CELERY_CONFIG
from celery.signals import import_modules

from extracts.scheduling.warm import FOR_TASKS, import_all

OPTIONS: dict[str, Any] = dict(DEFAULT_CELERY_CONFIG)


@import_modules.connect
def _before_it_forks(**_: Any) -> None:
    import_all(FOR_TASKS)

"""Says whether a part of the production shape is healthy: exit code 0 or 1. Light, since it is asked every half minute.

`python -m extracts.production.health airflow scheduler http://api-server:8080`
`python -m extracts.production.health worker celery@worker-1 /run/secrets/broker.url`
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

_PATIENCE_S = 5


def healthy_parts(url: str) -> set[str]:
    """The parts that Airflow's API calls healthy; none if it does not answer."""
    direct = build_opener(ProxyHandler({}))  # the machine's proxy settings are not for our own network
    try:
        with direct.open(f"{url}/api/v2/monitor/health", timeout=_PATIENCE_S) as answer:
            parts = json.load(answer)
    except (URLError, OSError, ValueError):
        return set()
    return {name.replace("_", "-") for name, part in parts.items() if part and part.get("status") == "healthy"}


def healthy_workers(broker_url: str) -> set[str]:
    """The Celery nodes that answer, by name; none if the queue does not."""
    from celery import Celery
    from kombu.exceptions import OperationalError

    with Celery(broker=broker_url, set_as_current=False) as app, app.connection_for_write() as connection:
        try:
            connection.ensure_connection(max_retries=1, interval_start=0)  # or it would be tried for minutes
            answers = app.control.ping(timeout=1, connection=connection)
        except (OperationalError, OSError):
            return set()
    return {node for answer in answers for node in answer}


def is_healthy(kind: str, name: str, where: str) -> bool:
    """Whether a part of Airflow (`where`: its API) or a worker (`where`: the file with the queue's address) is."""
    if kind == "worker":
        return name in healthy_workers(Path(where).read_text().strip())
    return name in healthy_parts(where)


if __name__ == "__main__":
    sys.exit(0 if is_healthy(*sys.argv[1:4]) else 1)

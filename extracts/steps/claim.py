"""Which run may use an agreement's staging folder. A dead run's leftovers are removed by the next one.

Rules:
1. A claim names the run and its process, by number and start, since numbers are used again. A run from the command line
   is dead when its process is; a run of Airflow has no process between its tasks, so there the DAG's own limit of one
   active run decides. After twelve hours, or on another machine, only the time decides.
2. A live run's folder is never touched: whoever comes second is told that it is busy.
3. Whatever a dead run left is removed by the next run that ends, whichever agreement it is of and however it went.
4. A claim is read and written under one lock: two that come at once cannot both have it.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from extracts.errors import Busy, Refused
from extracts.steps.run_folder import remove_staged

if TYPE_CHECKING:
    from extracts.steps.run import RunKey
    from extracts.steps.run_folder import RunFolder

_CLAIM = "run.json"
_ABANDONED = timedelta(hours=12)


def claim_staging(folder: RunFolder, key: RunKey, now: datetime) -> Path:
    """The staging folder, for this run alone, empty unless this run has been here. Raises Busy."""
    with _alone(folder):
        owner = _owner(folder.staging)
        if owner and owner["run"] != key.name and _lives(owner, now, same_dag=_is_same_dag(owner, key)):
            raise Busy(
                f"Another run of {key.request_id} is under way ({owner['run']}).",
                advice="Wait for it; `extracts why` tells how it ended.",
            )
        if owner is None or owner["run"] != key.name or (owner["pid"], owner["started"]) != _process():
            # Also for a further try of the same run: what a killed try left is not built upon.
            folder.wipe_staging()
        staging = folder.open_staging()
        pid, started = _process()
        claim = {"run": key.name, "pid": pid, "started": started, "host": _host(), "dag": key.dag_id}
        (staging / _CLAIM).write_text(json.dumps(claim | {"at": now.isoformat()}))
        return staging


def check_staging(folder: RunFolder, key: RunKey) -> Path:
    """The staging folder if it is still this run's. Raises Refused otherwise."""
    owner = _owner(folder.staging)
    if owner is None or owner["run"] != key.name:
        raise Refused("The staged extract is gone or belongs to another run.", advice="Start a new run.")
    return folder.staging


def release_staging(folder: RunFolder, key: RunKey, now: datetime) -> None:
    """Remove what this run staged, and what dead runs left; a live run's folder is left alone.

    Raises TechnicalFailure if something cannot be removed.
    """
    with _alone(folder):
        for staging in sorted(p for p in folder.staging.parent.iterdir() if p.is_dir()):
            owner = _owner(staging)
            own = staging == folder.staging
            if own and owner and owner["run"] == key.name:
                owner = None
            if owner is None or not _lives(owner, now, same_dag=own and _is_same_dag(owner, key)):
                remove_staged(staging)


@contextmanager
def _alone(folder: RunFolder) -> Iterator[None]:
    folder.staging.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(folder.staging.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _owner(staging: Path) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads((staging / _CLAIM).read_text())
    except (OSError, ValueError):
        return None
    return found if {"run", "pid", "started", "host", "dag", "at"} <= found.keys() else None


def _is_same_dag(owner: dict[str, Any], key: RunKey) -> bool:
    return bool(owner["dag"]) and owner["dag"] == key.dag_id


def _lives(owner: dict[str, Any], now: datetime, *, same_dag: bool) -> bool:
    if same_dag or now - datetime.fromisoformat(owner["at"]) >= _ABANDONED:
        return False
    if owner["dag"] or owner["host"] != _host():
        return True
    return bool(_started(int(owner["pid"])) == owner["started"])


def _host() -> str:
    return os.uname().nodename


def _process() -> tuple[int, str]:
    return os.getpid(), _started(os.getpid())


def _started(pid: int) -> str:
    """When the process began, in ticks since the machine did; empty if there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    return stat.rpartition(")")[2].split()[19]  # behind the program's name, which may hold anything

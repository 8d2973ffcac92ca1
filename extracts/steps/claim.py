"""Which run may use an agreement's staging folder. A dead run's leftovers are removed by the next one.

Rules:
1. A claim names the run and its process. A run from the command line is dead when its process is; a run of Airflow
   has no process between its tasks, so there the DAG's own limit of one active run decides.
2. A live run's folder is never touched: whoever comes second is told that it is busy.
"""

from __future__ import annotations

import json
import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from extracts.errors import Busy, Refused

if TYPE_CHECKING:
    from extracts.steps.run import RunKey
    from extracts.steps.run_folder import RunFolder

_CLAIM = "run.json"
_ABANDONED = timedelta(hours=12)


def claim_staging(folder: RunFolder, key: RunKey, now: datetime) -> Path:
    """The staging folder, for this run alone, empty unless this run has been here. Raises Busy."""
    owner = _owner(folder)
    if owner and owner["run"] != key.name and _lives(owner, key, now):
        raise Busy(
            f"Another run of {key.request_id} is under way ({owner['run']}).",
            advice="Wait for it; `extracts why` tells how it ended.",
        )
    if owner is None or owner["run"] != key.name or owner["pid"] != os.getpid():
        # Also for a further try of the same run: what a killed try left is not built upon.
        folder.wipe_staging()
    staging = folder.open_staging()
    claim = {"run": key.name, "pid": os.getpid(), "dag": key.dag_id, "at": now.isoformat()}
    (staging / _CLAIM).write_text(json.dumps(claim))
    return staging


def check_staging(folder: RunFolder, key: RunKey) -> Path:
    """The staging folder if it is still this run's. Raises Refused otherwise."""
    owner = _owner(folder)
    if owner is None or owner["run"] != key.name:
        raise Refused("The staged extract is gone or belongs to another run.", advice="Start a new run.")
    return folder.staging


def release_staging(folder: RunFolder, key: RunKey) -> None:
    """Remove what this run staged; another run's folder is left alone."""
    owner = _owner(folder)
    if owner is None or owner["run"] == key.name:
        folder.wipe_staging()


def _owner(folder: RunFolder) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads((folder.staging / _CLAIM).read_text())
    except (OSError, ValueError):
        return None
    return found if {"run", "pid", "dag", "at"} <= found.keys() else None


def _lives(owner: dict[str, Any], key: RunKey, now: datetime) -> bool:
    if owner["dag"]:
        return not key.dag_id and now - datetime.fromisoformat(owner["at"]) < _ABANDONED
    return bool(owner["pid"] != os.getpid() and _is_process(int(owner["pid"])))


def _is_process(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
